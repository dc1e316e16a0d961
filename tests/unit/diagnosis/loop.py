"""Plays the doctor against a PBX that is a function from probes to outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.choose import next_experiment
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.experiment import Done, Means, Permission, Risk, Stop
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Probe

EVERYTHING = Permission(risk=Risk.MAY_RING, means=frozenset(Means), patience_seconds=400.0)
_REFUSED_LOGINS = (Outcome.CHALLENGE_AGAIN, Outcome.FORBIDDEN_AFTER_CHALLENGE)


@dataclass(frozen=True)
class Examined:
    """How it ended."""

    belief: Belief
    done: tuple[Done, ...]
    stop: Stop

    @property
    def requests(self) -> int:
        """What it cost."""
        return sum(one.requests for one in self.done)


def examine(
    pbx: Callable[[Probe], Outcome], permission: Permission = EVERYTHING, budget: int = 400
) -> Examined:
    """Ask until there is nothing more to ask."""
    evidence, done, now, accepted = Evidence(), list[Done](), 0.0, set[Account]()
    while True:
        belief = believe(evidence)
        step = next_experiment(belief, permission, done, budget=budget, now=now)
        if isinstance(step, Stop):
            return Examined(belief, tuple(done), step)
        asked = step.experiment
        now = max(now + 1.0, step.not_before)
        outcome = pbx(asked.probe)
        carried = asked.probe.credentials is not Credentials.NONE
        if carried and outcome is Outcome.OK:
            accepted.add(asked.probe.account)
        is_refused_login = carried and outcome in _REFUSED_LOGINS and asked.probe.account not in accepted
        done.append(
            Done(
                experiment=asked.id,
                at=now,
                outcome=outcome,
                requests=asked.cost,
                refused_credentials=int(is_refused_login),
                account=asked.probe.account,
            )
        )
        budget -= asked.cost
        evidence = evidence.with_trials(Trial(probe=asked.probe, outcome=outcome, experiment=asked.id))
