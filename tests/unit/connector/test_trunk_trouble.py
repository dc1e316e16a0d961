"""What the log says about a trunk: a line when trouble begins, a line when it ends, none between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from shiftline.connector.ownership import Ownership
from shiftline.connector.records import DueCheck, Lease
from shiftline.connector.trouble import TROUBLES, TrunkWatch
from shiftline.net.trunk_causes import CAUSES
from shiftline.trades.model import Evidence


class Runner:
    """A trunk whose trouble is set by hand."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.is_stopped = False
        self.passed = 0

    def knowledge(self) -> Mapping[str, Any]:
        return {"trouble": self.trouble, "passed": self.passed}

    def room(self) -> int:
        return 0

    def is_idle(self) -> bool:
        return True

    def submit(self, checks: Sequence[DueCheck]) -> None:
        raise NotImplementedError

    async def gathered(self, timeout_seconds: float) -> list[Evidence]:
        raise NotImplementedError

    def stopped_by(self) -> str | None:
        return self.trouble if self.is_stopped else None


class Keeper:
    """Gives every lease."""

    async def acquire(self, name: str, owner: str, ttl_seconds: float, grace_seconds: float) -> Lease | None:
        return Lease(name=name, owner=owner, epoch=1)

    async def renew(self, lease: Lease, ttl_seconds: float) -> bool:
        return True

    async def release(self, lease: Lease) -> None:
        return None


def watch(runner: Runner) -> tuple[TrunkWatch, Ownership]:
    ownership = Ownership(Keeper(), name="trunk:pbx", owner="me", boot_time=lambda: 0.0)
    return TrunkWatch(runner=runner, ownership=ownership, trunk="pbx", address="192.0.2.10:5060"), ownership


async def test_trouble_is_told_once() -> None:
    """However often it is looked at, with the address and a way out."""
    runner = Runner()
    watching, ownership = watch(runner)
    await ownership.keep()
    with capture_logs() as log:
        watching.look()
        runner.trouble = "network.unreachable"
        watching.look()
        watching.look()
        runner.trouble = None
        watching.look()
        watching.look()
    assert [(line["log_level"], line["event"], line["address"]) for line in log] == [
        ("warning", "trunk in trouble", "192.0.2.10:5060"),
        ("info", "trunk answers again", "192.0.2.10:5060"),
    ]
    assert log[0]["cause"] == "network.unreachable"
    assert "does not answer" in log[0]["why"]


async def test_a_rearmed_trunk_answers_when_something_has_passed() -> None:
    """Not when it may send again: then nothing has been asked yet."""
    runner = Runner()
    watching, ownership = watch(runner)
    await ownership.keep()
    runner.trouble, runner.is_stopped = "acl.source", True
    with capture_logs() as log:
        watching.look()
        runner.trouble, runner.is_stopped = None, False
        watching.look()
        watching.look()
        runner.passed = 1
        watching.look()
        watching.look()
    assert [line["event"] for line in log] == ["trunk in trouble", "trunk re-armed", "trunk answers again"]


async def test_a_rearmed_trunk_that_is_stopped_again_never_answered() -> None:
    """However much passed before."""
    runner = Runner()
    watching, ownership = watch(runner)
    await ownership.keep()
    with capture_logs() as log:
        for trouble in ("acl.source", None, "acl.source"):
            runner.trouble, runner.is_stopped = trouble, trouble is not None
            watching.look()
    assert [line["event"] for line in log] == ["trunk in trouble", "trunk re-armed", "trunk in trouble"]


async def test_only_the_owner_tells() -> None:
    """Another worker's trunk is silent because it asks nothing."""
    runner = Runner()
    runner.trouble = "network.unreachable"
    watching, _ = watch(runner)
    with capture_logs() as log:
        watching.look()
    assert log == []


@pytest.mark.parametrize("cause", [*CAUSES.values(), "throttle.user"])
async def test_every_cause_has_its_words(cause: str) -> None:
    """What stops a trunk or holds it up is explained; what is new points to the verb that shows more."""
    runner = Runner()
    runner.trouble = cause
    watching, ownership = watch(runner)
    await ownership.keep()
    with capture_logs() as log:
        watching.look()
    assert log[0]["cause"] == cause
    assert "{" not in log[0]["why"]
    assert (cause in TROUBLES) != ("shiftline trunk show pbx" in log[0]["why"])
