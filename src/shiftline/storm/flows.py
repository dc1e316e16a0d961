"""The flows of one process, sans I/O: who is asked what next, what an answer means, what is sent again.

Rules of this file: no clock and no socket, `now` and `at` are seconds from the run's start; no object per
request but the flow's own; a transaction's key stands in its branch, so an answer is matched by one search
and one look-up, and nothing of it is parsed but what the flow needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shiftline.storm.authorizing import Authorizer
from shiftline.storm.replies import ack_of, peer_tag, reply_to, request_uri
from shiftline.storm.sample import TIMEOUT, WITHHELD
from shiftline.storm.script import Script
from shiftline.storm.template import KEY_BYTES, Place, Template
from shiftline.storm.users import MOST_TRIES, PROVEN, User, Users
from shiftline.storm.wheel import TimerWheel

T1, T2 = 0.5, 4.0
"""Seconds; RFC 3261 section 17.1.1.1."""
TIMER_F = TIMER_D = 64 * T1
_OF_ACK = b"!"
"""Before the key of an INVITE whose ACK need not be kept any longer."""
_ATTEMPTS = tuple(bytes((letter,)) for letter in b"abcdefghijklmnopqrstuvwxyz")
_CSEQS = tuple(str(number).encode() for number in range(1, 100))
_SAYS_NOTHING = frozenset((b"401", b"403", b"404", b"407", b"408", b"429"))
"""Answers that do not show that a password was right."""
_NUMBER_SLOTS = 16 ** (KEY_BYTES - 1)


class _Ready:
    """A step, ready to be rendered for one source."""

    __slots__ = ("answers_challenge", "expects", "is_answered", "is_invite", "method", "pause", "template")

    def __init__(self, script: Script, number: int, place: Place) -> None:
        step = script.steps[number]
        self.method = step.method.encode()
        self.template = Template(step.text, place)
        self.expects = frozenset(str(status).encode() for status in step.expects)
        self.is_answered = step.is_answered
        self.is_invite = step.method == "INVITE"
        self.answers_challenge = step.answers_challenge
        self.pause = step.pause_seconds


class Source:
    """One source address and port: its templates, and what waits to leave from it."""

    __slots__ = ("authorizer", "out", "place", "tracks")

    def __init__(self, place: Place, scripts: Sequence[Script], cnonce: str) -> None:
        """``scripts`` in the order in which flows take them."""
        made: dict[str, tuple[_Ready, ...]] = {}
        for script in scripts:
            if script.name not in made:
                made[script.name] = tuple(_Ready(script, n, place) for n in range(len(script.steps)))
        self.place = place
        self.tracks = tuple(made[script.name] for script in scripts)
        self.authorizer = Authorizer(cnonce)
        self.out: list[bytes] = []


class _Flow:
    __slots__ = (
        "attempt", "authorization", "cseq", "invite_key", "key", "message", "number", "peer_tag", "scheduled",
        "sent", "source", "step", "track", "tried", "user", "wait",
    )  # fmt: skip

    def __init__(
        self, number: bytes, scheduled: float, source: Source, track: tuple[_Ready, ...], user: User
    ) -> None:
        self.number = number
        self.scheduled = scheduled
        self.source = source
        self.track = track
        self.user = user
        self.step = 0
        self.attempt = 0
        self.cseq = 0
        self.authorization = b""
        self.peer_tag = b""
        self.tried = False
        """Whether the request under way carries credentials made from this flow's own challenge."""
        self.message = b""
        self.key = b""
        self.sent = 0.0
        self.wait = 0.0
        """Seconds between the last copy and the next; 0.0 while the flow pauses, until ``sent``."""
        self.invite_key = b""
        """Of the INVITE whose ACK is about to be sent."""


class Tally:
    """What happened since it was last taken; lists, since a list's append is all the hot path can afford."""

    def __init__(self) -> None:
        self.started = self.ok = self.ended = self.requests = self.retransmissions = self.late_answers = 0
        self.statuses: Counter[int] = Counter()
        self.answers: Counter[bytes] = Counter()
        self.latencies: list[float] = []
        self.responses: list[float] = []
        self.lags: list[float] = []


class Flows:
    """Start flows, feed answers and time in, take messages out of each source's ``out``."""

    def __init__(
        self, sources: Sequence[Source], users: Users, *, timeout_seconds: float = TIMER_F,
        fresh_challenge: bool = True, first_number: int = 0,
    ) -> None:  # fmt: skip
        self.sources = sources
        self.users = users
        self.tally = Tally()
        self.pending: dict[bytes, _Flow] = {}
        self.freed: list[float] = []
        """When flows ended that have not been followed by others; a closed loop starts that many."""
        self._wheel = TimerWheel()
        self._timeout = timeout_seconds
        self._fresh = fresh_challenge
        self._reliable = sources[0].place.transport != "UDP"
        self._mark = sources[0].place.branch_start
        self._mark_bytes = len(self._mark)
        self._number = first_number
        self._turn = 0
        self._last_answer = 0.0
        self._innocent: set[bytes] = set()
        """Status lines of 403s that answered requests without credentials: they judge no password."""
        self._acks: dict[bytes, tuple[Source, bytes]] = {}
        self.users_out = 0
        """Users whose password was refused or unproven twice."""
        self.proven = 0
        """Users whose password was accepted."""

    @property
    def number(self) -> int:
        """The number of the last flow."""
        return self._number

    @property
    def last_answer(self) -> float:
        """When the last final answer came."""
        return self._last_answer

    def start(self, scheduled: float, now: float) -> bool:
        """Begin the next flow; False when no user is free to have one."""
        user = self.users.take()
        if user.tries != PROVEN and user.password is not None and user.must_wait:
            free = self.users.take_free()
            if free is None:
                return False
            user = free
        turn = self._turn
        self._turn = turn + 1
        source = self.sources[turn % len(self.sources)]
        track = source.tracks[(turn // len(self.sources)) % len(source.tracks)]
        self._number = (self._number + 1) % _NUMBER_SLOTS
        flow = _Flow(b"%08x" % self._number, scheduled, source, track, user)
        self.tally.started += 1
        self.tally.lags.append(now - scheduled)
        if user.tries != PROVEN:
            user.is_trying = user.password is not None
        elif not self._fresh:
            self._preempt(flow)
        self._send(flow, now)
        return True

    def receive(self, data: bytes, at: float) -> None:
        """Take in what came from the target."""
        start = data.find(self._mark)
        if start < 0 or not data.startswith(b"SIP/"):
            self._take_request(data)
            return
        start += self._mark_bytes
        key = data[start : start + KEY_BYTES]
        if data[8] == 0x31:  # 1xx
            self._hear_provisional(key)
            return
        flow = self.pending.pop(key, None)
        if flow is None:
            self._hear_copy(key)
            return
        status = data[8:11]
        self._last_answer = at
        tally = self.tally
        tally.latencies.append(at - flow.sent)
        tally.answers[status] += 1
        step = flow.track[flow.step]
        if flow.authorization:
            self._judge_credentials(flow, status, data)
        elif status == b"403":
            self._innocent.add(data[: data.find(b"\r\n")])
        if step.is_invite:
            self._acknowledge(flow, status, data, at)
        if status in step.expects if step.expects else status[0] == 0x32:  # 2xx
            self._advance(flow, status, data, at)
        elif status in (b"401", b"407") and step.answers_challenge and not flow.tried:
            self._answer_challenge(flow, status, data, at)
        else:
            self._end(flow, int(status), at, ok=False)

    def tick(self, now: float) -> None:
        """Send again what is due, give up what is too old, go on after pauses."""
        for key in self._wheel.due(now):
            flow = self.pending.get(key)
            if flow is None:
                if key[:1] == _OF_ACK:
                    self._acks.pop(key[1:], None)
                continue
            if not flow.wait:
                self._go_on(key, flow, now)
            elif now - flow.sent >= self._timeout:
                del self.pending[key]
                self._end(flow, TIMEOUT, now, ok=False)
            else:
                self._send_again(flow, now)

    # What a flow does next.

    def _send(self, flow: _Flow, now: float) -> None:
        """Send the flow's step as a new transaction."""
        step = flow.track[flow.step]
        if step.is_answered:
            flow.cseq += 1
        key = flow.number + _ATTEMPTS[flow.attempt]
        flow.attempt += 1
        flow.message = message = step.template.render(
            (flow.number, key[-1:], _CSEQS[flow.cseq - 1], flow.user.name, flow.authorization, flow.peer_tag)
        )
        flow.source.out.append(message)
        self.tally.requests += 1
        if flow.authorization and flow.user.tries != PROVEN:
            flow.user.tries += 1
        flow.key = key
        flow.sent = now
        flow.wait = self._timeout if self._reliable else T1
        self.pending[key] = flow
        self._wheel.add(key, now + flow.wait)

    def _send_again(self, flow: _Flow, now: float) -> None:
        user, step = flow.user, flow.track[flow.step]
        if not self._reliable and (flow.wait < self._timeout):
            if not flow.authorization or user.tries < MOST_TRIES:  # PROVEN is below, too
                if flow.authorization and user.tries != PROVEN:
                    user.tries += 1
                flow.source.out.append(flow.message)
                self.tally.retransmissions += 1
            flow.wait = flow.wait * 2 if step.is_invite else min(flow.wait * 2, T2)
        self._wheel.add(flow.key, min(now + flow.wait, flow.sent + self._timeout))

    def _hear_provisional(self, key: bytes) -> None:
        """Slow down (timer E is T2 from now on), or for an INVITE send no more copies."""
        flow = self.pending.get(key)
        if flow is not None and flow.wait:
            flow.wait = self._timeout if flow.track[flow.step].is_invite else T2

    def _hear_copy(self, key: bytes) -> None:
        self.tally.late_answers += 1
        if (sent := self._acks.get(key)) is not None:
            source, ack = sent
            source.out.append(ack)

    def _advance(self, flow: _Flow, status: bytes, data: bytes, at: float) -> None:
        """The step is done: send the next one, or pause before it, or end."""
        if status in (b"401", b"407") and flow.step + 1 < len(flow.track):
            self._answer_challenge(flow, status, data, at)
            return
        flow.step += 1
        if flow.step == len(flow.track):
            self._end(flow, int(status), at, ok=True)
            return
        step = flow.track[flow.step]
        flow.tried = False
        flow.authorization = b""
        if step.pause:
            self._pause(flow, at + step.pause)
            return
        self._send(flow, at)
        if not step.is_answered:
            self._pass_unanswered(flow, data, at)

    def _pass_unanswered(self, flow: _Flow, data: bytes, at: float) -> None:
        """An ACK is on its way: nothing will answer it, but it is wanted again for each copy of its 2xx."""
        del self.pending[flow.key]
        self._keep_ack(flow, flow.invite_key, flow.message, at)
        self._advance(flow, b"200", data, at)

    def _pause(self, flow: _Flow, until: float) -> None:
        key = flow.number + b"-"
        flow.wait = 0.0
        flow.sent = until
        flow.key = key
        self.pending[key] = flow
        self._wheel.add(key, until)

    def _go_on(self, key: bytes, flow: _Flow, now: float) -> None:
        if now < flow.sent:
            self._wheel.add(key, flow.sent)
            return
        del self.pending[key]
        self._send(flow, now)

    def _acknowledge(self, flow: _Flow, status: bytes, data: bytes, at: float) -> None:
        """An INVITE's final answer: its ACK if it failed (section 17.1.1.3), the dialog's tag if not."""
        if status[0] == 0x32:
            flow.peer_tag = peer_tag(data)
            flow.invite_key = flow.key
        else:
            ack = ack_of(flow.message, data)
            flow.source.out.append(ack)
            self._keep_ack(flow, flow.key, ack, at)

    def _keep_ack(self, flow: _Flow, key: bytes, ack: bytes, at: float) -> None:
        if not self._reliable:
            self._acks[key] = (flow.source, ack)
            self._wheel.add(_OF_ACK + key, at + TIMER_D)

    # Credentials and users.

    def _answer_challenge(self, flow: _Flow, status: bytes, data: bytes, at: float) -> None:
        user = flow.user
        step = flow.track[flow.step]
        if step.expects and status in step.expects:  # a scenario file's own second request
            flow.step += 1
        if user.password is None:
            self._end(flow, int(status), at, ok=False)
            return
        if user.tries >= MOST_TRIES:
            self._end(flow, WITHHELD, at, ok=False)
            return
        row = flow.source.authorizer.answer(
            status, data, user, flow.track[flow.step].method, request_uri(flow.message)
        )
        if row is None:
            self._end(flow, int(status), at, ok=False)
            return
        flow.authorization = row
        flow.tried = True
        self._send(flow, at)

    def _judge_credentials(self, flow: _Flow, status: bytes, data: bytes) -> None:
        """What the answer to a request with credentials says of the password."""
        user = flow.user
        if status in (b"401", b"407"):
            if not flow.tried:
                flow.source.authorizer.forget()
        elif user.tries == PROVEN:
            return
        elif status[0] == 0x32 or (status[0] in b"46" and status not in _SAYS_NOTHING):
            user.tries = PROVEN
            self.proven += 1
        elif status[0] == 0x35 or status in (b"408", b"429") or self._is_innocent(status, data):
            user.tries -= 1

    def _is_innocent(self, status: bytes, data: bytes) -> bool:
        return status == b"403" and data[: data.find(b"\r\n")] in self._innocent

    def _preempt(self, flow: _Flow) -> None:
        """Credentials from the nonce that this source was given last."""
        step = flow.track[0]
        message = step.template.render((flow.number, b"a", b"1", flow.user.name, b"", b""))
        flow.authorization = flow.source.authorizer.preempt(flow.user, step.method, request_uri(message))

    def _end(self, flow: _Flow, status: int, at: float, *, ok: bool) -> None:
        tally = self.tally
        tally.ended += 1
        tally.statuses[status] += 1
        if ok:
            tally.ok += 1
            flow.user.succeeded = True
        if status != WITHHELD:
            tally.responses.append(at - flow.scheduled)
        self.freed.append(at)
        user = flow.user
        if user.is_trying:
            user.is_trying = False
            if user.is_out:
                self.users_out += 1

    def _take_request(self, data: bytes) -> None:
        """A NOTIFY, or whatever else the target asks of us."""
        reply = reply_to(data)
        if reply:
            self.sources[0].out.append(reply)
