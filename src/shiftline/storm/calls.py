"""What an INVITE leaves behind: ACKs that copies of its answer want, and calls that nobody waits for.

A flow that gives its INVITE up has not ended the call. Once the other side has said that it works on it, it
is cancelled (RFC 3261 section 9.1); if it is answered all the same, the answer gets its ACK and the dialog
its BYE (sections 13.2.2.4 and 15). Sans I/O, as `flows` is.
"""

from __future__ import annotations

from collections.abc import Callable

from shiftline.storm.flow import Flow, Source
from shiftline.storm.replies import ack_of, cancel_of, is_of_cancel, peer_tag
from shiftline.storm.wheel import TimerWheel

T1, T2 = 0.5, 4.0
"""Seconds; RFC 3261 section 17.1.1.1."""
LIFETIME_SECONDS = 64 * T1
"""How long an ACK is kept for copies (timer D), and a cancelled INVITE's last answer awaited."""
_END, _BYE, _CANCEL = b"!", b"*", b"^"
"""Before a transaction's key on the wheel: nothing is kept of it any longer; its BYE, its CANCEL is due."""

Resend = tuple[Source, bytes, float]
"""From where, what, and the seconds until the next copy."""


class Calls:
    """Of all flows of a process. ``attempt`` gives a flow's next branch letter."""

    def __init__(self, wheel: TimerWheel, attempt: Callable[[Flow], bytes], *, is_reliable: bool) -> None:
        self._wheel = wheel
        self._attempt = attempt
        self._is_reliable = is_reliable
        self._acks: dict[bytes, tuple[Source, bytes]] = {}
        self._given_up: dict[bytes, Flow] = {}
        self._awaited: set[bytes] = set()
        """Cancelled INVITEs without a last answer."""
        self._resends: dict[bytes, Resend] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a call of ours may still be open, or its end has not been answered."""
        return bool(self._awaited or self._resends)

    def keep_ack(self, source: Source, key: bytes, ack: bytes, at: float) -> None:
        """The ACK that left for this INVITE is wanted again for each copy of the answer."""
        if not self._is_reliable:
            self._acks[key] = (source, ack)
            self._wheel.add(_END + key, at + LIFETIME_SECONDS)

    def acknowledge(self, flow: Flow, status: bytes, data: bytes, at: float) -> None:
        """An INVITE's final answer: its ACK if it failed (section 17.1.1.3), the dialog's tag if not."""
        if status[0] == 0x32:
            flow.peer_tag = peer_tag(data)
            flow.invite_key = flow.key
        else:
            ack = ack_of(flow.message, data)
            flow.source.out.append(ack)
            self.keep_ack(flow.source, flow.key, ack, at)

    def give_up(self, flow: Flow, now: float) -> None:
        """Nobody waits for this INVITE any more."""
        self._given_up[flow.key] = flow
        self._wheel.add(_END + flow.key, now + LIFETIME_SECONDS)
        if flow.invite_key == flow.key:
            self._cancel(flow, now)

    def end(self, flow: Flow, now: float) -> None:
        """Send the BYE of a call that is established."""
        step = next((step for step in flow.track if step.method == b"BYE"), None)
        if step is None:
            return
        flow.cseq += 1
        letter = self._attempt(flow)
        values = (flow.number, letter, b"%d" % flow.cseq, flow.user.name, b"", flow.peer_tag)
        self._send(_BYE + flow.number + letter, flow.source, step.template.render(values), now)

    def hear_ringing(self, key: bytes, now: float) -> None:
        """A 1xx for an INVITE that was given up: only now may it be cancelled."""
        flow = self._given_up.get(key)
        if flow is not None and flow.invite_key != key:
            flow.invite_key = key
            self._cancel(flow, now)

    def hear(self, key: bytes, status: bytes, data: bytes, at: float) -> bool:
        """Take in a final answer that no flow waits for; whether it was to a BYE or CANCEL of ours."""
        if self._resends.pop(_BYE + key, None) is not None:
            return True
        if _CANCEL + key in self._resends and is_of_cancel(data):
            del self._resends[_CANCEL + key]
            return True
        flow = self._given_up.get(key)
        if flow is not None and not is_of_cancel(data):
            del self._given_up[key]
            self._end_late(flow, status, data, at)
        elif (sent := self._acks.get(key)) is not None:
            source, ack = sent
            source.out.append(ack)
        return False

    def tick(self, key: bytes, now: float) -> None:
        """A key of ours is due on the wheel."""
        mark, inner = key[:1], key[1:]
        if mark == _END:
            self._acks.pop(inner, None)
            self._given_up.pop(inner, None)
            self._awaited.discard(inner)
            self._resends.pop(_CANCEL + inner, None)
        elif (known := self._resends.pop(key, None)) is not None and known[2] <= LIFETIME_SECONDS / 2:
            source, message, wait = known
            source.out.append(message)
            self._resends[key] = (source, message, wait * 2)
            self._wheel.add(key, now + wait * 2)

    def _end_late(self, flow: Flow, status: bytes, data: bytes, at: float) -> None:
        """An INVITE that was given up got its last answer."""
        self._awaited.discard(flow.key)
        self._resends.pop(_CANCEL + flow.key, None)
        self.acknowledge(flow, status, data, at)
        if status[0] != 0x32:
            return
        step = next((step for step in flow.track if step.method == b"ACK"), None)
        if step is not None:
            values = (
                flow.number, self._attempt(flow), b"%d" % flow.cseq, flow.user.name, flow.authorization,
                flow.peer_tag,
            )  # fmt: skip
            ack = step.template.render(values)
            flow.source.out.append(ack)
            self.keep_ack(flow.source, flow.key, ack, at)
        self.end(flow, at)

    def _cancel(self, flow: Flow, now: float) -> None:
        self._awaited.add(flow.key)
        self._send(_CANCEL + flow.key, flow.source, cancel_of(flow.message), now)

    def _send(self, key: bytes, source: Source, message: bytes, now: float) -> None:
        source.out.append(message)
        if self._is_reliable:
            self._resends[key] = (source, message, LIFETIME_SECONDS)
            self._wheel.add(key, now + LIFETIME_SECONDS)
        else:
            self._resends[key] = (source, message, T1)
            self._wheel.add(key, now + T1)
