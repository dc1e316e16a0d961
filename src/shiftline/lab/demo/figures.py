"""The figures of the demo's contract as rows of a table: what they are, and what each run has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from shiftline.lab.demo.result import DemoResult, Phase
from shiftline.lab.demo.wording import count, seconds, share

NOT_APPLICABLE = "\N{EN DASH}"


class Mark(StrEnum):
    """What a cell says beyond its number."""

    NONE = ""
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A number as people read it."""

    text: str
    mark: Mark = Mark.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row. ``key`` is the figure's name in the JSON of the contract; empty when it is not in there."""

    key: str
    label: str
    meaning: str
    before: Cell
    after: Cell
    truth: Cell = Cell(text=NOT_APPLICABLE)


def figures(result: DemoResult) -> tuple[Figure, ...]:
    """All figures of the contract, in the order of its keys."""
    return (*_of_trades(result), *_of_checks(result), *_of_campaign(result))


def _of_trades(result: DemoResult) -> Iterator[Figure]:
    yield _counted(result, "trades", "Trades", "Matched shift trades that asked for a decision.", _trades)
    yield _verdict(
        result, "approved", "Approved", "Both agents can be reached, and the planning rules are kept."
    )
    yield _verdict(
        result, "denied", "Denied", "An explicit rule forbids the trade; a phone check alone never denies."
    )
    yield _verdict(
        result,
        "referred",
        "Referred",
        "Handed to a supervisor in time, with the reason, because a person must look.",
    )
    yield _counted(
        result,
        "stuck",
        "Stuck",
        "Neither decided nor referred by the last moment at which a supervisor could still act.",
        lambda phase: phase.stuck,
        bad_above=0,
    )
    yield _counted(
        result,
        "wrong",
        "Wrong",
        "Decided otherwise than the decision table says for what was really so.",
        lambda phase: phase.wrong,
        bad_above=0,
    )


def _of_checks(result: DemoResult) -> Iterator[Figure]:
    before, after = result.before, result.after
    yield _counted(
        result,
        "checks_sent",
        "Checks sent",
        "Requests that reached the PBX; a repeated one counts again.",
        lambda phase: phase.checks_sent,
    )
    yield _counted(
        result,
        "refused",
        "Checks refused",
        "Requests that the PBX's throttle turned away.",
        lambda phase: phase.refused,
    )
    yield Figure(
        key="",
        label="Share refused",
        meaning="Checks refused among checks sent.",
        before=Cell(text=share(before.refused_share)),
        after=Cell(text=share(after.refused_share)),
    )
    yield Figure(
        key="seconds",
        label="Time",
        meaning="From the publish until the run had nothing left to do.",
        before=Cell(text=seconds(before.seconds)),
        after=Cell(text=seconds(after.seconds)),
    )
    yield Figure(
        key="ideal_seconds",
        label="Shortest possible time",
        meaning="Agents to be checked, divided by the hidden limit or a lower declared rate.",
        before=Cell(text=NOT_APPLICABLE),
        after=Cell(text=seconds(after.ideal_seconds)),
    )
    yield Figure(
        key="efficiency",
        label="Efficiency",
        meaning="The shortest possible time, as a share of the time from the first check to the last answer.",
        before=Cell(text=NOT_APPLICABLE),
        after=Cell(text=share(after.efficiency)),
    )


def _of_campaign(result: DemoResult) -> Iterator[Figure]:
    yield _counted(
        result,
        "overshoot_windows",
        "Overshoot windows",
        "Windows of the throttle (one second each) in which anybody's request was refused.",
        lambda phase: phase.overshoot_windows,
    )
    yield _counted(
        result,
        "campaign.calls",
        "Campaign calls",
        "Calls that the outbound campaign, the other sender, placed through the same PBX meanwhile.",
        lambda phase: phase.campaign_calls,
    )
    refused = _counted(
        result,
        "campaign.refused",
        "Campaign calls refused",
        "Calls of the campaign that the PBX turned away.",
        lambda phase: phase.campaign_refused,
        bad_above=0,
    )
    # Who has to learn a limit that is shared cannot but touch it once: that is no fault of the run after.
    if result.settings.learns_shared:
        refused = replace(refused, after=replace(refused.after, mark=Mark.NONE))
    yield refused


def _trades(phase: Phase) -> int:
    return phase.trades


def _counted(
    result: DemoResult,
    key: str,
    label: str,
    meaning: str,
    of: Callable[[Phase], int],
    *,
    bad_above: int | None = None,
) -> Figure:
    before, after = of(result.before), of(result.after)
    return Figure(
        key=key,
        label=label,
        meaning=meaning,
        before=Cell(text=count(before), mark=_above(before, bad_above)),
        after=Cell(text=count(after), mark=_above(after, bad_above)),
    )


def _above(number: int, bad_above: int | None) -> Mark:
    if bad_above is None:
        return Mark.NONE
    return Mark.BAD if number > bad_above else Mark.GOOD


def _verdict(result: DemoResult, key: str, label: str, meaning: str) -> Figure:
    before, after, truth = (
        getattr(verdicts, key) for verdicts in (result.before.verdicts, result.after.verdicts, result.truth)
    )
    return Figure(
        key=key,
        label=label,
        meaning=meaning,
        before=Cell(text=count(before)),
        after=Cell(text=count(after), mark=Mark.GOOD if after == truth else Mark.BAD),
        truth=Cell(text=count(truth)),
    )
