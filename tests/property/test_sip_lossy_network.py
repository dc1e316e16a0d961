"""Two agents joined by a network that loses, doubles, reorders and delays: one end each, not two or none."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shiftline.sip.agent import SipAgent
from shiftline.sip.events import (
    CancelReceived,
    Event,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SendFailed,
)
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

US, PBX = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
HORIZON = 2000.0
LONGEST_DELAY = 32.0


def a_request(method: str, number: int = 1) -> Request:
    rows = [("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>"), ("Call-ID", f"c{number}")]
    return Request(method, SipUri(host="h"), Headers([*rows, ("CSeq", f"1 {method}")]))


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What becomes of a datagram: shares of lost and doubled ones, and how long the others take, at most."""

    loss: float
    doubling: float
    delay: float


@dataclass
class World:
    """A clock, two agents, and what is on its way between them or in a user's mind."""

    rng: Random
    weather: Weather
    statuses: list[int]
    thinks: float
    transport: Transport = Transport.UDP
    is_lost: bool = False
    now: float = 0.0
    ends: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        tokens = count()
        self.ours = SipAgent(local=US, token=lambda: f"u{next(tokens)}")
        self.theirs = SipAgent(local=PBX, token=lambda: f"p{next(tokens)}")
        self._numbers = count()
        self._agenda: list[tuple[float, int, str, tuple[object, ...]]] = []

    def later(self, seconds: float, what: str, *arguments: object) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._numbers), what, arguments))

    def run(self) -> None:
        """Go from one happening to the next until there is none."""
        self.settle()
        while (due := self._next()) is not None and due < HORIZON:
            self.now = max(self.now, due)
            while self._agenda and self._agenda[0][0] <= self.now:
                _, _, what, arguments = heapq.heappop(self._agenda)
                getattr(self, what)(*arguments)
            self.ours.handle_timer(self.now)
            self.theirs.handle_timer(self.now)
            self.settle()

    def arrive(self, agent: SipAgent, data: bytes, source: tuple[str, int]) -> None:
        if not self.is_lost:
            agent.receive(data, source, self.now, transport=self.transport)

    def lose(self) -> None:
        """The one connection there is goes, and no other comes."""
        self.is_lost = True
        self.ours.connection_lost(self.transport, PBX, "Connection reset by peer", self.now)
        self.theirs.connection_lost(self.transport, US, "Connection reset by peer", self.now)

    def answer(self, key: str, request: Request, status: int) -> None:
        self.theirs.respond(key, response_to(request, status, to_tag="pbx"), self.now)

    def cancel(self, key: str) -> None:
        self.ours.cancel(key, self.now)

    def settle(self) -> None:
        while True:
            events = [*self._events(self.ours), *self._events(self.theirs)]
            for event in events:
                self._take(event)
            ours, theirs = self.ours.datagrams_to_send(), self.theirs.datagrams_to_send()
            for datagram in ours:
                if self.is_lost:
                    self.ours.send_failed(datagram, "The connection is closed.", self.now)
                else:
                    self._carry(self.theirs, datagram.data, US)
            for datagram in theirs:
                self._carry(self.ours, datagram.data, PBX)
            if not (events or ours or theirs):
                return

    def _next(self) -> float | None:
        dues = [self.ours.next_timer(), self.theirs.next_timer()]
        dues += [self._agenda[0][0]] if self._agenda else []
        return min((due for due in dues if due is not None), default=None)

    def _events(self, agent: SipAgent) -> list[Event]:
        found = []
        while event := agent.next_event():
            found.append(event)
        return found

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived) and event.key is not None:
            for number, status in enumerate(self.statuses):
                self.later(self.thinks * (number + 1), "answer", event.key, event.request, status)
        elif isinstance(event, CancelReceived):
            self.answer(event.key, event.invite, 487)
        elif isinstance(event, RequestTimedOut | SendFailed) or (
            isinstance(event, ResponseReceived) and event.response.status >= 200
        ):
            self.ends.append(event)

    def _carry(self, agent: SipAgent, data: bytes, source: tuple[str, int]) -> None:
        if self.transport.is_reliable:
            self.later(self.weather.delay, "arrive", agent, data, source)
            return
        copies = 0 if self.rng.random() < self.weather.loss else 1
        copies += self.rng.random() < self.weather.doubling
        for _ in range(copies):
            self.later(self.rng.uniform(0, self.weather.delay), "arrive", agent, data, source)


weathers = st.builds(
    Weather,
    loss=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    doubling=st.sampled_from([0.0, 0.3, 1.0]),
    delay=st.sampled_from([0.0, 0.4, 3.0, LONGEST_DELAY]),
)
answers = st.sampled_from([[200], [403], [100, 200], [180, 486], [180], []])
seeds = st.integers(0, 2**32)


@given(weathers, answers, seeds, st.sampled_from([0.0, 1.0, 20.0]), st.sampled_from([None, 4.0]))
def test_a_request_has_one_end(
    weather: Weather, statuses: list[int], seed: int, thinks: float, timeout: float | None
) -> None:
    """A non-INVITE request: exactly one final answer or timeout, and nothing is left behind."""
    world = World(Random(seed), weather, statuses, thinks)
    world.ours.send(a_request("OPTIONS"), PBX, 0.0, timeout_seconds=timeout)
    world.run()
    assert len(world.ends) == 1
    assert (world.ours.next_timer(), world.theirs.next_timer()) == (None, None)


@given(
    weathers, answers, seeds, st.sampled_from([0.0, 1.0, 20.0]), st.sampled_from([None, 4.0]), st.booleans()
)
def test_a_call_has_one_end(
    weather: Weather, statuses: list[int], seed: int, thinks: float, timeout: float | None, cancels: bool
) -> None:
    """An INVITE, cancelled or not: one refusal or timeout, or a 2xx that may be told again, and never both.

    A phone may ring for ever where nobody set a time and nobody cancels: then the server's Timer C ends it
    without a word, and the call has no end.
    """
    world = World(Random(seed), weather, statuses, thinks)
    key = world.ours.send(a_request("INVITE"), PBX, 0.0, timeout_seconds=timeout)
    if cancels:
        world.later(5.0, "cancel", key)
    world.run()
    accepted = [
        event for event in world.ends if isinstance(event, ResponseReceived) and event.response.status == 200
    ]
    if accepted:
        assert accepted == world.ends
    elif timeout or cancels or world.ends:
        assert len(world.ends) == 1
    assert (world.theirs.next_timer()) is None


@given(
    answers,
    st.sampled_from(["OPTIONS", "INVITE"]),
    st.sampled_from([0.0, 0.4, 3.0]),
    st.one_of(st.none(), st.floats(0.0, 50.0)),
    st.booleans(),
)
def test_a_request_over_a_stream_has_one_end(
    statuses: list[int], method: str, delay: float, lost_at: float | None, cancels: bool
) -> None:
    """Also when the connection goes at any moment: then the failure is the end, if there was none."""
    weather = Weather(loss=0.0, doubling=0.0, delay=delay)
    world = World(Random(0), weather, statuses, 1.0, Transport.TCP)
    key = world.ours.send(a_request(method), PBX, 0.0, transport=Transport.TCP)
    if cancels:
        world.later(5.0, "cancel", key)
    if lost_at is not None:
        world.later(lost_at, "lose")
    world.run()
    rings_for_ever = method == "INVITE" and statuses == [180] and not cancels and lost_at is None
    assert len(world.ends) == (0 if rings_for_ever else 1)


steps = st.lists(
    st.tuples(st.sampled_from(["OPTIONS", "INVITE", "cancel", "ring", "wait"]), seeds), max_size=30
)


@given(steps, st.sampled_from(Transport))
def test_no_two_live_transactions_share_a_branch(script: list[tuple[str, int]], transport: Transport) -> None:
    """A CANCEL has its INVITE's branch by rule (section 9.1), and nothing else has another's."""
    tokens, now = count(), 0.0
    agent = SipAgent(local=US, token=lambda: f"u{next(tokens)}")
    keys: list[str] = []
    calls: list[Request] = []
    requests: list[tuple[str, str]] = []
    for number, (step, seed) in enumerate(script):
        if step in ("OPTIONS", "INVITE"):
            keys.append(agent.send(a_request(step, number), PBX, now, transport=transport))
        elif step == "cancel" and keys:
            agent.cancel(keys[seed % len(keys)], now)
        elif step == "ring" and calls:
            ringing = bytes(response_to(calls[seed % len(calls)], 180, to_tag="x"))
            agent.receive(ringing, PBX, now, transport=transport)
        else:
            now += 0.4
            agent.handle_timer(now)
        for datagram in agent.datagrams_to_send():
            message = parse_message(datagram.data)
            assert isinstance(message, Request)
            calls += [message] if message.method == "INVITE" else []
            branch = Via.parse(message.headers.get_all("Via")[0]).branch or ""
            requests.append((branch, f"{message.method} {message.headers.get('Call-ID')}"))
    assert len(set(keys)) == len(keys)
    owners: dict[str, set[str]] = {}
    for branch, owner in requests:
        owners.setdefault(branch, set()).add(owner.replace("CANCEL ", "INVITE "))
    assert all(len(names) == 1 for names in owners.values())
