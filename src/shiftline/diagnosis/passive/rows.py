"""Exchanges in columns: some 50 bytes each, so that a long capture fits into memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from shiftline.diagnosis.copies import arrivals_of
from shiftline.diagnosis.exchange import Brief, Place
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.sorts import Kind, Names, Said, Sorts
from shiftline.diagnosis.probe import Credentials

OUTCOMES = tuple(Outcome)
OUTCOME_NUMBER = {outcome: number for number, outcome in enumerate(OUTCOMES)}
CREDENTIALS = tuple(Credentials)
CREDENTIALS_NUMBER = {one: number for number, one in enumerate(CREDENTIALS)}
UNANSWERED = -1.0
_MOST_COPIES, _LARGEST = 0xFF, 0xFFFF
_LONG_NAMES = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "o": "event", "s": "subject",
    "c": "content-type", "l": "content-length", "e": "content-encoding", "k": "supported",
    "u": "allow-events", "x": "session-expires", "r": "refer-to", "b": "referred-by",
}  # fmt: skip
"""Short forms of header names, of RFC 3261 section 7.3.3 and its kin."""


class Rows:
    """The columns, one entry an exchange, in the order in which they were added.

    What an exchange has in common with others is its sort: a number, and columns of few entries by it.
    """

    def __init__(self) -> None:
        self.at = array("d")
        self.latency = array("f")
        """Seconds to the final answer, `UNANSWERED` without."""
        self.sort = array("I")
        self.credentials = bytearray()
        self.outcome = bytearray()
        self.copies = bytearray()
        self.size = array("H")
        """Bytes of the request, 65,535 at most."""
        self.copied_after: dict[int, tuple[float, ...]] = {}
        """Of rows that were sent again, where that is known: seconds from the first copy to the others."""
        self.arrived: dict[int, tuple[float, tuple[float, ...]]] = {}
        """Of these rows, when the copy that counts left, and those that were dropped (`arrivals_of`)."""
        self.sorts = Sorts()
        self._unrolled: dict[str, array[int]] = {}
        self._file = array("I")
        self._number = array("I")
        self._files = Names("")
        self._header_names: dict[int, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self.at)

    def add(self, briefs: Sequence[Brief], judged: Iterable[tuple[Outcome, Credentials]]) -> None:
        """More rows, each with its outcome and sort of credentials."""
        if not briefs:
            return
        moments, sizes, copies, _, answered_after, *_, files, packets, _, models = zip(*briefs, strict=True)
        if max(copies) > 1:
            self._add_copies(briefs)
        self.at.extend(moments)
        self.latency.extend([UNANSWERED if after is None else after for after in answered_after])
        self.sort.extend(self.sorts.numbers(models, sizes))
        outcomes, credentials = zip(*judged, strict=True)
        self.outcome.extend(map(OUTCOME_NUMBER.__getitem__, outcomes))
        self.credentials.extend(map(CREDENTIALS_NUMBER.__getitem__, credentials))
        self.copies.extend(_at_most(_MOST_COPIES, copies))
        self.size.extend(_at_most(_LARGEST, sizes))
        numbers = {file: self._files.number(file) for file in dict.fromkeys(files)}
        self._file.extend(map(numbers.__getitem__, files))
        self._number.extend(packets)

    def _add_copies(self, briefs: Sequence[Brief]) -> None:
        for row, one in enumerate(briefs, len(self.at)):
            if one.copied_after:
                self.copied_after[row] = one.copied_after
                self.arrived[row] = arrivals_of(one.copied_after, one.answered_after)

    @property
    def source(self) -> array[int]:
        """By row, the number of the host that asked."""
        return self._by_row("source")

    @property
    def login(self) -> array[int]:
        """By row, the number of the digest username; 0 without credentials."""
        return self._by_row("login")

    @property
    def asked(self) -> array[int]:
        """By row, the number of the user of To or of the Request-URI."""
        return self._by_row("asked")

    @property
    def kind(self) -> array[int]:
        """By row, the number of its `Kind`."""
        return self._by_row("kind")

    @property
    def said(self) -> array[int]:
        """By row, the number of what its answer `Said`."""
        return self._by_row("said")

    @property
    def headers(self) -> array[int]:
        """By row, the number of the names of its headers."""
        return self._by_row("headers")

    @property
    def accounts(self) -> array[int]:
        """By row, the number of the account: the login, or the caller where there was none."""
        return self._by_row("account")

    def _by_row(self, name: str) -> array[int]:
        """A column of the sorts, unrolled when it is first asked for: a record is judged when it is whole."""
        column = self._unrolled.get(name)
        if column is None or len(column) != len(self.sort):
            of_sort: array[int] = getattr(self.sorts, name)
            column = self._unrolled[name] = array("I", map(of_sort.__getitem__, self.sort))
        return column

    @property
    def sources(self) -> Names:
        """Hosts that asked."""
        return self.sorts.sources

    @property
    def users(self) -> Names:
        """Accounts, callers and whom they asked for."""
        return self.sorts.users

    @property
    def kinds(self) -> Names:
        """Of values of `Kind`."""
        return self.sorts.kinds

    def place(self, row: int) -> Place | None:
        """Where it can be looked up."""
        if not self._number[row]:
            return None
        return Place(file=self._files.text(self._file[row]), number=self._number[row])

    def kind_of(self, row: int) -> Kind:
        """What sort of request it was."""
        return self.sorts.kind_of(self.sort[row])

    def said_of(self, row: int) -> Said:
        """What its answer said."""
        return self.sorts.said_of(self.sort[row])

    def header_names(self, number: int) -> frozenset[str]:
        """The names that a number of `headers` stands for: in lower case, short forms written out."""
        found = self._header_names.get(number)
        if found is None:
            written = self.sorts.header_names.values[number]
            assert isinstance(written, tuple)  # noqa: S101 - only these are put there
            lower = (name.lower() for name in written)
            found = self._header_names[number] = frozenset(_LONG_NAMES.get(name, name) for name in lower)
        return found

    def all_said(self) -> Iterator[Said]:
        """What any answer said, by number."""
        for said in self.sorts.sayings.values:
            assert isinstance(said, Said)  # noqa: S101 - only these are put there
            yield said

    def account(self, row: int) -> int:
        """Number of the account: the login, or the caller where there was none."""
        return self.sorts.account[self.sort[row]]


def _at_most(limit: int, values: Sequence[int]) -> Sequence[int]:
    """The same where none is above the limit, as nearly always."""
    return values if max(values) <= limit else [min(limit, value) for value in values]
