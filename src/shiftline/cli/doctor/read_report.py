"""What ``shiftline doctor read`` prints and writes of what it read."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shiftline.cli.doctor.findings import print_diagnosis, print_verdict
from shiftline.diagnosis.as_json import as_json as diagnosis_as_json
from shiftline.diagnosis.as_json import refusals_as_json
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.groups import Group, Key
from shiftline.diagnosis.statistics import Statistics
from shiftline.diagnosis.wording import LIMITS

if TYPE_CHECKING:
    from shiftline.cli.doctor.gathered import Gathered
    from shiftline.doctor.reading.ledger import FileEntry, Ledger

_MOST_ROWS = 8
_MOST_FITTED = 3
_TELLING = 0.8


def as_json(gathered: Gathered, diagnosis: Diagnosis | None) -> dict[str, Any]:
    """The diagnosis, and beside it what was read and counted. Keys: docs/reference/json.md."""
    nothing: dict[str, Any] = {"verdict": {"cause": None, "confidence": 0.0, "basis": "nothing"}}
    nothing |= {
        "findings": [],
        "suspects": [],
        "separating_experiment": None,
        "families": {},
        "requests_sent": 0,
    }
    ledger, statistics = gathered.reading.ledger, gathered.statistics
    return (nothing if diagnosis is None else diagnosis_as_json(diagnosis)) | {
        "refusals": refusals_as_json(statistics.refusals),
        "reading": {
            "files": [_file(entry) for entry in ledger.files],
            "messages": ledger.messages,
            "exchanges": ledger.exchanges,
            "remarks": ledger.remarks,
            "skipped": dict(ledger.skipped),
        },
        "traffic": {
            "first": _iso(statistics.first),
            "last": _iso(statistics.last),
            "statuses": {_status(status): count for status, count in sorted(statistics.statuses.items())},
            **{f"by_{key}": [_group(one) for one in statistics.groups(key)[:100]] for key in Key},
        },
    }


def _file(entry: FileEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "packets_or_lines": entry.packets,
        "messages": entry.messages,
        "remarks": entry.remarks,
        "clock_offset": round(entry.clock_offset, 6),
        "passed_over": entry.passed_over,
        "notes": entry.notes,
    }


def _group(group: Group) -> dict[str, Any]:
    has_refusals = group.refused + group.silent > 0
    threshold = group.threshold() if has_refusals else None
    fit = group.window_fit() if has_refusals else None
    return {
        "value": group.value,
        "requests": group.requests,
        "refused": group.refused,
        "silent": group.silent,
        "user_agents": dict(group.agents.most_common(10)),
        "busiest": {f"{window:g}": count for window, count in group.busiest().items()},
        "threshold": threshold
        and {
            "window_seconds": threshold.window_seconds,
            "arrivals": threshold.arrivals,
            "accuracy": round(threshold.accuracy, 4),
        },
        "window_fit": fit
        and {
            "window_seconds": fit.window_seconds,
            "lowest_limit": fit.lowest_limit,
            "highest_limit": fit.highest_limit,
        },
    }


def print_result(
    gathered: Gathered, diagnosis: Diagnosis | None, console: Console, zone: tzinfo = UTC
) -> None:
    """The verdict and what it rests on, then the traffic in figures, then the files; times in ``zone``."""
    if diagnosis is not None:
        print_verdict(diagnosis, gathered.statistics.refusals, console)
        print_diagnosis(diagnosis, console)
    if gathered.statistics.total:
        _print_traffic(gathered.statistics, diagnosis, console, zone)
    _print_files(gathered.reading.ledger, console)


def _print_files(ledger: Ledger, console: Console) -> None:
    table = Table(title="What was read")
    for name in ("file", "as", "SIP messages", "remarks", "notes"):
        is_number = name in ("SIP messages", "remarks")
        # A narrow terminal may break a head, never drop it.
        least = max(len(word) for word in name.split())
        table.add_column(name, justify="right" if is_number else "left", min_width=least)
    for entry in ledger.files:
        told = f"passed over: {entry.passed_over}" if entry.passed_over else "; ".join(entry.notes)
        table.add_row(
            escape(entry.name), entry.kind or "-", f"{entry.messages:,}", f"{entry.remarks:,}", escape(told)
        )
    console.print(table)
    for reason, count in ledger.skipped.most_common():
        console.print(f"  not used: {count:,} {escape(reason)}", style="dim")


def _names_a_limit(diagnosis: Diagnosis | None) -> bool:
    """Whether a limit is worth a number: one can be fitted to any refusal that comes after a passage."""
    findings = () if diagnosis is None else diagnosis.findings
    return any(finding.cause.startswith(LIMITS) for finding in findings)


def _rate_of(diagnosis: Diagnosis, source: str) -> float | None:
    """From which rate on some are refused, where a finding about this source says so."""
    for finding in diagnosis.findings:
        about = finding.subject
        if "rate" in finding.figures and (about.key != "source" or source in about.values):
            return finding.figures["rate"]
    return None


def _print_traffic(
    statistics: Statistics, diagnosis: Diagnosis | None, console: Console, zone: tzinfo
) -> None:
    with_limits = _names_a_limit(diagnosis)
    answers = ", ".join(
        f"{count:,} {_status(status)}" for status, count in Counter(statistics.statuses).most_common()
    )
    console.print(f"\n{statistics.total:,} requests {_span(statistics, zone)}: {answers}.")
    for key in Key:
        groups = statistics.groups(key)
        table = Table(title=f"By {key}")
        for name in (str(key), "requests", "403, 429, 503", "no answer", "most in 1 s", "in 10 s"):
            table.add_column(name, justify="left" if name == key else "right")
        for group in groups[:_MOST_ROWS]:
            busiest = group.busiest()
            table.add_row(
                escape(group.value) or "-", f"{group.requests:,}", f"{group.refused:,}", f"{group.silent:,}",
                f"{busiest[1.0]:,}", f"{busiest[10.0]:,}",
            )  # fmt: skip
        console.print(table)
        for group in groups[:_MOST_FITTED]:
            rate = None if key is not Key.SOURCE or diagnosis is None else _rate_of(diagnosis, group.value)
            if with_limits and (limit := _limit_in_words(group, rate)):
                console.print(f"  {escape(group.value)}: {limit}")
        if len(groups) > _MOST_ROWS:
            console.print(f"  and {len(groups) - _MOST_ROWS:,} more", style="dim")


def _limit_in_words(group: Group, rate: float | None) -> str:
    """What its refusals have to do with the rate, if anything. ``rate``: from which on some are refused."""
    if not group.is_enough:
        return ""
    fit = group.window_fit()
    if fit is not None:
        limit = f"{fit.lowest_limit:,}"
        if fit.highest_limit != fit.lowest_limit:
            limit += f" to {fit.highest_limit:,}"
        return f"what was refused fits a limit of {limit} in each {fit.window_seconds:g} s"
    threshold = group.threshold()
    if threshold is None or threshold.accuracy < _TELLING:
        return ""
    some = "most are refused" if rate is None else f"some are refused from {rate:,.0f} a second on, most"
    return (
        f"{some} from {threshold.arrivals:,} requests in {threshold.window_seconds:g} s on "
        f"({threshold.accuracy:.0%} of the requests fit)"
    )


def _status(status: int) -> str:
    return str(status) if status else "silence"


def _span(statistics: Statistics, zone: tzinfo) -> str:
    """From when to when, by the civil clock; the day once, if it is one."""
    first, last = (_moment(seconds, zone) for seconds in (statistics.first, statistics.last))
    if first is None or last is None:
        return "at times that no calendar has"
    until = f"{last:%H:%M:%S}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"from {first:%Y-%m-%d %H:%M:%S} to {until} {zone}"


def _moment(seconds: float | None, zone: tzinfo) -> datetime | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):  # a capture may claim any time
        return None


def _iso(seconds: float | None) -> str | None:
    moment = _moment(seconds, UTC)
    return None if moment is None else moment.isoformat(timespec="milliseconds")
