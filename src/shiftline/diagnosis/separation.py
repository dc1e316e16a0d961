"""The experiment that would settle what is open, in words and as a command."""

from __future__ import annotations

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.choose import LEAST_BITS, information, price
from shiftline.diagnosis.experiment import Experiment, Means, Permission, Risk
from shiftline.diagnosis.finding import Separation
from shiftline.diagnosis.probe import Shape
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.stopping import DECIDED

DOCTOR_RUN = "shiftline doctor run --server sip:PBX"
"""How a command begins where nobody knows whom it is about."""
_OPTIONS = {
    Means.CREDENTIALS: "--user U --password-env VAR",
    Means.KNOWN_GOOD_ACCOUNT: "--known-good USER",
    Means.SECOND_SOURCE: "--source IP --source IP2",
    Means.SUBSCRIPTIONS: "--subscribes",
}


def separate(belief: Belief, permission: Permission) -> Separation | None:
    """What to ask to tell the remaining explanations apart; None if they are settled or nothing would.

    Looks beyond the permission: what is not allowed now may be allowed in a quiet hour.
    """
    if belief.leading.probability >= DECIDED:
        return None
    asked = {trial.experiment for trial in belief.evidence.trials}
    open_ones = [one for one in PROGRAMME.values() if one.id not in asked]
    scored = [(information(belief, one.probe), one) for one in open_ones]
    telling = [(bits / price(one), one.id, one) for bits, one in scored if bits >= LEAST_BITS]
    if not telling:
        return None
    _, _, best = max(telling, key=lambda item: item[:2])
    return Separation(
        experiment=best.id,
        sentence=f"{best.title[0].upper()}{best.title[1:]}: it tells {best.reads}.",
        command=_command(best, permission),
    )


def _command(one: Experiment, permission: Permission) -> str:
    words = [DOCTOR_RUN]
    words += [_OPTIONS[means] for means in sorted(one.needs - permission.means) if means in _OPTIONS]
    if one.probe.shape is Shape.OTHER_DOMAIN:
        words.append("--domain NAME")
    if one.risk > Risk.HARMLESS and one.risk > permission.risk:
        words.append(f"--allow {one.risk.word}")
    return " ".join(words)
