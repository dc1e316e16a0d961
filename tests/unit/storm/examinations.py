"""Whole examinations in virtual time, as several tests make them."""

from __future__ import annotations

from functools import cache

from tests.unit.storm.virtual import OWN, VirtualServer

from shiftline.secrets import Secret
from shiftline.storm.examine import Examination, Examiner
from shiftline.storm.plan import ClosedLoop, Mixed, Plan, Target
from shiftline.storm.script import METHOD_SCRIPTS, Method
from shiftline.storm.verdict.verdict import Verdict

SPARES = [f"127.0.0.{number}" for number in range(201, 211)]
PLAN = Plan(
    target=Target(host="127.0.0.1"),
    load=ClosedLoop(concurrency=100),
    mix=(Mixed(script=METHOD_SCRIPTS[Method.REGISTER]),),
    names=[f"agent{number:04d}" for number in range(1, 101)],
    passwords=[Secret("secret")],
    sources=(OWN,),
    seconds=6.0,
    timeout_seconds=4.0,
)


def examined(server: VirtualServer, plan: Plan = PLAN, spares: list[str] = SPARES) -> Examination:
    return Examiner(plan, server.ask, server.rest, spares=spares).examine()


@cache
def of_a_window() -> tuple[VirtualServer, Examination]:
    """One examination for all that only look at it."""
    server = VirtualServer("window:20/1s", rate=300.0)
    return server, examined(server)


def verdict_of(server: VirtualServer, plan: Plan = PLAN, spares: list[str] = SPARES) -> Verdict:
    verdict = examined(server, plan, spares).verdict
    assert verdict is not None
    return verdict
