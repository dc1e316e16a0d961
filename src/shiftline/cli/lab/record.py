"""``shiftline lab record``: a publish day with a fault, as a capture with the truth beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from shiftline.cli.writing import require_writable

NO_FAULT = "none"


def record(
    file: Annotated[Path, typer.Argument(help="Written as FILE.pcap and FILE.json.")],
    personality: Annotated[
        str,
        typer.Option(metavar="NAME", help="practice, chan_sip, pjsip, freeswitch, kamailio or sbc."),
    ] = "chan_sip",
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="throttle.source without it; [bold]none[/] for a healthy PBX."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Of a throttle fault, in requests a second.")
    ] = None,
    trades: Annotated[int, typer.Option(min=1, max=5_000, help="Each asks for two checks.")] = 500,
    loss: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of datagrams that get lost.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Another seed, another day.")] = 1,
) -> None:
    """Record a publish day against the practice PBX, in virtual time: a capture, and the truth as JSON.

    Example: [bold]shiftline lab record incident --personality chan_sip --fault throttle.source --seed 7[/]
    """
    from shiftline.lab.recordings import incident, usual_wishes
    from shiftline.lab.recordings import record as play

    for ending in (".pcap", ".json"):
        require_writable(file.with_suffix(ending))
    names = tuple(dict.fromkeys(fault or ("throttle.source",)))
    scene = replace(
        incident(seed, personality, trades=trades),
        fault_ids=tuple(name for name in names if name != NO_FAULT),
        road_loss=loss,
    )
    recording = play(replace(scene, wishes=replace(usual_wishes(scene), limit=limit)))
    capture, truth = recording.write(file)
    typer.echo(f"{capture}: {len(recording.messages)} messages. The truth is in {truth}.")
