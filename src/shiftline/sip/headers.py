"""The header fields of a message (RFC 3261 section 7.3): names and rows; values are read on demand.

The value classes live in `shiftline.sip.via`, `address` and `values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from shiftline.sip.grammar import refuse_unwritable, require_token, split_list

_COMPACT_FORMS = {  # RFC 3261 section 7.3.3 and the registry of header fields
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
    "e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported",
    "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To",
    "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip
_LIST_HEADERS = frozenset({
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events",
    "Call-Info", "Contact", "Content-Encoding", "Content-Language", "Error-Info", "In-Reply-To",
    "P-Asserted-Identity", "Path", "Proxy-Require", "Reason", "Record-Route", "Require", "Route",
    "Service-Route", "Supported", "Unsupported", "Via", "Warning",
})  # fmt: skip
# WWW-Authenticate and its kin are no lists here: their own commas separate parameters (section 7.3.1).
_OTHER_HEADERS = (
    "Authentication-Info", "Authorization", "CSeq", "Call-ID", "Content-Length", "Content-Type", "Date",
    "Event", "Expires", "From", "Max-Forwards", "Min-Expires", "Proxy-Authenticate", "Proxy-Authorization",
    "Retry-After", "Server", "Subject", "Subscription-State", "To", "User-Agent", "WWW-Authenticate",
    "Content-Disposition", "Content-ID", "Content-Transfer-Encoding", "MIME-Version", "RAck", "RSeq",
    "SIP-ETag", "SIP-If-Match",
)  # fmt: skip
# The spellings the field sends, so that the reader settles nearly every name with one look.
CANONICAL_NAMES = {
    spelling: name
    for name in (*_COMPACT_FORMS.values(), *_LIST_HEADERS, *_OTHER_HEADERS)
    for spelling in (name, name.lower(), name.upper())
} | {spelling: name for short, name in _COMPACT_FORMS.items() for spelling in (short, short.upper())}


def canonical_name(name: str) -> str:
    """The one spelling under which a header is kept: compact forms expanded, case settled."""
    return CANONICAL_NAMES.get(name) or CANONICAL_NAMES.get(name.lower()) or name.title()


class Headers:
    """An ordered multi-map of header fields, blind to case and compact forms.

    What is added is checked: a name that is no token, or a value with CR, LF or NUL, is a MisuseError.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[tuple[str, str]] = ()) -> None:
        self._rows: list[tuple[str, str]] = []
        for name, value in rows:
            self.add(name, value)

    @classmethod
    def of_checked_rows(cls, rows: list[tuple[str, str]]) -> Self:
        """Take rows whose names are canonical and whose values are known to be one line each."""
        headers = cls()
        headers._rows = rows
        return headers

    def get(self, name: str) -> str | None:
        """The value of the first row called ``name``, as written; None when there is none."""
        name = canonical_name(name)
        for candidate, value in self._rows:
            if candidate == name:
                return value
        return None

    def get_all(self, name: str) -> list[str]:
        """Every value called ``name``; the rows of list headers are split at their commas."""
        name = canonical_name(name)
        values = [value for candidate, value in self._rows if candidate == name]
        return [part for value in values for part in split_list(value)] if name in _LIST_HEADERS else values

    @staticmethod
    def split(name: str, value: str) -> list[str]:
        """The values in one row of the header with this canonical name."""
        return split_list(value) if name in _LIST_HEADERS else [value]

    def add(self, name: str, value: str) -> None:
        """Append a row."""
        self._rows.append(_checked_row(name, value))

    def prepend(self, name: str, value: str) -> None:
        """Insert a row before all others."""
        self._rows.insert(0, _checked_row(name, value))

    def set(self, name: str, value: str) -> None:
        """Replace every row called ``name`` by this one, at the place of the first."""
        self.replace_first(name, value)
        first = True
        rows = []
        for row in self._rows:
            if row[0] != canonical_name(name):
                rows.append(row)
            elif first:
                rows.append(row)
                first = False
        self._rows = rows

    def replace_first(self, name: str, value: str) -> None:
        """Replace the first row called ``name``, leaving further ones; append where there is none."""
        row = _checked_row(name, value)
        for index, (candidate, _) in enumerate(self._rows):
            if candidate == row[0]:
                self._rows[index] = row
                return
        self._rows.append(row)

    def remove(self, name: str) -> None:
        """Drop every row called ``name``."""
        name = canonical_name(name)
        self._rows = [row for row in self._rows if row[0] != name]

    def missing(self, names: frozenset[str]) -> frozenset[str]:
        """Which of these canonical names have no row."""
        return names.difference([name for name, _ in self._rows])

    def items(self) -> list[tuple[str, str]]:
        """All rows in order, names in canonical spelling."""
        return list(self._rows)

    def copy(self) -> Headers:
        """A map of its own with the same rows."""
        return Headers.of_checked_rows(list(self._rows))

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return self._rows == other._rows if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # Names only: values carry digest responses and people's names, which belong in no log.
        return f"Headers({', '.join(name for name, _ in self._rows)})"


def _checked_row(name: str, value: str) -> tuple[str, str]:
    canonical = CANONICAL_NAMES.get(name) or canonical_name(require_token(name, "header name"))
    return canonical, refuse_unwritable(value, f"{canonical} header")
