"""A longer name makes a message longer: that one account's logins are refused is no matter of size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.diagnosis.records import BEGIN, OURS, Answer, Fault, Pbx, Window

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe

LIMIT = 750


def refuse_one(status: int) -> Fault:
    """The logins of one account of several that share an address."""

    def fault(request: Exchange) -> Answer | None:
        is_it = request.carried is not None and request.carried.username == "agent0001"
        return Answer(status, "Unauthorized", 0.003) if is_it else None

    return fault


def too_large(request: Exchange) -> Answer | None:
    """Above a size, whoever asks."""
    return Answer(403, "Forbidden", 0.001) if sized(request).size >= LIMIT else None


def sized(one: Exchange) -> Exchange:
    """As large as its names make it, and the body about every third user."""
    names = 2 * len(one.from_user) + len(one.user) + (0 if one.carried is None else 200)
    return replace(one, size=500 + names + 100 * one.user.endswith(("1", "4", "7")))


def record(*faults: Fault, seconds: float = 1.0, burst: float = 0.0, bodies: bool = False) -> Diagnosis:
    """Two accounts of one address, three questions of the one for each of the other; and a burst."""
    pbx = Pbx(*faults)
    asked: list[tuple[float, dict[str, Any]]] = [
        (BEGIN + seconds * number / 3.0, {"user": f"user{number:02d}"}) for number in range(90)
    ]
    asked += [
        (BEGIN + seconds * (number + 0.1), {"user": f"user{number:02d}", "login": "agent0001"})
        for number in range(30)
    ]
    if burst:
        asked += [(BEGIN + 10.0 + number / burst, {"user": "user00"}) for number in range(400)]
    found = [
        one
        for at, what in sorted(asked, key=lambda pair: pair[0])
        for one in pbx.ask(at, source=OURS, **what)
    ]
    found = [sized(one if bodies else replace(one, user="user00")) for one in found]
    beliefs = [believe(one, is_recorded=True) for one in observe(found)]
    return conclude(beliefs, Permission(), is_recorded=True)


@pytest.mark.parametrize(("status", "seconds"), [(401, 1.0), (401, 5.0), (403, 12.0)])
def test_a_wrong_password_of_the_longer_name_is_no_matter_of_size(status: int, seconds: float) -> None:
    """Its messages are 8 bytes longer. A second 401 is no limiter's word, also at 4 questions a second."""
    [finding] = record(refuse_one(status), seconds=seconds).findings
    assert finding.subject.values == ("agent0001",)
    assert "credentials.wrong-password" in {finding.cause, *finding.indistinguishable_from}
    assert finding.cause != "message.too-large"


def test_a_limit_beside_it_does_not_hide_the_account() -> None:
    """What it is refused for in the burst befalls the others more often; its second 401 is its own."""
    found = {one.subject.name: one for one in record(Window(30), refuse_one(401), burst=60.0).findings}
    assert found["the trunk"].cause == "throttle.source"
    account = found["account agent0001"]
    assert "credentials.wrong-password" in {account.cause, *account.indistinguishable_from}


def test_a_size_that_more_than_one_account_meets_is_still_one() -> None:
    """Refused and served within each account, by size."""
    [finding] = record(too_large, bodies=True).findings
    assert "message.too-large" in {finding.cause, *finding.indistinguishable_from}
