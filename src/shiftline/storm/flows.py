"""The flows of one process, sans I/O: who is asked what next, what an answer means, what is sent again.

Rules of this file: no clock and no socket, times are seconds from the run's start; no object per request
but the flow's own; a transaction's key stands in its branch, so an answer is matched by one search and one
look-up, and nothing of it is parsed but what the flow needs. Counting is appending to lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from shiftline.storm.calls import T1, T2, Calls
from shiftline.storm.flow import Flow, Source
from shiftline.storm.replies import is_stale, reply_to, request_uri
from shiftline.storm.sample import TIMEOUT, WITHHELD
from shiftline.storm.template import KEY_BYTES
from shiftline.storm.users import MOST_TRIES, PROVEN, User, Users
from shiftline.storm.wheel import TimerWheel

TIMER_F = 64 * T1
_ATTEMPTS = tuple(bytes((letter,)) for letter in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CSEQS = tuple(str(number).encode() for number in range(1, len(_ATTEMPTS) + 1))
_SAYS_NOTHING = frozenset((b"401", b"403", b"404", b"407", b"408", b"429"))
"""Answers that do not show that a password was right."""
_CHALLENGES = frozenset((b"401", b"407"))
STATUSES: Mapping[bytes, int] = {str(status).encode(): status for status in range(200, 700)}
"""Every final one; what is none of them and no 1xx is noise."""
_LOW_DIGITS = tuple(b"%03x" % number for number in range(4096))
_NUMBERS = 16 ** (KEY_BYTES - 1)


class Tally:
    """What happened since it was last taken; lists, since an append is all that the hot path can afford."""

    def __init__(self) -> None:
        self.started = self.ok = self.retransmissions = self.late_answers = 0
        self.statuses: list[int] = []
        """Of ended flows."""
        self.answers: list[bytes] = []
        """The status of each final answer to a request."""
        self.latencies: list[float] = []
        self.responses: list[float] = []
        self.lags: list[float] = []
        self.requests = 0


class Flows:
    """Start flows, feed answers and time in, take messages out of each source's ``out``."""

    def __init__(
        self, sources: Sequence[Source], users: Users, *, timeout_seconds: float = TIMER_F,
        fresh_challenge: bool = True, first_number: int = 0,
    ) -> None:  # fmt: skip
        self.sources = sources
        self.hearing = sources[0]
        """Where that comes which is given to `receive`; what the target asks is answered from there."""
        self.users = users
        self.tally = Tally()
        self.pending: dict[bytes, Flow] = {}
        self.freed: list[float] = []
        """When flows ended that have not been followed by others; a closed loop starts that many."""
        self.proven = 0
        """Users whose password was accepted."""
        self.users_out = 0
        """Users whose password was refused or unproven twice."""
        self.last_answer = 0.0
        """When the last final answer came."""
        self.leaves_after = inf
        """Seconds after a call to send began its datagram leaves, if not amid it (see `storm.leaving`)."""
        self.number = first_number
        """Of the last flow."""
        self._wheel = TimerWheel()
        self._timeout = timeout_seconds
        self._fresh = fresh_challenge
        self._reliable = sources[0].place.transport != "UDP"
        self._first_wait = timeout_seconds if self._reliable else min(T1, timeout_seconds)
        self._mark = sources[0].place.branch_start
        self._mark_bytes = len(self._mark)
        self._high_digits = b""
        self._turn = 0
        self._innocent: set[bytes] = set()
        """Status lines of 403s that answered requests without credentials: they judge no password."""
        self.calls = Calls(self._wheel, _next_attempt, is_reliable=self._reliable)
        self.hung_up: list[Flow] = []
        """Flows whose call was ended before its time."""
        self._slot = self._wheel.slot(0.0)
        self.tick(0.0)

    def start(self, scheduled: float) -> bool:
        """Begin the next flow; False when no user is free to have one."""
        user = self.users.take()
        if user.tries != PROVEN and user.password is not None and user.must_wait:
            free = self.users.take_free()
            if free is None:
                return False
            user = free
        turn = self._turn
        self._turn = turn + 1
        sources = self.sources
        source = sources[turn % len(sources)]
        track = source.tracks[(turn // len(sources)) % len(source.tracks)]
        self.number = number = (self.number + 1) % _NUMBERS
        if not number & 4095 or not self._high_digits:
            self._high_digits = b"%05x" % (number >> 12)
        flow = Flow(self._high_digits + _LOW_DIGITS[number & 4095], scheduled, source, track, user)
        self.tally.started += 1
        source.begun.append(flow)
        if user.tries != PROVEN:
            user.is_trying = user.password is not None
        elif not self._fresh:
            self._preempt(flow)
        self._send(flow)
        return True

    def stamp(self, source: Source, began: float, ended: float, *, is_whole: bool = True) -> None:
        """What waited in the source's ``out`` left between these moments, evenly, amid each call or sooner.

        Unless ``is_whole``, what still stands in ``out`` has not left, and is stamped when it has.
        """
        held = ([], []) if is_whole else _hold_back(source)
        step = (ended - began) / (len(source.fresh) or 1)
        moment = began + min(step / 2, self.leaves_after)
        for flow in source.fresh:
            flow.sent = moment
            moment += step
        source.fresh.clear()
        if source.begun:
            self.tally.lags += [flow.sent - flow.scheduled for flow in source.begun]
            source.begun.clear()
        source.fresh += held[0]
        source.begun += held[1]

    def receive(self, data: bytes, at: float) -> None:
        """Take in what came from the target."""
        start = data.find(self._mark)
        if start < 0 or data[3] != 0x2F:  # the slash of SIP/2.0
            self._take_request(data)
            return
        start += self._mark_bytes
        key = data[start : start + KEY_BYTES]
        status = data[8:11]
        if status not in STATUSES:
            self._hear_unfinished(status, key, at)
            return
        flow = self.pending.pop(key, None)
        if flow is None:
            self.tally.late_answers += not self.calls.hear(key, status, data, at)
            return
        self.last_answer = at
        tally = self.tally
        tally.latencies.append(at - flow.sent)
        tally.answers.append(status)
        step = flow.track[flow.step]
        if flow.authorization:
            if flow.user.tries != PROVEN or status in _CHALLENGES:
                self._judge_credentials(flow, status, data)
        elif status == b"403":
            self._innocent.add(data[: data.find(b"\r\n")])
        if step.is_invite:
            self.calls.acknowledge(flow, status, data, at)
        if status in step.expects if step.expects else data[8] == 0x32:  # 2xx
            self._advance(flow, status, data, at)
        elif status in _CHALLENGES and step.answers_challenge and _may_answer(flow, data):
            self._answer_challenge(flow, status, data, at)
        else:
            self._end(flow, STATUSES[status], at, ok=False)

    def tick(self, now: float) -> None:
        """Send again what is due, give up what is too old, go on after pauses."""
        for key in self._wheel.due(now):
            flow = self.pending.get(key)
            if flow is None:
                if len(key) > KEY_BYTES:
                    self.calls.tick(key, now)
            elif not flow.wait:
                self._go_on(key, flow, now)
            elif now - flow.sent >= self._timeout:
                del self.pending[key]
                self._end(flow, TIMEOUT, now, ok=False)
                if flow.track[flow.step].is_invite:
                    self.calls.give_up(flow, now)
            else:
                self._send_again(flow, now)
        self._slot = self._wheel.slot(now + self._first_wait)

    # What a flow does next.

    def _send(self, flow: Flow) -> None:
        """Send the flow's step as a new transaction."""
        step = flow.track[flow.step]
        if step.is_answered:
            flow.cseq += 1
        attempt = _ATTEMPTS[flow.attempt]
        flow.attempt += 1
        flow.key = key = flow.number + attempt
        template = step.template
        values = (
            flow.number,
            attempt,
            _CSEQS[flow.cseq - 1],
            flow.user.name,
            flow.authorization,
            flow.peer_tag,
        )
        flow.message = message = b"".join(template.pick(values + template.statics))
        source = flow.source
        source.out.append(message)
        source.fresh.append(flow)
        if flow.authorization and flow.user.tries != PROVEN:
            flow.user.tries += 1
        flow.wait = self._first_wait
        self.pending[key] = flow
        self._slot.append(key)

    def _send_again(self, flow: Flow, now: float) -> None:
        user, step = flow.user, flow.track[flow.step]
        if flow.wait == self._first_wait and now - flow.sent < flow.wait:
            # Its timer ran from the turn in which it was made; it left later.
            self._wheel.add(flow.key, flow.sent + flow.wait)
            return
        if flow.wait < self._timeout:
            if not flow.authorization or self._may_copy(user):
                flow.source.out.append(flow.message)
                self.tally.retransmissions += 1
            flow.wait = flow.wait * 2 if step.is_invite else min(flow.wait * 2, T2)
        self._wheel.add(flow.key, min(now + flow.wait, flow.sent + self._timeout))

    def _may_copy(self, user: User) -> bool:
        """Whether credentials may be sent again; of a password that may be wrong, a copy is a try."""
        if user.tries == PROVEN:
            return True
        if user.tries >= MOST_TRIES:
            return False
        user.tries += 1
        return True

    def hang_up(self, now: float) -> None:
        """Nothing goes on: cancel the calls that are being set up, end those that are up."""
        for key, flow in list(self.pending.items()):
            step = flow.track[flow.step]
            if step.is_invite and flow.wait:
                self.calls.give_up(flow, now)
            elif not flow.wait and flow.peer_tag and step.method == b"BYE":
                self.calls.end(flow, now)
            else:
                continue
            del self.pending[key]
            self.hung_up.append(flow)

    def _hear_unfinished(self, status: bytes, key: bytes, at: float) -> None:
        """After a 1xx slow down (timer E is T2 from now on), or for an INVITE send no more copies."""
        flow = self.pending.get(key) if status.startswith(b"1") else None
        if flow is None:
            self.calls.hear_ringing(key, at)
        elif flow.track[flow.step].is_invite:
            flow.wait = self._timeout
            flow.invite_key = key
        elif flow.wait:
            flow.wait = T2

    def _advance(self, flow: Flow, status: bytes, data: bytes, at: float) -> None:
        """The step is done: send the next one, or pause before it, or end."""
        flow.step += 1
        if flow.step == len(flow.track):
            self._end(flow, STATUSES[status], at, ok=True)
            return
        if status in _CHALLENGES:  # a scenario file's own second request
            self._answer_challenge(flow, status, data, at)
            return
        step = flow.track[flow.step]
        flow.answered = 0
        flow.authorization = b""
        if step.pause:
            self._pause(flow, at + step.pause)
            return
        self._send(flow)
        if not step.is_answered:
            self._pass_unanswered(flow, data, at)

    def _pass_unanswered(self, flow: Flow, data: bytes, at: float) -> None:
        """An ACK is on its way: nothing will answer it, but it is wanted again for each copy of its 2xx."""
        del self.pending[flow.key]
        self.calls.keep_ack(flow.source, flow.invite_key, flow.message, at)
        self._advance(flow, b"200", data, at)

    def _pause(self, flow: Flow, until: float) -> None:
        flow.wait = 0.0
        flow.sent = until
        flow.key = key = flow.number + b"-"
        self.pending[key] = flow
        self._wheel.add(key, until)

    def _go_on(self, key: bytes, flow: Flow, now: float) -> None:
        if now < flow.sent:
            self._wheel.add(key, flow.sent)
            return
        del self.pending[key]
        self._send(flow)
        if not flow.track[flow.step].is_answered:
            self._pass_unanswered(flow, b"", now)

    # Credentials and users.

    def _answer_challenge(self, flow: Flow, status: bytes, data: bytes, at: float) -> None:
        user = flow.user
        if user.password is None:
            self._end(flow, STATUSES[status], at, ok=False)
            return
        if user.tries >= MOST_TRIES:
            self._end(flow, WITHHELD, at, ok=False)
            return
        step = flow.track[flow.step]
        uri = step.fixed_uri or request_uri(flow.message)
        row = flow.source.authorizer.answer(status, data, user, step.method, uri)
        if row is None:
            self._end(flow, STATUSES[status], at, ok=False)
            return
        flow.authorization = row
        flow.answered += 1
        self._send(flow)

    def _judge_credentials(self, flow: Flow, status: bytes, data: bytes) -> None:
        """What the answer to a request with credentials says of the password."""
        user = flow.user
        if status in _CHALLENGES:
            if flow.answered == 1 and user.tries != PROVEN and is_stale(data):
                user.tries -= 1  # the nonce was refused, not the password
            elif not flow.answered:
                flow.source.authorizer.forget()
        elif status[0] == 0x32 or (status[0] in b"46" and status not in _SAYS_NOTHING):
            user.tries = PROVEN
            self.proven += 1
        elif status[0] == 0x35 or status in {b"408", b"429"} or self._is_innocent(status, data):
            user.tries -= 1

    def _is_innocent(self, status: bytes, data: bytes) -> bool:
        return status == b"403" and data[: data.find(b"\r\n")] in self._innocent

    def _preempt(self, flow: Flow) -> None:
        """Credentials from the nonce that this source was given last."""
        step = flow.track[0]
        uri = step.fixed_uri
        if not uri:
            uri = request_uri(step.template.render((flow.number, b"a", b"1", flow.user.name, b"", b"")))
        flow.authorization = flow.source.authorizer.preempt(flow.user, step.method, uri)

    def _end(self, flow: Flow, status: int, at: float, *, ok: bool) -> None:
        tally = self.tally
        tally.statuses.append(status)
        user = flow.user
        if ok:
            tally.ok += 1
            user.succeeded = at
        if status != WITHHELD:
            tally.responses.append(at - flow.scheduled)
        self.freed.append(at)
        if user.is_trying:
            self._end_trial(user)

    def _end_trial(self, user: User) -> None:
        user.is_trying = False
        if user.is_out:
            self.users_out += 1

    def _take_request(self, data: bytes) -> None:
        """A NOTIFY, or whatever else the target asks of us."""
        reply = reply_to(data)
        if reply:
            self.hearing.out.append(reply)


def _next_attempt(flow: Flow) -> bytes:
    flow.attempt += 1
    return _ATTEMPTS[flow.attempt - 1]


def _may_answer(flow: Flow, challenge: bytes) -> bool:
    """Once, and a second time if the answer's nonce was too old when it came."""
    return not flow.answered or (flow.answered == 1 and is_stale(challenge))


def _hold_back(source: Source) -> tuple[list[Flow], list[Flow]]:
    """Take those whose request still waits out of what is about to be stamped, and tell them."""
    waiting = {id(message) for message in source.out}
    held = [flow for flow in source.fresh if id(flow.message) in waiting]
    held_begun = [flow for flow in source.begun if id(flow.message) in waiting]
    source.fresh[:] = [flow for flow in source.fresh if id(flow.message) not in waiting]
    source.begun[:] = [flow for flow in source.begun if id(flow.message) not in waiting]
    return held, held_begun
