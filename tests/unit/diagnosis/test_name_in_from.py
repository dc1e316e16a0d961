"""A limit of the name in From: it counts ahead of the login, from whichever address."""

from __future__ import annotations

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME

REFUSED, OK = Outcome.FORBIDDEN, Outcome.OK
SEEN = {
    "p0.options": Outcome.CHALLENGE,
    "p2.challenge": Outcome.CHALLENGE,
    "p3.credentials": OK,
    "p6.present": OK,
    "p8.register.brisk": OK,
    "p9.register": Outcome.FORBIDDEN_AFTER_CHALLENGE,
    "p8.register.raised": Outcome.FORBIDDEN_AFTER_CHALLENGE,
    "p8.during.register": REFUSED,
    "p8.during.source": REFUSED,
    "p8.during.user.source": REFUSED,
    "p8.during.account": OK,
    "p8.during.user.account": OK,
    "p8.during.options": Outcome.CHALLENGE,
}
"""As a Kamailio with `pl_check("f$fU", "TAILDROP", "20")` ahead of the login answered."""


def leading(**other: Outcome) -> tuple[str, ...]:
    told = SEEN | {name.replace("_", "."): outcome for name, outcome in other.items()}
    trials = [Trial(probe=PROGRAMME[name].probe, outcome=outcome) for name, outcome in told.items()]
    return believe(Evidence(trials=tuple(trials))).leading.causes


def test_the_good_account_passes_where_our_name_is_refused_from_both_addresses() -> None:
    """It was a limit of all together, though another account passed beside it."""
    assert leading() == ("throttle.user",)


def test_where_the_good_account_is_refused_as_well_all_share_it() -> None:
    all_refused = dict.fromkeys(("p8_during_account", "p8_during_user_account", "p8_during_options"), REFUSED)
    assert "throttle.user" not in leading(**all_refused)
