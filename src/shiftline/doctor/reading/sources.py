"""Files as the user gave them: folders opened, compression undone, and what each file is."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

from shiftline.doctor.reading.blocks import SECTION
from shiftline.doctor.reading.frames import PCAP_MAGICS
from shiftline.doctor.reading.traces import MARK
from shiftline.errors import ConfigurationError

_HEAD = 8192
_BUFFER = 1 << 18
_MOST_FILES = 10_000
_MOST_CONTROL = 0.02
_GZIP = b"\x1f\x8b"
_OTHER_KINDS = {
    b"\xfd7zXZ": "it is compressed with xz: unpack it first",
    b"BZh": "it is compressed with bzip2: unpack it first",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd: unpack it first",
    b"PK\x03\x04": "it is a zip archive: unpack it first",
    b"snoop\0\0\0": "it is a snoop capture: convert it with editcap",
    b"\xa1\xb2\xcd\x34": "it is a capture of the modified pcap format: convert it with editcap",
    b"\x34\xcd\xb2\xa1": "it is a capture of the modified pcap format: convert it with editcap",
    b"%PDF": "it is a PDF",
    b"\x89PNG": "it is a picture",
}
_MOST_GROWTH, _GROWTH_MATTERS = 100, 1 << 28
"""Logs and captures unpack to ten to fifty times their size. A quarter of a gigabyte is read in any case."""
_LONGEST_LINE = 65_536
_DAMAGES = (OSError, EOFError, zlib.error)
_NO_FILE = "it is a pipe or a device: write it to a file first"
_NO_FOLDER = "it is a folder that may not be looked into"
_OUR_RESULTS = (
    (re.compile(rb'\{\s*"verdict": ?\{\s*"cause"'), "it is a verdict of the doctor's, and no record"),
    (
        re.compile(rb'\{\s*"personality": ?"[^"]*",\s*"seed": ?\d+,\s*"faults"'),
        "it is the lab's truth, and no record",
    ),
)
"""What stands beside a record because we wrote it there: it quotes answers, and has none."""


class SourceKind(StrEnum):
    """What a file is."""

    PCAP = "pcap"
    PCAPNG = "pcapng"
    TRACE = "shiftline trace"
    TEXT = "text"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file and what it is; ``refusal`` says why it cannot be read when that is unknown."""

    path: Path
    kind: SourceKind
    is_packed: bool
    size: int
    written: float
    """When the file was last written, in seconds since the epoch."""
    refusal: str = ""


def look_at(path: Path) -> Source:
    """Find out what a file is. Raises OSError."""
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        return Source(path, SourceKind.UNKNOWN, is_packed=False, size=0, written=0.0, refusal=_NO_FOLDER)
    if not stat.S_ISREG(state.st_mode):
        return Source(path, SourceKind.UNKNOWN, is_packed=False, size=0, written=0.0, refusal=_NO_FILE)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    is_packed = head.startswith(_GZIP)
    if is_packed:
        head = _unpacked_head(path)
    kind, refusal = _identify(head)
    return Source(path, kind, is_packed, state.st_size, state.st_mtime, refusal)


def _unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return _read(file, _HEAD)[0]
    except OSError:
        return b""


def _identify(head: bytes) -> tuple[SourceKind, str]:
    if not head:
        return SourceKind.UNKNOWN, "it is empty or its compression is damaged"
    if head[:4] in PCAP_MAGICS:
        return SourceKind.PCAP, ""
    if head[:4] == SECTION:
        return SourceKind.PCAPNG, ""
    for magic, why in _OTHER_KINDS.items():
        if head.startswith(magic):
            return SourceKind.UNKNOWN, why
    for form, why in _OUR_RESULTS:
        if form.match(head):
            return SourceKind.UNKNOWN, why
    if MARK in head:
        return SourceKind.TRACE, ""
    control = sum(byte < 32 and byte not in b"\t\n\r\x1b\x0c" for byte in head)
    if b"\0" in head or control > _MOST_CONTROL * len(head):
        return SourceKind.UNKNOWN, "it is neither a capture nor a text"
    return SourceKind.TEXT, ""


class OpenSource:
    """A source while it is read, from its first byte to its last or to where it is damaged."""

    def __init__(self, source: Source, on_bytes: Callable[[int], None]) -> None:
        """``on_bytes`` is told of the bytes read of the file itself. Raises OSError."""
        self.damage = ""
        """Why it was not read to its end."""
        self._raw = _Counted(source.path.open("rb", buffering=0), on_bytes)
        self._file: io.BufferedReader | gzip.GzipFile = io.BufferedReader(self._raw, _BUFFER)
        self._is_packed = source.is_packed
        if source.is_packed:
            self._file = gzip.GzipFile(fileobj=self._file)
        self._count = 0

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        if self.damage:
            return b""
        piece, error = _read(self._file, size)
        if error is not None:
            self._fail(error)
        return self._counted(piece)

    def lines(self) -> Iterator[str]:
        """The lines of a text, without their ends; very long ones come in pieces."""
        while line := self._line():
            yield line.decode(errors="replace").rstrip("\r\n")

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
        self._raw.close()

    def _line(self) -> bytes:
        if self.damage:
            return b""
        try:
            line = self._file.readline(_LONGEST_LINE)
        except _DAMAGES as error:
            self._fail(error)
            return b""
        return self._counted(line)

    def _fail(self, error: Exception) -> None:
        why = "its compression is damaged" if self._is_packed else f"it cannot be read ({error})"
        self.damage = f"{why}: the rest is missing"

    def _counted(self, piece: bytes) -> bytes:
        self._count += len(piece)
        if self._is_packed and self._count > max(_GROWTH_MATTERS, _MOST_GROWTH * self._raw.count):
            self.damage = f"it unpacks to more than {_MOST_GROWTH} times its size: the rest is not read"
            return b""
        return piece


def _read(file: io.BufferedReader | gzip.GzipFile, size: int) -> tuple[bytes, Exception | None]:
    """At most so many bytes, and what ended them before: `read` itself would lose all that came before it."""
    pieces: list[bytes] = []
    try:
        while size > 0 and (piece := file.read1(size)):
            pieces.append(piece)
            size -= len(piece)
    except _DAMAGES as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


class _Counted(io.RawIOBase):
    """Tells how many bytes were read of the file itself."""

    def __init__(self, raw: io.FileIO, on_bytes: Callable[[int], None]) -> None:
        self._raw = raw
        self._on_bytes = on_bytes
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        count = self._raw.readinto(buffer) or 0
        self.count += count
        self._on_bytes(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Each file that was named, and each in a folder that was named, in the order of their names.

    Raises ConfigurationError for a path where there is nothing, or for too many files.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(islice(_files_in(path), _MOST_FILES + 1))
        elif path.exists():
            found.append(path)
        else:
            raise ConfigurationError(f"There is no file {path}.", remedy="Check the name.")
        if len(found) > _MOST_FILES:
            raise ConfigurationError(
                f"These are more than {_MOST_FILES} files.", remedy="Give those of the hours in question."
            )
    return list(dict.fromkeys(found))


def _files_in(folder: Path) -> Iterator[Path]:
    """However deep, links among them; a folder that may not be looked into stands for what is in it."""
    waiting = [folder]
    while waiting:
        inner = waiting.pop()
        try:
            with os.scandir(inner) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif (entry.is_symlink() or entry.is_file()) and not entry.name.startswith("."):
                        yield Path(entry.path)
        except OSError:
            yield inner
