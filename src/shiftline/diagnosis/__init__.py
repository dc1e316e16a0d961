"""Why a trunk refuses: causes, what speaks for and against them, what to try next. Pure, as `sip` is."""
