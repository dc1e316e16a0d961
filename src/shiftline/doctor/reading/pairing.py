"""Requests and their answers brought together (RFC 3261 section 17.1.3), in bounded memory.

A pair is found by the host that asked, the branch of the topmost Via, and CSeq: so both sides of a proxy
stay apart, and an answer may come from another port. Pairs live in two generations. When the young one is
`_GENERATION` seconds old or full, the old one is given out in the order of its requests; only what still
rings stays. Nothing is called silent that was given up for want of room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

from shiftline.diagnosis.exchange import NO_HINTS, Exchange, Place
from shiftline.doctor.reading import words
from shiftline.doctor.reading.heads import BRANCH, CSEQ, FIRST, SECOND, SENT_BY, Heads, Values
from shiftline.doctor.reading.sighting import Flow, Sighting
from shiftline.sip.glance import printable

_Key: TypeAlias = tuple[str, bytes, bytes]

MOST_PAIRS = 40_000
"""In each generation; two of them and the strings they hold stay under 150 MB."""
_GENERATION = 32.0
"""64 * T1: after this a non-INVITE client gives up (section 17.1.2.2), and silence may be called so."""
_RINGING = 300.0
_EARLY_SILENCE = 8.0
"""An answer that takes longer comes too late for anyone; so this counts as silence where room is short."""
_MOST_SEEN = 500_000
_CUT_SILENCE = 2.0
_CHALLENGE, _PROXY_CHALLENGE = CSEQ + 1, CSEQ + 2
_ECHO = 0.010
"""A copy that comes sooner is the same packet, captured twice: T1 is fifty times as long."""

NO_REQUEST = "answers whose request is not there"
ECHOES = "packets captured twice"
SEEN_TWICE = "requests that another file shows as well"
UNREADABLE = "messages without Via, Call-ID or CSeq"
EVICTED = "requests forgotten before their answer, for want of room"
UNFINISHED = "requests that the end of the record cuts off"


def _never() -> bool:
    return False


class _Pair:
    """A request that was seen, and what followed."""

    __slots__ = (
        "answer", "answered_at", "at", "copies", "data", "flow", "last_at", "number", "provisional", "reply",
        "request", "size",
    )  # fmt: skip

    def __init__(self, at: float, flow: Flow, number: int, size: int, request: Values) -> None:
        self.at = self.last_at = at
        self.flow = flow
        self.number = number
        self.size = size
        self.request = request
        self.copies = 1
        self.provisional = False
        self.reply: Values | None = None
        self.answered_at = 0.0
        self.answer = 0
        self.data = b""


class Pairing:
    """Pairs the messages of one record. `add` them in their order, then `finish`."""

    def __init__(
        self,
        file: str,
        skipped: Counter[str],
        *,
        offset: float = 0.0,
        seen: set[int] | None = None,
        most_pairs: int = MOST_PAIRS,
        is_coarse: Callable[[], bool] | None = None,
    ) -> None:
        """``offset`` seconds are added to every time; records that tell of one time share ``seen``.

        ``is_coarse`` tells whether the times are whole seconds, as in many logs: then nothing is concluded
        from small differences.
        """
        self._is_coarse = is_coarse or _never
        self._file = file
        self._skipped = skipped
        self._offset = offset
        self._seen = seen
        self._most_pairs = most_pairs
        self._young: dict[_Key, _Pair] = {}
        self._old: dict[_Key, _Pair] = {}
        self._born = 0.0
        self._now = 0.0
        self._read = Heads().read

    def add(self, sighting: Sighting) -> Iterator[Exchange] | None:
        """Take one message; whenever a generation is over, what it brought."""
        at, flow, data, number = sighting
        values = self._read(flow, data)
        branch, cseq = values[BRANCH], values[CSEQ]
        if not cseq or not (branch or values[SENT_BY]):
            self._skipped[UNREADABLE] += 1
            return None
        if data.startswith(b"SIP/"):
            key = (flow.target, branch, cseq)
            pair = self._young.get(key) or self._old.get(key)
            if pair is None:
                self._skipped[NO_REQUEST] += 1
            elif values[FIRST][:1] == b"1":
                pair.provisional = True
            elif pair.reply is None:
                pair.answered_at, pair.answer, pair.reply = at, number, values
                pair.data = data if values[_CHALLENGE] or values[_PROXY_CHALLENGE] else b""
            return None
        if cseq.endswith(b"ACK"):  # nobody answers it
            return None
        self._now = at
        key = (flow.source, branch or values[CSEQ + 1], cseq)
        pair = self._young.get(key) or self._old.get(key)
        if pair is not None:
            if at - pair.last_at < _ECHO and not self._is_coarse():
                self._skipped[ECHOES] += 1
            else:
                pair.copies += 1
                pair.last_at = at
            return None
        young = self._young
        young[key] = _Pair(at, flow, number, len(data), values)
        if len(young) >= self._most_pairs or not -_GENERATION < at - self._born < _GENERATION:
            return self._next_generation(at)
        return None

    def _next_generation(self, now: float) -> Iterator[Exchange]:
        leaving, self._old, self._young, self._born = self._old, self._young, {}, now
        for key, pair in leaving.items():
            if pair.reply is None:
                age = abs(now - pair.at)
                if pair.provisional and age < _RINGING and len(self._old) < self._most_pairs:
                    self._old[key] = pair
                    continue
                if pair.provisional or age < _EARLY_SILENCE:
                    self._skipped[EVICTED] += 1
                    continue
            if self._is_new(pair):
                yield self._exchange(pair)

    def finish(self) -> Iterator[Exchange]:
        """What is still here when the record ends."""
        for generation in (self._old, self._young):
            for pair in generation.values():
                if pair.reply is None and pair.copies < 3 and self._now - pair.at < _CUT_SILENCE:
                    self._skipped[UNFINISHED] += 1
                elif self._is_new(pair):
                    yield self._exchange(pair)
        self._old, self._young = {}, {}

    def _is_new(self, pair: _Pair) -> bool:
        """Whether no other record has shown this very request, on the same way."""
        if self._seen is None:
            return True
        flow, request = pair.flow, pair.request
        ends = flow.source, flow.source_port, flow.target, flow.target_port
        number = hash((ends, request[BRANCH], request[CSEQ], request[CSEQ + 1]))
        if number in self._seen:
            self._skipped[SEEN_TWICE] += 1
            return False
        if len(self._seen) < _MOST_SEEN:
            self._seen.add(number)
        return True

    def _exchange(self, pair: _Pair) -> Exchange:
        flow = pair.flow
        method, uri, sent_by, _, _, call_id, sender, to, contact, agent, event, *logins = pair.request
        user, uri_host = words.party[uri]
        from_user, from_host = words.address(sender)
        if method == b"REGISTER":
            user = words.address(to)[0]
        places: tuple[Place, ...] = (Place(file=self._file, number=pair.number),)
        status, reason, challenge, hints, after = None, "", None, NO_HINTS, None
        reply = pair.reply
        if reply is not None:
            status, reason = int(reply[FIRST]), words.text[reply[SECOND]]
            if status in (401, 407) and pair.data:
                challenge = words.challenge(reply[_CHALLENGE] or reply[_PROXY_CHALLENGE], pair.data)
            hints = words.hints(reply[_PROXY_CHALLENGE + 1 :])
            after = None if self._is_coarse() else max(0.0, pair.answered_at - pair.at)
            places = (places[0], Place(file=self._file, number=pair.answer))
        credentials = logins[0] or logins[1]
        return Exchange(
            at=pair.at + self._offset,
            source=flow.source,
            source_port=flow.source_port,
            target=flow.target,
            target_port=flow.target_port,
            transport=flow.transport,
            method=words.text[method],
            user=user,
            uri_host=uri_host,
            from_user=from_user,
            from_host=from_host,
            contact_host=words.address(contact)[1] if contact else "",
            via_host=words.via_host[sent_by],
            user_agent=words.text[agent],
            call_id=printable(call_id),
            event=words.text[event.partition(b";")[0]] if event else "",
            size=pair.size,
            carried=words.carried(credentials) if credentials else None,
            copies=pair.copies,
            status=status,
            reason=reason,
            answered_after=after,
            challenge=challenge,
            hints=hints,
            places=places,
        )
