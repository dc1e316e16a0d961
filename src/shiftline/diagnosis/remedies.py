"""What to do where it is not clear which of several causes it is: first what helps against all of them."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.families import Family

AFTER_HEARSAY = (
    "Capture the trunk at that hour: `tcpdump -w trunk.pcap port 5060`.",
    "Read the capture, or the PBX's own log, beside this text: `shiftline doctor read trunk.pcap TEXT`.",
    "Or ask the trunk itself: `shiftline doctor run --server sip:PBX --user U --password-env VAR`.",
)
"""What to do where a refusal is told, and nothing else."""

AGAINST_SCANNERS = (
    "Nothing on the trunk: whoever scans is rightly refused.",
    "Keep it from the PBX before it is answered: a firewall, or fail2ban on the PBX's log.",
)


def remedy_of(cause: str, family: Family | None) -> tuple[str, ...]:
    """The steps of one cause; none of what is not in the catalogue."""
    return CATALOGUE[cause].remedy.of(family) if cause in CATALOGUE else ()


def remedy_of_one_of(causes: Sequence[str], family: Family | None) -> tuple[str, ...]:
    """The steps that all of them share, then the first of each that others lack; each step once."""
    each = {cause: remedy_of(cause, family) for cause in causes if cause in CATALOGUE}
    if len(each) <= 1:
        return next(iter(each.values()), ())
    first, *rest = each.values()
    shared = [step for step in first if all(step in steps for steps in rest)]
    apart: dict[str, list[str]] = {}
    for cause, steps in each.items():
        own = next((step for step in steps if step not in shared), None)
        if own is not None:
            apart.setdefault(own, []).append(cause)
    return (*shared, *(f"If it is {' or '.join(names)}: {step}" for step, names in apart.items()))
