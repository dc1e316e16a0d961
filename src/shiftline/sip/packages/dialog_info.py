"""``application/dialog-info+xml``: the calls of a line (RFC 4235)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shiftline.sip.packages.partial import read_completeness, read_word, updated
from shiftline.sip.packages.xml_body import child_text, children, read_version, read_xml

MEDIA_TYPE = "application/dialog-info+xml"


class DialogState(StrEnum):
    """How far a call has come (section 3.7.1)."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """One call. ``direction`` is "initiator" or "recipient", seen from the line, when it is told."""

    dialog_id: str
    state: DialogState
    direction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogInfo:
    """The calls that a document tells of: all of them when ``is_full``, else those that changed."""

    entity: str
    version: int
    is_full: bool
    dialogs: tuple[Dialog, ...]

    @property
    def live(self) -> tuple[Dialog, ...]:
        """The calls that are not over."""
        return tuple(dialog for dialog in self.dialogs if dialog.state is not DialogState.TERMINATED)

    def updated_by(self, later: DialogInfo) -> DialogInfo | None:
        """What is known after ``later``; None when a document between was lost (section 4.3)."""

        def merged() -> DialogInfo:
            known = {dialog.dialog_id: dialog for dialog in (*self.dialogs, *later.dialogs)}
            return replace(later, is_full=True, dialogs=tuple(known.values()))

        return updated(self, later, merged)


def parse_dialog_info(body: bytes) -> DialogInfo:
    """Read a document. Raises SipSyntaxError, and nothing else."""
    root = read_xml(body, "dialog-info")
    return DialogInfo(
        entity=root.get("entity", ""),
        version=read_version(root.get("version")),
        is_full=read_completeness(root),
        dialogs=tuple(
            Dialog(
                dialog_id=element.get("id", ""),
                state=read_word(DialogState, child_text(element, "state")),
                direction=element.get("direction"),
            )
            for element in children(root, "dialog")
        ),
    )
