"""Why a trunk refuses: causes, what speaks for and against them, what to try next. Pure, as `sip` is.

A record of others' traffic becomes evidence with `observe`; an experiment's answer is one more `Trial`.
`believe` weighs the evidence, `next_experiment` says what to ask, `conclude` what is the matter.
"""
