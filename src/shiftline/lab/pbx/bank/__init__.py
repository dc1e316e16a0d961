"""The fault bank of the practice PBX: what can be wrong, by the ids of the doctor's catalogue.

An entry is data and a small maker: which fault, what is drawn from the seed, and how each family shows it
(facts: sip-403-signatures 3.1 to 3.6; the doctor's likelihoods come from the same facts, never from here).
"""
