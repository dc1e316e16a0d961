"""Recordings of the lab: what a capture at the PBX's port holds of an hour in which something was wrong.

Everything is drawn from the seed, and runs in virtual time. Beside the capture lies the truth: the faults
with what was drawn for them, the publish window, and who sent what.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from shiftline.lab.pbx.bank.build import DrawnFault
from shiftline.lab.pbx_log import RequestRecord
from shiftline.lab.recording_scene import Scene, incident, usual_wishes
from shiftline.lab.recording_stage import CAMPAIGN, CONNECTOR, DESK, PHONES, PUBLISHED_AT, SECOND, Stage
from shiftline.net.capture import write_pcap, write_private
from shiftline.sip.trace import TracedMessage

__all__ = [
    "CAMPAIGN", "CONNECTOR", "DESK", "PHONES", "PUBLISHED_AT", "SECOND",
    "Recording", "Scene", "incident", "record", "usual_wishes",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A capture, the PBX's own log of it, and the truth."""

    messages: list[TracedMessage]
    records: list[RequestRecord] = field(repr=False)
    truth: dict[str, object]
    faults: tuple[DrawnFault, ...]
    """Those of the truth, as they were drawn."""
    epoch_offset: float
    """Added to a message's time it gives seconds since 1970."""

    def write(self, path: Path) -> tuple[Path, Path]:
        """Write ``path`` with the endings .pcap and .json, whole or not at all.

        The capture holds the digests of the lab's own password. Raises ConfigurationError where it cannot
        be written.
        """
        capture, truth = path.with_suffix(".pcap"), path.with_suffix(".json")
        write_pcap(capture, self.messages, epoch_offset=self.epoch_offset, redacted=False)
        write_private(truth, f"{json.dumps(self.truth, indent=2)}\n".encode())
        return capture, truth


def record(scene: Scene) -> Recording:
    """Play a scene in virtual time. Raises ConfigurationError for faults that its personality cannot show."""
    stage = Stage(scene)
    stage.play()
    return Recording(
        messages=stage.messages,
        records=stage.pbx.records,
        truth=stage.truth(),
        faults=tuple(stage.pbx.truth),
        epoch_offset=stage.epoch_offset,
    )
