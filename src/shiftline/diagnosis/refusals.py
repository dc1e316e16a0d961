"""In whose words requests were refused: status, reason phrase and what the answer said beside it, counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shiftline.diagnosis.exchange import NO_HINTS, Exchange
from shiftline.diagnosis.outcome import CHALLENGES
from shiftline.diagnosis.passive.sorts import Said
from shiftline.sip.message import REASONS
from shiftline.sip.redaction import redact

_TOLD = ("warning", "retry-after", "reason", "p-registrar-error", "ms-diagnostics")
"""Headers that say more about a refusal, the plainest first."""
_NAMES = {"p-registrar-error": "P-Registrar-Error", "ms-diagnostics": "ms-diagnostics"}
_OF_WHO_IS_ASKED = frozenset({404, 480, 486, 487, 600})
"""They say how it stands with the agent (RFC 3261 sections 21.4.5, 21.4.18, 21.4.24, 21.4.25, 21.6.1), not
that the PBX refuses us; in words of its own it may say more."""
_LEAST = 10
_TIMES_AS_OFTEN = 3.0
"""A plain 480 that comes so much more often under load than at rest, and so many times, is a limit's."""
_LONGEST = 160
"""Characters of a text that are shown: a phrase may be of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Answers with one status and one reason phrase. Texts are redacted and printable."""

    status: int
    reason: str
    count: int
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HINTS)
    """What they said beside it, by lower-case name; of several texts the most frequent, and "…"."""

    @property
    def words(self) -> str:
        """Status and phrase: "403 Domain not served here"."""
        return f"{self.status} {self.reason}".rstrip()

    def __str__(self) -> str:
        beside = [f"{_NAMES.get(name, name.title())}: {text}" for name, text in self.headers.items()]
        often = "once" if self.count == 1 else f"{self.count:,} times"
        return "; ".join((f"{self.words}, {often}", *beside))


@dataclass(frozen=True, slots=True)
class Counted:
    """Answers alike, and how many of them there were."""

    said: Said
    count: int
    under_load: int = 0
    """How many of them came to requests under load; known for what is about an agent."""
    is_about_agent: bool = True
    """Whether a user other than the sender was asked about or called: then a plain 480 speaks of him."""


def refusals_of(counted: Iterable[Counted], at_rest: Container[tuple[int, str]] = ()) -> tuple[Refusal, ...]:
    """The refusals among answers, the most frequent first. A plain challenge is none.

    Nor is a plain 486 about an agent, unless it is the load that brings it; nor what is said of one in words
    of which it is known that they are those ``at_rest``.
    """
    every = list(counted)
    strained = _strained([one for one in every if one.is_about_agent])
    counts: Counter[tuple[int, str]] = Counter()
    headers: defaultdict[tuple[int, str], defaultdict[str, Counter[str]]]
    headers = defaultdict(lambda: defaultdict(Counter))
    for one in every:
        said, count = one.said, one.count
        speaks_of_agent = one.is_about_agent and said.status not in strained
        is_usual = (said.status, said.phrase) in at_rest and said.status in _OF_WHO_IS_ASKED
        if (is_usual and one.is_about_agent) or not _is_refusal(said, speaks_of_agent=speaks_of_agent):
            continue
        key = said.status, shown(said.phrase)
        counts[key] += count
        for name, text in said.hints:
            if name in _TOLD:
                headers[key][name][text] += count
    return tuple(
        Refusal(
            status=key[0],
            reason=key[1],
            count=count,
            headers={name: _most(headers[key][name]) for name in _TOLD if name in headers[key]},
        )
        for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _strained(answers: Sequence[Counted]) -> frozenset[int]:
    """Statuses that speak of agents, and come under load far more often than at rest."""
    loaded, every = sum(one.under_load for one in answers), sum(one.count for one in answers)
    if min(loaded, every - loaded) < _LEAST:
        return frozenset()
    found = set()
    for status in _OF_WHO_IS_ASKED:
        mine = [one for one in answers if one.said.status == status]
        under_load = sum(one.under_load for one in mine)
        at_rest = sum(one.count for one in mine) - under_load
        if under_load >= _LEAST and under_load * (every - loaded) >= _TIMES_AS_OFTEN * at_rest * loaded:
            found.add(status)
    return frozenset(found)


def said_of(exchange: Exchange) -> Said:
    """What the answer to one request said."""
    return Said(exchange.status or 0, exchange.reason, tuple(sorted(exchange.hints.items())))


def own_words(exchange: Exchange) -> str:
    """The reason phrase of a refusal, where it is not the one that every stack has for that status."""
    said = said_of(exchange)
    is_usual = said.phrase.casefold() == REASONS.get(said.status, "").casefold()
    return shown(said.phrase) if _is_refusal(said, speaks_of_agent=True) and not is_usual else ""


def _is_refusal(said: Said, *, speaks_of_agent: bool) -> bool:
    if said.status not in (CHALLENGES | _OF_WHO_IS_ASKED if speaks_of_agent else CHALLENGES):
        return said.status >= 300
    is_usual = said.phrase.casefold() in ("", REASONS[said.status].casefold())
    return not is_usual or any(name == "warning" for name, _ in said.hints)


def _most(texts: Counter[str]) -> str:
    [(text, _)] = texts.most_common(1)
    return shown(text) + (" …" if len(texts) > 1 else "")


def shown(text: str) -> str:
    """Printable, on one line, without secrets."""
    line = "".join(char if char.isprintable() else " " for char in text)
    told = " ".join(redact(line.encode(errors="replace")).decode(errors="replace").split())
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
