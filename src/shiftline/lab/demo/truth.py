"""What should become of each trade: the decision table, applied to what the lab knows to be true.

Trades are taken in the order they were matched; an approval moves shifts, and the later trades are
reviewed by what is then true. Nothing here knows SIP, rows or time limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from shiftline.lab.demo.result import Verdicts
from shiftline.lab.org.entities import FailureReason
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.scenario import Scenario
from shiftline.trades.decision import DecisionPolicy, decide
from shiftline.trades.model import Evidence, EvidenceKind, Standing, TradeState, Verdict

KINDS: Mapping[Truth, EvidenceKind] = MappingProxyType(
    {
        Truth.AVAILABLE: EvidenceKind.AVAILABLE,
        Truth.BUSY: EvidenceKind.BUSY,
        Truth.NOT_REGISTERED: EvidenceKind.NOT_REGISTERED,
        Truth.UNKNOWN: EvidenceKind.UNKNOWN_USER,
    }
)
STATES = MappingProxyType({Verdict.APPROVE: TradeState.APPROVED, Verdict.DENY: TradeState.DENIED})


def true_verdicts(scenario: Scenario, policy: DecisionPolicy, now: datetime) -> dict[str, Verdict]:
    """Return the verdict of every trade by its id. Uses up the scenario: its shifts move."""
    org = scenario.org
    verdicts = {}
    for trade in org.trades():
        initiating, receiving = (_standing(scenario, agent, now) for agent in trade.agents)
        review = org.evaluate(trade.id).evaluation
        verdict = decide(initiating, receiving, review, policy).verdict
        if verdict in STATES:
            outcome = org.apply(trade.id, STATES[verdict], trade.version, "truth", now)
            if outcome.failure is not FailureReason.NONE:
                verdict = Verdict.REFER
        verdicts[trade.id] = verdict
    return verdicts


def counted(verdicts: Mapping[str, Verdict]) -> Verdicts:
    """Count the verdicts."""
    found = list(verdicts.values())
    return Verdicts(
        approved=found.count(Verdict.APPROVE),
        denied=found.count(Verdict.DENY),
        referred=found.count(Verdict.REFER),
    )


def _standing(scenario: Scenario, agent: str, now: datetime) -> Standing:
    user = scenario.org.users[agent]
    evidence = Evidence(agent=agent, kind=KINDS[scenario.phones[agent]], method="truth", taken_at=now)
    return Standing(
        agent=agent,
        evidence=evidence,
        has_address=user.address is not None,
        scheduled_now=scenario.org.is_working(agent, now),
    )
