"""``shiftline doctor read``: captures and logs in, what is the matter out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from shiftline.cli.doctor.gathered import conclude, few_collections, gather
from shiftline.cli.doctor.report import (
    BundleFile,
    ReportFile,
    ReportWishes,
    WithPseudonyms,
    material_of_reading,
)
from shiftline.cli.writing import do_all, put_json, require_apart, require_writable
from shiftline.errors import ConfigurationError

if TYPE_CHECKING:
    from shiftline.doctor.reading.ledger import Ledger
    from shiftline.trades.windows import PublishWindow

STANDARD_OUTPUT = Path("-")
_DAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_CLOCK = r"((?:[01]\d|2[0-3]):[0-5]\d)"
_WINDOW = re.compile(rf"({_DAY}) +{_CLOCK}-{_CLOCK}")


def run(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Captures, logs, traces, pasted messages; folders."),
    ],
    timezone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            help="Zone of the times shown and of logs that name none, as America/Chicago; else UTC.",
        ),
    ] = "",
    window: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'DAY HH:MM-HH:MM'",
            help="When schedules are published, in that zone; may be given again.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE|-", help="Write the result here; - is standard output."),
    ] = None,
    report_file: ReportFile = None,
    bundle_file: BundleFile = None,
    pseudonyms: WithPseudonyms = False,
) -> None:
    """Read captures and logs, and say why requests were refused. Nothing is sent.

    Takes pcap, pcapng and HEP; logs of Kamailio, OpenSIPS, Asterisk and FreeSWITCH; text of Genesys Cloud;
    our own traces; pasted SIP messages; all of them also packed with gzip, and folders.

    Example: [bold]shiftline doctor read trunk.pcap /var/log/asterisk/full --timezone America/Chicago[/]

    For a ticket: [bold]shiftline doctor read trunk.pcap --bundle ticket.zip --pseudonyms[/]
    """
    from shiftline.cli.doctor.findings import exit_code
    from shiftline.cli.doctor.read_report import as_json, print_result
    from shiftline.doctor.reading.reading import Reading

    if json_file is not None and json_file != STANDARD_OUTPUT:
        require_writable(json_file)
    wishes = ReportWishes(report=report_file, bundle=bundle_file, pseudonyms=pseudonyms)
    wishes.check()
    require_apart(json_file, report_file, bundle_file, read=files)
    zone = _zone(timezone) if timezone else None
    windows = [_window(text, zone or ZoneInfo("UTC")) for text in window or []]
    with _progress() as on_bytes:
        reading = Reading(files, zone=zone, on_bytes=on_bytes.advance)
        on_bytes.of(reading.total_bytes)
        gathered = gather(reading, zone or UTC, windows)
    with few_collections():
        diagnosis = conclude(gathered)
        result = as_json(gathered, diagnosis) if json_file is not None or wishes.bundle is not None else {}
    steps = [lambda: put_json(json_file, result)]
    if diagnosis is not None:
        steps.insert(
            0, lambda: wishes.fulfil(lambda: material_of_reading(gathered, diagnosis, zone or UTC), result)
        )
    if json_file != STANDARD_OUTPUT:
        # After the files: whoever reads a screen through `head` ends us at its last line.
        steps.append(lambda: print_result(gathered, diagnosis, Console(highlight=False), zone or UTC))
    do_all(*steps)
    if diagnosis is None:
        raise _nothing_in(gathered.reading.ledger)
    if code := exit_code(diagnosis):
        raise typer.Exit(code)


def _nothing_in(ledger: Ledger) -> ConfigurationError:
    if ledger.messages:
        return ConfigurationError(
            f"Of the {ledger.messages:,} SIP messages in these files none tells what became of a request.",
            remedy="Capture both directions, and for longer: an answer counts only with its request.",
        )
    passed = [f"{one.name}: {one.passed_over}" for one in ledger.files if one.passed_over]
    why = f" ({'; '.join(passed[:5])})" if passed else ""
    return ConfigurationError(
        f"There is no SIP message in these files, and no log line that is known{why}.",
        remedy="Give a capture of the trunk, or the PBX's log.",
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:  # the first includes ZoneInfoNotFoundError's kin of folders
        raise _no_zone(name) from error
    except KeyError as error:  # ZoneInfoNotFoundError
        raise _no_zone(name) from error


def _window(text: str, zone: ZoneInfo) -> PublishWindow:
    """A weekly window as it is written on the command line."""
    from shiftline.trades.windows import DAYS, PublishWindow

    found = _WINDOW.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(
            f"There is no publish window {text!r}.", remedy="Write it like 'friday 10:00-11:00'."
        )
    weekday = DAYS.index(found[1])
    opens, closes = (time.fromisoformat(one) for one in found.group(2, 3))
    minutes = (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
    length = timedelta(minutes=minutes if minutes > 0 else minutes + 24 * 60)
    return PublishWindow(weekday=weekday, opens=opens, length=length, zone=zone)


def _no_zone(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"There is no time zone {name!r}.", remedy="Write it like America/Chicago or Europe/Berlin."
    )


class _Bar:
    """Moves a progress bar, not more often than the eye follows."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task, self._waiting = progress, task, 0

    def of(self, total: int) -> None:
        """How many bytes there are."""
        self._progress.update(self._task, total=total)

    def advance(self, count: int) -> None:
        """So many more were read."""
        self._progress.advance(self._task, count)


@contextmanager
def _progress() -> Iterator[_Bar]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress, progress.add_task("reading", total=None))
