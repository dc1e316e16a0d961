"""Requests and their answers brought together (RFC 3261 section 17.1.3), in bounded memory.

A pair is found by the host that asked, the branch of the topmost Via, and CSeq: so both sides of a proxy
stay apart, and an answer may come from another port. Pairs live in two generations. When the young one is
`_GENERATION` seconds old or full, the old one is given out in the order of its requests; only what still
rings stays. Nothing is called silent that was given up for want of room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from shiftline.diagnosis.exchange import Brief, Carried, Challenge, Remark
from shiftline.doctor.reading import logins, words
from shiftline.doctor.reading.heads import LONG, Heads
from shiftline.doctor.reading.layout import (
    BRANCH,
    CALL_ID,
    COMMON,
    CSEQ,
    DIGEST_ROW,
    SENT_BY,
    STATUS,
)
from shiftline.doctor.reading.models import Hint, models
from shiftline.doctor.reading.row_by_row import call_id_of
from shiftline.doctor.reading.sighting import Flow, Sighting
from shiftline.doctor.reading.signals import Bounce
from shiftline.doctor.reading.stencils import Values
from shiftline.sip.glance import printable

_Key: TypeAlias = tuple[str, bytes, bytes]
_brief = tuple.__new__
"""Makes a `Brief` of its fields in order: calling the class itself would go through Python once more."""

MOST_PAIRS = 40_000
"""In each generation; two of them and the strings they hold stay under 150 MB."""
_LONGEST_CHALLENGED = 4096
_MOST_LONG = 10_000
"""Of messages that may fill more than a packet, in the young generation."""
_GENERATION = 32.0
"""64 * T1: after this a non-INVITE client gives up (section 17.1.2.2), and silence may be called so."""
_RINGING = 300.0
_EARLY_SILENCE = 8.0
"""An answer that takes longer comes too late for anyone; so this counts as silence where room is short."""
_MOST_SEEN = 500_000
_MOST_COPIES = 16
_CUT_SILENCE = 2.0
_ECHO = 0.010
"""A copy that comes sooner is the same packet, captured twice: T1 is fifty times as long."""

NO_REQUEST = "answers whose request is not there"
ECHOES = "packets captured twice"
SEEN_TWICE = "requests that another file shows as well"
UNREADABLE = "messages without Via, CSeq or status"
EVICTED = "requests forgotten before their answer, for want of room"
UNFINISHED = "requests that the end of the record cuts off"


class _Pair:
    """A request that was seen, and what followed."""

    copies = 1
    is_ringing = False
    last_at: float | None = None
    """When its last copy came."""
    copied_after: tuple[float, ...] = ()
    reply: Values | None = None
    answered_at = 0.0
    answer = 0
    """The number of the answer's packet."""
    hint: Hint | None = None
    """What came that was no final answer: what an ICMP error said of it, or a provisional answer."""
    challenged = b""
    """The whole answer, if it has challenges that were not cut."""

    def __init__(self, at: float, flow: Flow, number: int, size: int, request: Values) -> None:
        self.at = at
        self.flow = flow
        self.number = number
        self.size = size
        self.request = request

    @property
    def is_bounced(self) -> bool:
        """Whether the network said that it did not arrive."""
        return self.hint is not None and self.hint[0] == "icmp"


class Pairing:
    """Pairs the messages of one record."""

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
        self._is_coarse = is_coarse
        self._file = file
        self._skipped = skipped
        self._offset = offset
        self._seen = seen
        self._most_pairs = most_pairs
        self._young: dict[_Key, _Pair] = {}
        self._old: dict[_Key, _Pair] = {}
        self._long = 0
        self._born = 0.0
        self._now = 0.0
        self._read = Heads().read
        self.messages = 0

    def pair(self, record: Iterable[Sighting | Bounce | Remark]) -> Iterator[Brief | Remark]:
        """Everything that a record brings: remarks as they come, exchanges when their generation is over."""
        read, skipped = self._read, self._skipped
        for one in record:
            if not isinstance(one, tuple):
                if isinstance(one, Remark):
                    yield one
                else:
                    self._bounced(one)
                continue
            at, flow, data, number = one
            self.messages += 1
            values = read(flow, data)
            branch, cseq = values[BRANCH], values[CSEQ]
            if not cseq or not (branch or values[COMMON].values[SENT_BY]):
                skipped[UNREADABLE] += 1
            elif data.startswith(b"SIP/"):
                self._answer((flow.target, branch or call_id_of(data), cseq), values, one)
            elif not cseq.endswith(b"ACK"):  # nobody answers it
                self._now = at
                key = (flow.source, branch or values[CALL_ID], cseq)
                known = self._young.get(key) or self._old.get(key)
                if known is not None:
                    self._repeated(known, at)
                    continue
                young = self._young
                young[key] = _Pair(at, flow, number, len(data), values)
                if len(data) > LONG:
                    self._long += 1
                if (
                    len(young) >= self._most_pairs
                    or self._long >= _MOST_LONG
                    or not -_GENERATION < at - self._born < _GENERATION
                ):
                    yield from self._next_generation(at)
        yield from self._finish()

    def _answer(self, key: _Key, values: Values, sighting: Sighting) -> None:
        pair = self._young.get(key) or self._old.get(key)
        status = values[COMMON].values[STATUS]
        if not status:
            self._skipped[UNREADABLE] += 1
        elif pair is None:
            self._skipped[NO_REQUEST] += 1
        elif status[:1] == b"1":
            # An INVITE may ring for minutes. Anything else is over after 64 * T1, 100 or not (17.1.2.2).
            if key[2].endswith(b"INVITE"):
                pair.is_ringing = True
            elif pair.hint is None:
                said = words.answer[values[COMMON]]
                pair.hint = "heard", f"{said.status} {said.reason}"
        elif pair.reply is None:
            pair.answered_at, _, data, pair.answer = sighting
            pair.reply = values
            if values[DIGEST_ROW]:
                pair.challenged = data[:_LONGEST_CHALLENGED]

    def _bounced(self, bounce: Bounce) -> None:
        """An ICMP error tells of a request, if it quotes enough of it."""
        values = self._read(bounce.flow, bounce.data)
        key = (bounce.flow.source, values[BRANCH], values[CSEQ])
        pair = self._young.get(key) or self._old.get(key)
        if pair is None or not values[CSEQ]:
            self._skipped["ICMP errors about requests that are not there"] += 1
        else:
            pair.hint = "icmp", bounce.word

    def _repeated(self, pair: _Pair, at: float) -> None:
        is_coarse = self._is_coarse is not None and self._is_coarse()
        if at - (pair.last_at or pair.at) < _ECHO and not is_coarse:
            self._skipped[ECHOES] += 1
        else:
            pair.copies += 1
            pair.last_at = at
            if len(pair.copied_after) < _MOST_COPIES:
                pair.copied_after += (at - pair.at,)

    def _next_generation(self, now: float) -> Iterator[Brief]:
        leaving, self._old, self._young, self._born = self._old, self._young, {}, now
        self._long = 0
        for key, pair in leaving.items():
            if pair.reply is None:
                age = abs(now - pair.at)
                if pair.is_ringing and age < _RINGING and len(self._old) < self._most_pairs:
                    self._old[key] = pair
                    continue
                if pair.is_ringing or age < _EARLY_SILENCE:
                    self._skipped[EVICTED] += 1
                    continue
            if self._seen is None or self._is_new(pair, self._seen):
                yield self._brief(pair)

    def _finish(self) -> Iterator[Brief]:
        """What is still here when the record ends."""
        for generation in (self._old, self._young):
            for pair in generation.values():
                if (
                    pair.reply is None
                    and not pair.is_bounced
                    and pair.copies < 3
                    and self._now - pair.at < _CUT_SILENCE
                ):
                    self._skipped[UNFINISHED] += 1
                elif self._seen is None or self._is_new(pair, self._seen):
                    yield self._brief(pair)
        self._old, self._young = {}, {}

    def _is_new(self, pair: _Pair, seen: set[int]) -> bool:
        """Whether no other record has shown this very request, on the same way."""
        flow, request = pair.flow, pair.request
        ends = flow.source, flow.source_port, flow.target, flow.target_port
        number = hash((ends, request[BRANCH], request[CSEQ], request[CALL_ID]))
        if number in seen:
            self._skipped[SEEN_TWICE] += 1
            return False
        if len(seen) < _MOST_SEEN:
            seen.add(number)
        return True

    def _brief(self, pair: _Pair) -> Brief:
        asked, _, call_id, _, raw_nonce, login, raw_count = pair.request
        nonce, count = "", None
        if raw_nonce:
            nonce, count = printable(raw_nonce), logins.count[raw_count]
        carried: Carried | None = None
        challenge: Challenge | None = None
        if login:
            carried, nonce, count = logins.carried(login)
        answer, answered_after, new_nonce, date, contact = None, None, "", "", ""
        if pair.reply is not None:
            answer, _, raw_date, _, raw_nonce, row, raw_contact = pair.reply
            if raw_nonce:
                new_nonce = printable(raw_nonce)
            if raw_date:
                date = words.text[raw_date]
            if raw_contact:
                contact = words.text[raw_contact]
            answered_after = pair.answered_at - pair.at
            if self._is_coarse is not None and self._is_coarse():
                answered_after = None
            elif answered_after < 0.0:
                answered_after = 0.0
            if pair.challenged:
                challenge, new_nonce = logins.challenge(row, pair.challenged)
        return _brief(
            Brief,
            (
                pair.at + self._offset,
                pair.size,
                pair.copies,
                pair.copied_after,
                answered_after,
                printable(call_id),
                nonce,
                count,
                new_nonce,
                date,
                contact,
                self._file,
                pair.number,
                pair.answer,
                models[pair.flow, asked, answer, pair.hint, carried, challenge],
            ),
        )
