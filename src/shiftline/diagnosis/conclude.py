"""From beliefs to a diagnosis: what is the matter, what speaks for and against it, what would settle it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shiftline.diagnosis.basis import basis_of
from shiftline.diagnosis.belief import UNKNOWN, Belief, Explanation
from shiftline.diagnosis.beside import beside
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.header_marks import NAMES_ITSELF
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.catalogue.marks import NEVER, STRONG
from shiftline.diagnosis.classes import class_of
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.finding import Basis, Diagnosis, Finding
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.loads_passed import ASKED
from shiftline.diagnosis.remedies import AFTER_HEARSAY, AGAINST_SCANNERS, remedy_of_one_of
from shiftline.diagnosis.separation import separate
from shiftline.diagnosis.silent import Silent, explains, silent_causes
from shiftline.diagnosis.statements import statements_for
from shiftline.diagnosis.suspicions import suspicions_of
from shiftline.diagnosis.unasked import unasked
from shiftline.diagnosis.without_one import SURE, confidence_without_one
from shiftline.diagnosis.wording import LIMITS

RIVAL = 0.25
"""An explanation of at least this share of the leading one's probability is as good as it."""
TWIN = 0.002
"""One of the same class that fits the evidence as well, and is only rarer, is named from here on."""
LIKELY_FAMILY = 0.5
"""Families of at least this share of the likeliest one's probability: their classes count."""
DECIDED = 0.5
"""Below this nobody is named."""
MOST_SURE_OF_HEALTH = 0.89
MOST_SURE_BY_ONE = 0.85
"""What a verdict claims at most that would not be sure without one piece of the evidence."""
_AS_WELL = math.log(0.03)
_AS_WELL_RECORDED = math.log(0.3)
"""What an even chance costs that was met often: one fact that contradicts costs far more."""
_MOST_NAMED = 24
_TELLS_NOTHING = (Basis.NOTHING, Basis.HEARSAY)
_OF_A_LIMIT = (
    "limit", "window_seconds", "rate", "burst", "set_off", "recovered_after", "in_flight", "places",
)  # fmt: skip
"""Figures that are measured of whatever answers a load."""


@dataclass(frozen=True, slots=True)
class _Group:
    """A cause of the leading explanation, and those that explain as well in its place."""

    cause: str
    others: tuple[str, ...]
    share: float
    """That the cause itself is at work."""
    confidence: float
    """That it or one of the others is."""
    is_open: bool
    """Whether one of the others is likely, too."""
    beside: tuple[str, ...] = ()
    """The other cause of the leading explanation."""
    without_one: float = 1.0
    """The confidence without the piece of evidence that tells most."""
    silent: float = 0.0
    """That something is at work beside health for which nothing speaks, and which nothing asked about."""

    @property
    def is_decided(self) -> bool:
        """Whether the cause can be named."""
        return not self.is_open and self.share + self.silent >= DECIDED and self.cause != UNKNOWN


def conclude(
    beliefs: Sequence[Belief],
    permission: Permission,
    *,
    requests_sent: int = 0,
    is_recorded: bool = False,
    is_over: bool = True,
) -> Diagnosis:
    """The diagnosis of one or several subjects, the gravest first.

    ``is_recorded``: it rests on records alone, in which nobody chose the questions. Then all that explains
    them as well is named, and not only what no experiment would tell apart. Not ``is_over``: something ended
    the questions while more would have told; what was not asked clears nobody.

    Raises ValueError if there is no belief.
    """
    if not beliefs:
        raise ValueError("a diagnosis needs at least one belief")
    found = [
        (belief, group)
        for belief in beliefs
        for group in _groups(belief, permission, is_recorded=is_recorded)
    ]
    ill = [pair for pair in found if pair[1].cause != HEALTHY]
    ranked = sorted(ill or found[:1], key=_gravity)
    basis = basis_of(beliefs, is_recorded=is_recorded)
    findings = tuple(_finding(belief, group) for belief, group in ranked)
    if basis in _TELLS_NOTHING:
        steps = AFTER_HEARSAY if basis is Basis.HEARSAY else ()
        findings = tuple(replace(one, is_decided=False, remedy=steps) for one in findings)
    ours = [one for one in beliefs if not one.evidence.subject.is_scanner] or beliefs
    about_us = [one for one in findings if not one.subject.is_scanner] or findings
    belief, main = ranked[0]
    separation = separate(belief, permission, (main.cause, *main.others))
    is_healthy = main.cause == HEALTHY and not is_recorded
    return Diagnosis(
        cause=main.cause if findings[0].is_decided else None,
        confidence=findings[0].confidence,
        findings=findings,
        suspicions=suspicions_of(ours, about_us, separation, is_over=is_over),
        separation=separation,
        families=_families(beliefs),
        requests_sent=requests_sent,
        unasked=unasked(main.others, _likely_homes(belief), permission) if is_healthy else (),
        basis=basis,
        beside=() if is_recorded else beside(belief.evidence.trials, (main.cause, *main.others)),
    )


def _gravity(pair: tuple[Belief, _Group]) -> tuple[bool, int, float]:
    """In which order subjects are told: a scanner after all that somebody serves, however often it asks."""
    belief, group = pair
    subject = belief.evidence.subject
    return subject.is_scanner, -subject.refused, -group.confidence


def _groups(belief: Belief, permission: Permission, *, is_recorded: bool) -> list[_Group]:
    leading = _leading(belief, is_recorded=is_recorded)
    homes = _likely_homes(belief)
    groups = []
    for cause in leading.causes:
        rest = frozenset(leading.causes) - {cause}
        alike = {home: _alike(cause, home, permission) for home in homes}
        silent = _beside_health(belief, alike, is_recorded=is_recorded) if cause == HEALTHY else {}
        rivals, twins = [], []
        for one in belief.explanations:  # by falling probability: rivals come before twins
            if one.probability < TWIN:
                break
            swapped = _swapped(one, rest)
            is_silent = one.causes in silent
            if swapped is None or swapped == cause or (is_recorded and is_silent):
                continue
            if one.probability >= RIVAL * leading.probability and not is_silent:
                rivals.append(swapped)
                alike = {
                    home: names | _named_with(cause, swapped, home, permission)
                    for home, names in alike.items()
                }
            elif is_recorded:
                if one.fit >= leading.fit + _AS_WELL_RECORDED and _is_twin_in_records(cause, swapped):
                    twins.append(swapped)
            elif _is_twin(swapped, one, leading, alike):
                twins.append(swapped)
        others = (*rivals, *twins)[:_MOST_NAMED]
        members = {cause, *others}
        total = sum(one.probability for one in belief.explanations if members & frozenset(one.causes))
        groups.append(
            _Group(
                cause,
                others,
                belief.causes[cause],
                min(1.0, total),
                bool(rivals),
                tuple(sorted(rest)),
                _without_one(belief, members, is_recorded=is_recorded),
                sum(silent.values()),
            )
        )
    return groups


def _likely_homes(belief: Belief) -> list[Family]:
    least = LIKELY_FAMILY * max(belief.families.values())
    return [family for family, share in belief.families.items() if share >= least]


def _is_twin(
    cause: str, one: Explanation, leading: Explanation, alike: Mapping[Family, frozenset[str]]
) -> bool:
    """Whether nobody could tell it on a kind of PBX that this may be, and it fits as well on that very one.

    That it fits on a PBX of another kind, which this one hardly is, makes it nobody's twin.
    """
    least = max(leading.fit_on.get(home, -math.inf) for home in alike) + _AS_WELL
    return any(cause in names and one.fit_on.get(home, -math.inf) >= least for home, names in alike.items())


def _alike(cause: str, home: Family, permission: Permission) -> frozenset[str]:
    """What no experiment that is allowed tells from a cause."""
    return _not_asked_for(home, permission) if cause == HEALTHY else class_of(cause, home, permission)


def _not_asked_for(home: Family, permission: Permission) -> frozenset[str]:
    """What looks like health until more is allowed or said: a limit shows under a load alone, a rule about
    subscriptions to who subscribes.

    What no question shows is nobody's twin.
    """
    more = replace(permission, risk=max(permission.risk, Risk.MAY_TRIP), means=frozenset(Means))
    return class_of(HEALTHY, home, permission) - class_of(HEALTHY, home, more)


def _beside_health(belief: Belief, alike: Mapping[Family, frozenset[str]], *, is_recorded: bool) -> Silent:
    """What takes nothing from health: it was not looked at, and nothing that was seen speaks for it.

    A record shows no more than was asked; of an examination it is what more is allowed for. How usual it is
    says nothing of this trunk (decision 0018); it is told beside health.
    """
    if is_recorded:
        return silent_causes(belief)
    return silent_causes(belief, frozenset[str]().union(*alike.values()))


def _named_with(cause: str, rival: str, home: Family, permission: Permission) -> frozenset[str]:
    """Whoever is like one that is named is named as well; but not beside health."""
    return frozenset() if HEALTHY in (cause, rival) else class_of(rival, home, permission)


def _leading(belief: Belief, *, is_recorded: bool) -> Explanation:
    """The likeliest; but where nothing was refused, health before what explains nothing of the record."""
    first = belief.leading
    if (
        is_recorded
        and not belief.evidence.subject.refused
        and not _excludes_health(belief)
        and not any(cause == HEALTHY or explains(belief, cause) for cause in first.causes)
    ):
        return next((one for one in belief.explanations if one.causes == (HEALTHY,)), first)
    return first


def _excludes_health(belief: Belief) -> bool:
    """Whether something was noticed that no healthy trunk has."""
    return any(
        MARKS[mark.kind].causes.get(HEALTHY, 1.0) <= NEVER
        for mark in belief.evidence.marks
        if mark.kind in MARKS
    )


def _is_twin_in_records(cause: str, other: str) -> bool:
    """Whether a record could have shown the other one; beside health nobody is named for being silent."""
    return cause != HEALTHY and other in CATALOGUE and bool(CATALOGUE[other].signatures)


def _swapped(one: Explanation, others: frozenset[str]) -> str | None:
    """What stands in place of the cause beside the ``others``, if that is the only difference."""
    rest = frozenset(one.causes) - others
    return next(iter(rest)) if len(rest) == 1 and others <= frozenset(one.causes) else None


def _finding(belief: Belief, group: _Group) -> Finding:
    cause = CATALOGUE.get(group.cause)
    home = _home(belief)
    causes = (group.cause, *(() if group.cause == HEALTHY else group.others))
    return Finding(
        cause=group.cause,
        indistinguishable_from=group.others,
        confidence=_confidence(group),
        subject=belief.evidence.subject,
        statements=statements_for(belief, group.cause, group.others, group.beside),
        remedy=AGAINST_SCANNERS if belief.evidence.subject.is_scanner else remedy_of_one_of(causes, home),
        refuted_by="" if cause is None else cause.refuted_by,
        figures=_figures(belief, causes),
        is_decided=group.is_decided,
    )


def _home(belief: Belief) -> Family | None:
    """Whose commands help: what the answers name themselves, before what they behave like."""
    kinds = {mark.kind for mark in belief.evidence.marks if mark.kind.startswith(NAMES_ITSELF)}
    named = {
        family
        for kind in kinds & MARKS.keys()
        for family, factor in MARKS[kind].families.items()
        if factor >= STRONG
    }
    if named:
        return max(sorted(named), key=lambda family: belief.families.get(family, 0.0))
    family, sure = max(belief.families.items(), key=lambda item: item[1])
    return family if sure >= 0.5 else None


def _figures(belief: Belief, causes: Sequence[str]) -> dict[str, float]:
    """What was measured; of a limit only where one is named: else it is a number of something else."""
    figures: dict[str, float] = {}
    for trial in belief.evidence.trials:
        # From the lowest rate on that was refused: a faster load was refused as well.
        rate = min(trial.figures.get("rate", math.inf), figures.get("rate", math.inf))
        figures.update({name: value for name, value in trial.figures.items() if name != ASKED})
        if rate < math.inf:
            figures["rate"] = rate
    for mark in belief.evidence.marks:
        figures.update(mark.figures)
    if any(cause.startswith(LIMITS) for cause in causes):
        return figures
    return {name: value for name, value in figures.items() if not name.startswith(_OF_A_LIMIT)}


def _without_one(belief: Belief, members: set[str], *, is_recorded: bool) -> float:
    """Of single faults; that two are at work rests on several pieces of evidence anyway."""
    is_single = len(belief.leading.causes) == 1 and HEALTHY not in members
    if not is_single:
        return 1.0
    return confidence_without_one(belief, frozenset(members), is_recorded=is_recorded)


def _confidence(group: _Group) -> float:
    sure = group.share if group.is_decided else group.confidence
    if group.without_one < SURE:
        sure = min(sure, max(group.without_one, MOST_SURE_BY_ONE))
    # That nothing is wrong is never shown, only not refuted: a limit may lie beyond what was tried.
    return min(sure, MOST_SURE_OF_HEALTH) if group.cause == HEALTHY else sure


def _families(beliefs: Sequence[Belief]) -> Mapping[Family, float]:
    best = max(beliefs, key=lambda belief: max(belief.families.values()))
    return best.families
