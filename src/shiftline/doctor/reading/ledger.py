"""What was read, what was not, and why: a reader that stays silent about gaps invites wrong conclusions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class FileEntry:
    """One file's part."""

    name: str
    kind: str = ""
    """What it was taken for, such as ``pcap`` or ``asterisk``; empty when it was passed over."""
    packets: int = 0
    """Packets of a capture, lines of a text."""
    messages: int = 0
    """SIP messages found."""
    remarks: int = 0
    clock_offset: float = 0.0
    """Seconds that were added to its times."""
    passed_over: str = ""
    """Why nothing of it was read."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """Counts of a whole reading; ``skipped`` has each reason in words and how often it was met."""

    files: list[FileEntry] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    exchanges: int = 0

    def open(self, name: str) -> FileEntry:
        """Begin a file."""
        entry = FileEntry(name=name)
        self.files.append(entry)
        return entry

    @property
    def messages(self) -> int:
        """SIP messages of all files."""
        return sum(entry.messages for entry in self.files)

    @property
    def remarks(self) -> int:
        """Remarks of all files."""
        return sum(entry.remarks for entry in self.files)
