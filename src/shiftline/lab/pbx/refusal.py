"""How a PBX says no, as data: which answer, at which stage, to which methods."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.lab.pbx.visit import Stage

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in the words of one family. ``status`` None is silence; several phrases: the seed picks one.

    A *challenge* asks for credentials again, whatever came: the family's way not to tell why.
    """

    status: int | None
    phrases: tuple[str, ...] = ()
    headers: Headers = ()
    is_challenge: bool = False
    words: str = ""
    """How it looks, where status and phrase do not say."""

    def __str__(self) -> str:
        if self.words:
            return self.words
        if self.is_challenge:
            return "a challenge, again and again"
        if self.status is None:
            return "silence"
        return f"{self.status} {' | '.join(self.phrases)}".strip()


SILENCE = Refusal(None)
CHALLENGE = Refusal(None, is_challenge=True)


def say(status: int, *phrases: str, headers: Headers = ()) -> Refusal:
    """A final answer; without a phrase RFC 3261's own."""
    return Refusal(status, phrases, headers)


@dataclass(frozen=True, slots=True)
class Showing:
    """One way in which a fault shows on one family; ``methods`` empty: on all of them."""

    stage: Stage
    refusal: Refusal
    methods: frozenset[str] = frozenset()

    def __str__(self) -> str:
        to = f" to {', '.join(sorted(self.methods))}" if self.methods else ""
        return f"{self.refusal}{to} ({self.stage})"


def at(stage: Stage, refusal: Refusal, *methods: str) -> Showing:
    """A showing, for short."""
    return Showing(stage, refusal, frozenset(methods))
