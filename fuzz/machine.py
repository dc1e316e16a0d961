"""The agent with all its transactions: bytes decide what is sent, what comes, and how much time passes."""

from __future__ import annotations

from collections import Counter
from itertools import count

from shiftline.sip.agent import SipAgent
from shiftline.sip.events import Datagram, RequestReceived, RequestTimedOut, ResponseReceived, SendFailed
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.uri import SipUri

PEER = ("127.0.0.2", 5070)
METHODS = ("OPTIONS", "INVITE", "REGISTER", "MESSAGE")
STATUSES = (100, 180, 183, 200, 202, 302, 401, 403, 486, 503, 603)
_MOST_STEPS = 64


class Play:
    """One agent, its driver, and a peer that answers as the bytes say."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.now = 0.0
        numbers = count()
        self.agent = SipAgent(local=("127.0.0.1", 5060), token=lambda: f"t{next(numbers)}")
        self.sent: list[Datagram] = []
        self.keys: list[str] = []
        self.served: list[RequestReceived] = []
        self.ends: Counter[str] = Counter()
        self.invites: set[str] = set()

    def byte(self) -> int:
        """The next byte of the script; 0 at its end."""
        value, self.data = (self.data[0], self.data[1:]) if self.data else (0, b"")
        return value

    def step(self) -> None:
        """Do one thing."""
        deeds = (
            self.send, self.answer, self.ask, self.respond, self.wait, self.fail, self.abandon, self.raw
        )  # fmt: skip
        deeds[self.byte() % len(deeds)]()
        self.sent += self.agent.datagrams_to_send()
        self.drain()

    def send(self) -> None:
        """Start a client transaction."""
        method = METHODS[self.byte() % len(METHODS)]
        rows = [("From", "<sip:a@h>;tag=1"), ("To", "<sip:b@h>"), ("Call-ID", "c"), ("CSeq", f"1 {method}")]
        request = Request(method, SipUri(host="h"), Headers(rows))
        timeout = (None, 1.0, 40.0)[self.byte() % 3]
        key = self.agent.send(request, PEER, self.now, timeout_seconds=timeout)
        self.keys.append(key)
        if method == "INVITE":
            self.invites.add(key)

    def answer(self) -> None:
        """A response to something that was sent, perhaps once more."""
        if self.sent:
            message = parse_message(self.sent[self.byte() % len(self.sent)].data)
            if isinstance(message, Request):
                status = STATUSES[self.byte() % len(STATUSES)]
                self.agent.receive(bytes(response_to(message, status, to_tag="x")), PEER, self.now)

    def ask(self) -> None:
        """A request from the peer, or one it has sent before, or its ACK."""
        method = (*METHODS, "ACK", "CANCEL", "BYE")[self.byte() % 7]
        branch = self.byte() % 4
        data = (
            f"{method} sip:us@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bK{branch};rport\r\n"
            f"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: p{branch}\r\nCSeq: 1 {method}\r\n\r\n"
        )
        self.agent.receive(data.encode(), PEER, self.now)

    def respond(self) -> None:
        """Answer a request of the peer's."""
        if self.served:
            event = self.served[self.byte() % len(self.served)]
            if event.key is not None:
                status = STATUSES[self.byte() % len(STATUSES)]
                self.agent.respond(event.key, response_to(event.request, status, to_tag="y"), self.now)

    def wait(self) -> None:
        """Let time pass; sometimes the driver sleeps through its timers."""
        pause, late = self.byte() / 4, self.byte() % 2
        self.run_until(self.now + pause, late=bool(late))

    def fail(self) -> None:
        """The transport refuses what was sent."""
        if self.sent:
            self.agent.send_failed(self.sent[self.byte() % len(self.sent)], "down", self.now)

    def abandon(self) -> None:
        """Nobody wants the answer any more."""
        if self.keys:
            self.agent.abandon(self.keys[self.byte() % len(self.keys)])

    def raw(self) -> None:
        """Any bytes from anywhere."""
        length = self.byte() * 8
        data, self.data = self.data[:length], self.data[length:]
        self.agent.receive(data, PEER, self.now)

    def run_until(self, moment: float, *, late: bool = False) -> None:
        """Fire timers as they come, or all at the end."""
        while not late and (due := self.agent.next_timer()) is not None and due <= moment:
            self.now = max(self.now, due)
            self.agent.handle_timer(self.now)
            self.sent += self.agent.datagrams_to_send()
        self.now = moment
        self.agent.handle_timer(moment)

    def drain(self) -> None:
        """Take the events, and count how often each request of ours ended."""
        while event := self.agent.next_event():
            if isinstance(event, RequestReceived):
                self.served.append(event)
            elif isinstance(event, RequestTimedOut | SendFailed) or (
                isinstance(event, ResponseReceived) and event.response.status >= 200
            ):
                self.ends[event.key] += 1


def one(data: bytes) -> None:
    """Nothing is raised, no request but an INVITE ends twice, and in the end no timer is left."""
    play = Play(data)
    for _ in range(_MOST_STEPS):
        if not play.data:
            break
        play.step()
    play.run_until(play.now + 1000.0)
    play.drain()
    assert play.agent.next_timer() is None
    assert all(ends == 1 for key, ends in play.ends.items() if key not in play.invites)
    for sent in {datagram.data for datagram in play.sent}:
        assert isinstance(parse_message(sent), Request | Response)
