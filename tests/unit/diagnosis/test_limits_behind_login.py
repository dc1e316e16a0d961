"""A limit on REGISTERs that carry a login is told from one for each account, by questions and in a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.diagnosis.loop import examine
from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import DECIDED, conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.finding import Finding
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Probe

USER = "throttle.user"
OF_ALL = frozenset({"throttle.registration-rate", "throttle.method"})
ONE_ACCOUNT = Permission(risk=Risk.MAY_TRIP, means=frozenset({Means.CREDENTIALS}))
TWO_ACCOUNTS = replace(ONE_ACCOUNT, means=ONE_ACCOUNT.means | {Means.KNOWN_GOOD_ACCOUNT})
FORBIDDEN = Answer(403, "Forbidden", 0.002)
REGISTERS = frozenset({Method.REGISTER, Method.REGISTER_CONTACT})
_LOADED = (Load.BRISK, Load.RAISED, Load.STORM, Load.CONCURRENT, Load.CROWD, Load.DURING)
_RIGHT = (Credentials.FRESH, Credentials.CACHED, Credentials.AGED)


def refuses(*accounts: Account, methods: frozenset[Method] = REGISTERS) -> Callable[[Probe], Outcome]:
    """A trunk that refuses these methods with logins of these accounts under a load; others it challenges."""

    def pbx(probe: Probe) -> Outcome:
        is_limited = probe.method in methods and probe.load in _LOADED and probe.account in accounts
        if is_limited and probe.credentials in _RIGHT and probe.aim is not Aim.SERVER:
            return Outcome.FORBIDDEN_AFTER_CHALLENGE
        if probe.method not in (Method.REGISTER, Method.REGISTER_CONTACT):
            return Outcome.OK
        if probe.credentials in (Credentials.NONE, Credentials.UNASKED):
            return Outcome.CHALLENGE
        if probe.credentials not in _RIGHT or probe.account is Account.NONEXISTENT:
            return Outcome.CHALLENGE_AGAIN
        is_met = probe.load in _LOADED and probe.account in accounts
        return Outcome.FORBIDDEN_AFTER_CHALLENGE if is_met else Outcome.OK

    return pbx


def pipe(limit: int, *, of_each_account: bool) -> Fault:
    """So many requests with a login in each second: all of one account, or the REGISTERs of everybody."""
    counts: dict[tuple[str, int], int] = {}

    def judge(request: Exchange) -> Answer | None:
        if request.carried is None or not (of_each_account or request.method == "REGISTER"):
            return None
        key = (request.carried.username if of_each_account else "", int(request.at))
        counts[key] = counts.get(key, 0) + 1
        return FORBIDDEN if counts[key] > limit else None

    return judge


def read(limiter: Fault, server: str) -> Finding:
    """Logins at rest, then 50 a second of one account with some of another and OPTIONS among them."""
    asked = [(BEGIN + turn * 20.0, login, "REGISTER") for turn in range(12) for login in ("trunk", "desk")]
    burst = BEGIN + 600.0
    asked += [(burst + number / 50.0, "trunk", "REGISTER") for number in range(200)]
    asked += [(burst + 0.71 + number * 0.9, "desk", "REGISTER") for number in range(4)]
    asked += [(burst + 0.75 + number * 0.3, "trunk", "OPTIONS") for number in range(10)]
    asked += [(burst + 20.0 + number * 20.0, "trunk", "REGISTER") for number in range(6)]
    pbx = Pbx(limiter, server=server)
    exchanges = [
        one
        for at, login, method in sorted(asked)
        for one in pbx.ask(at, method=method, user=login, login=login)
    ]
    beliefs = [believe(one, is_recorded=True) for one in observe(exchanges)]
    return conclude(beliefs, Permission(), is_recorded=True).findings[0]


def named(finding: Finding) -> frozenset[str]:
    """The cause and what is not told from it."""
    return frozenset({finding.cause, *finding.indistinguishable_from})


def test_logins_of_all_accounts_refused_at_a_rate_are_no_limit_of_one() -> None:
    """REGISTERs without a login are challenged in the same seconds, and OPTIONS pass."""
    found = examine(refuses(Account.OWN, Account.OTHER), TWO_ACCOUNTS, budget=4000)
    assert "p8.during.account" in {one.experiment for one in found.done}
    assert found.belief.causes[USER] < 0.05
    assert sum(found.belief.causes[one] for one in OF_ALL) > DECIDED


def test_logins_of_one_account_refused_at_a_rate_are_its_limit() -> None:
    """The other account passes in the same seconds; questions about users are counted as well."""
    limited = refuses(Account.OWN, methods=REGISTERS | {Method.OPTIONS})
    found = examine(limited, TWO_ACCOUNTS, budget=4000)
    assert "p8.during.account" in {one.experiment for one in found.done}
    assert found.belief.leading.causes == (USER,)
    assert sum(found.belief.causes[one] for one in OF_ALL) < 0.05


def test_with_one_account_both_are_named() -> None:
    """Whether another account would be refused as well is what would settle it."""
    found = examine(refuses(Account.OWN, Account.OTHER), ONE_ACCOUNT, budget=4000)
    said = conclude([found.belief], ONE_ACCOUNT)
    assert named(said.findings[0]) == {USER, *OF_ALL}
    assert said.separation is not None
    assert said.separation.experiment == "p8.during.account"


@pytest.mark.parametrize("server", ["kamailio (5.6.3 (x86_64/linux))", "Asterisk PBX 20.6.0", "ACME-SBC"])
@pytest.mark.parametrize("limit", [5, 7, 15])
def test_a_record_tells_them_by_the_other_account(limit: int, server: str) -> None:
    """Another account that is refused in the same second refutes a limit of one, as its entry says."""
    of_all = named(read(pipe(limit, of_each_account=False), server))
    assert of_all <= OF_ALL
    assert "throttle.registration-rate" in of_all
    assert named(read(pipe(limit, of_each_account=True), server)) == {USER}
