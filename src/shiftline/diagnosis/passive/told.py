"""What the lines of logs say, by whom they speak of: two accounts that fail for two reasons are two subjects.

A line that names an account or an address is about that one alone. It joins the part of the traffic whose
trouble is mostly that one's; where there is none, those of whom the same is said are a subject of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shiftline.diagnosis.evidence import MOST_PLACES, Evidence, Mark, Subject
from shiftline.diagnosis.exchange import Place, Remark
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.subjects import Part, name_of

_MOST_NAMED = 20_000
"""Accounts and addresses that are kept apart; scanners try any number of names."""
_MOST_SUBJECTS = 6
_OWN_SHARE = 0.3
"""With at least this share of a part's trouble a line about somebody is about the part."""
Named = tuple[str, str]
"""``user`` or ``source``, and which; ("", "") is nobody in particular."""
NOBODY: Named = ("", "")


class Noticed:
    """How often something was noticed, with the first words and places."""

    def __init__(self) -> None:
        self.count = 0
        self._text = ""
        self._places: list[Place] = []

    def add(self, text: str, places: Iterable[Place] = (), count: int = 1) -> None:
        """Once more, or so often."""
        self.count += count
        self._text = self._text or text
        for place in places:
            if len(self._places) < MOST_PLACES:
                self._places.append(place)

    def join(self, other: Noticed) -> None:
        """What was noticed of another one."""
        self.add(other._text, other._places, other.count)

    def mark(self, kind: str) -> Mark:
        """As a piece of evidence."""
        return Mark(kind=kind, count=max(1, self.count), text=self._text, places=tuple(self._places))


Said = dict[str, Noticed]
"""By kind."""


@dataclass(slots=True)
class Told:
    """All lines, by whom they name."""

    _by_name: dict[Named, Said] = field(default_factory=dict)
    _sources: dict[Named, set[str]] = field(default_factory=dict)
    """From where an account was heard of."""

    def add(self, remark: Remark, kinds: Iterable[str]) -> None:
        """One line, and all that it shows."""
        name = (
            ("user", remark.user) if remark.user else ("source", remark.source) if remark.source else NOBODY
        )
        if name not in self._by_name and len(self._by_name) >= _MOST_NAMED:
            name = NOBODY
        if remark.user and remark.source:
            self._sources.setdefault(name, set()).add(remark.source)
        said = self._by_name.setdefault(name, {})
        for kind in kinds:
            said.setdefault(kind, Noticed()).add(remark.text, (remark.place,))

    def of_nobody(self) -> tuple[Mark, ...]:
        """What names neither account nor address."""
        return _marks(self._by_name.get(NOBODY, {}))

    def of_parts(
        self, rows: Rows, parts: Iterable[Part]
    ) -> tuple[list[tuple[Mark, ...]], tuple[Evidence, ...]]:
        """The marks of each part, and what is said of others."""
        found: list[Said] = []
        taken: set[Named] = set()
        for part in parts:
            said: Said = {}
            for name in self._own_names(rows, part):
                taken.add(name)
                _join(said, self._by_name[name])
            found.append(said)
        others = [name for name in self._all_named() if name not in taken]
        return [_marks(said) for said in found], tuple(self._alike(others))

    def _all_named(self) -> Iterator[Named]:
        return (name for name in self._by_name if name != NOBODY)

    def _own_names(self, rows: Rows, part: Part) -> list[Named]:
        """Of whom lines speak and whose trouble the part is."""
        if not self._by_name or not part.rows:
            return []
        users = Counter(rows.users.text(rows.account(row)) for row in part.rows)
        sources = Counter(rows.sources.text(rows.source[row]) for row in part.rows)
        counts: Mapping[str, Counter[str]] = {"user": users, "source": sources}
        least = _OWN_SHARE * len(part.rows)
        return [name for name in self._all_named() if counts[name[0]][name[1]] >= least]

    def _alike(self, names: Iterable[Named]) -> Iterator[Evidence]:
        """Each set of names of whom the same kinds are said, the most spoken of first."""
        groups: dict[tuple[str, frozenset[str]], tuple[list[str], Said]] = {}
        for key, name, said in self._with_their_addresses(list(names)):
            values, together = groups.setdefault((key, frozenset(said)), ([], {}))
            values.append(name)
            _join(together, said)
        ranked = sorted(groups.items(), key=lambda item: -_lines(item[1][1]))
        for (key, _), (values, said) in ranked[:_MOST_SUBJECTS]:
            subject = Subject(
                name=name_of(key, values), key=key, values=tuple(values[:20]), refused=_lines(said)
            )
            yield Evidence(subject=subject, marks=_marks(said))

    def _with_their_addresses(self, names: list[Named]) -> Iterator[tuple[str, str, Said]]:
        """Accounts with what is said of the addresses that they came from; addresses that are left."""
        used: set[str] = set()
        for key, value in names:
            if key == "user":
                said: Said = {}
                _join(said, self._by_name[key, value])
                for source in self._sources.get((key, value), ()):
                    if ("source", source) in self._by_name:
                        used.add(source)
                        _join(said, self._by_name["source", source])
                yield key, value, said
        for key, value in names:
            if key == "source" and value not in used:
                yield key, value, self._by_name[key, value]


def _join(said: Said, other: Said) -> None:
    for kind, noticed in other.items():
        said.setdefault(kind, Noticed()).join(noticed)


def _lines(said: Said) -> int:
    return max(noticed.count for noticed in said.values())


def _marks(said: Said) -> tuple[Mark, ...]:
    return tuple(noticed.mark(kind) for kind, noticed in said.items())
