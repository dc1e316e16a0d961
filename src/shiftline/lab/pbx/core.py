"""The practice PBX without sockets and clocks: datagrams and ``now`` in, datagrams and log records out.

A wire format of its own would hide our errors from us: it reads and writes with `shiftline.sip`, which
also absorbs retransmissions, so that nothing is counted twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from itertools import count
from random import Random
from types import MappingProxyType

from shiftline.errors import SipSyntaxError
from shiftline.lab.pbx.answer import Answer
from shiftline.lab.pbx.answers import Answering
from shiftline.lab.pbx.bank.build import DrawnFault, draw_faults
from shiftline.lab.pbx.bank.draw import Settings
from shiftline.lab.pbx.bank.roads import TLS_FAILURES
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.limiting import Limiting, control_of
from shiftline.lab.pbx.notifier import Peer
from shiftline.lab.pbx.personalities import personality_of
from shiftline.lab.pbx.personality import drawn_span
from shiftline.lab.pbx.road_faults import FaultyRoad, Parcel
from shiftline.lab.pbx.visit import Visit
from shiftline.lab.pbx_log import RequestRecord
from shiftline.sip.agent import SipAgent
from shiftline.sip.events import (
    CancelReceived,
    Datagram,
    MalformedReceived,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SendFailed,
)
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, response_to
from shiftline.sip.overload import algorithms_of, tell
from shiftline.sip.transport import Transport

_T1_SECONDS, _T2_SECONDS, _ACK_SECONDS = 0.5, 4.0, 32.0


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    """A message on its way: an answer with its key, or a NOTIFY with its peer."""

    at: float
    number: int
    message: Request | Response = field(compare=False)
    key: str = field(default="", compare=False)
    peer: Peer = field(default=Peer(("", 0)), compare=False)
    call_id: str = field(default="", compare=False)
    """Of a call that this accepts: it is sent again until the ACK comes (RFC 3261 section 13.3.1.4)."""
    wait_seconds: float = field(default=_T1_SECONDS, compare=False)
    """For the ACK, this time."""


class PracticePbx:
    """Feed it with `receive` and `handle_timer`; send what `datagrams_to_send` gives; store `records`.

    ``now`` is monotonic seconds, and so is ``at`` in the records. Nothing that a client sends raises.
    """

    def __init__(
        self,
        config: PracticePbxConfig,
        *,
        address: tuple[str, int],
        streams: Mapping[Transport, tuple[str, int]] = MappingProxyType({}),
        epoch_offset: float = 0.0,
    ) -> None:
        """``epoch_offset`` added to ``now`` gives seconds since 1970, for the Date that some faults write.

        Raises ConfigurationError for a personality or a fault that does not exist, or do not fit.
        """
        self._config = config
        self._random = Random(config.seed)
        self._personality = personality_of(config.personality)
        self._settings = Settings(
            realm=config.realm,
            nonce_seconds=self._personality.nonce_seconds,
            algorithm=config.algorithm,
            expires=config.expires,
            truth_of=config.truth,
        )
        parts = draw_faults(
            config.fault_ids,
            self._personality,
            seed=config.seed,
            wishes=config.wishes,
            settings=self._settings,
        )
        self.truth: Sequence[DrawnFault] = parts.truth
        """The faults of the bank, with what was drawn for them."""
        self._draw_manners()
        self._epoch_offset = epoch_offset
        self._road = FaultyRoad(self._settings.road)
        limiting = Limiting(config.faults, self._random.random)
        # Drawn before the answer is known, since a limiter of what runs at a time has to know.
        self._draws_service = bool(config.faults.limiter or parts.steps)
        self._agent = SipAgent(local=address, streams=streams, token=self._token, user_agent="Practice PBX")
        self._answering = Answering(
            config,
            self._personality,
            self._settings,
            parts.steps,
            limiting,
            random=self._random,
            token=self._token,
        )
        self._due: list[_Due] = []
        self._unacknowledged: dict[str, float] = {}
        """The calls that were accepted and how long to wait for their ACK, by Call-ID."""
        self._numbers = count()
        self._records: list[RequestRecord] = []
        self._size = 0

    def receive(
        self, data: bytes, source: tuple[str, int], now: float, transport: Transport = Transport.UDP
    ) -> None:
        """Take in one message."""
        parcel = self._road.inwards(Parcel(data, source, transport), now)
        if parcel is None or self._settings.is_unreachable:
            return
        self._size = len(parcel.data)
        self._agent.receive(parcel.data, parcel.client, now, transport=transport)
        self._take_events(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called."""
        timers = [self._agent.next_timer(), self._due[0].at if self._due else None]
        timers.append(self._answering.notifier.next_timer())
        return min((timer for timer in timers if timer is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Send what is due, and move the transactions and subscriptions on."""
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            if isinstance(due.message, Response):
                self._send_answer(due, due.message, now)
            else:
                self._agent.send(due.message, due.peer.address, now, transport=due.peer.transport)
        self._agent.handle_timer(now)
        self._answering.notifier.expire(now)
        self._take_events(now)
        self._take_notifies(now)

    def datagrams_to_send(self) -> list[Datagram]:
        """What shall leave now, and what of it the road lets through."""
        return self._road.outwards(self._agent.datagrams_to_send())

    def send_failed(self, datagram: Datagram, why: str, now: float) -> None:
        """No connection could be made for it: a NOTIFY too large for UDP then goes over UDP after all."""
        self._agent.send_failed(datagram, why, now, connected=False)
        self._take_events(now)

    def records(self) -> list[RequestRecord]:
        """The arrivals since the last call."""
        records, self._records = self._records, []
        return records

    def refuses_connection(self, transport: Transport) -> str:
        """Why nothing can be sent to it over this transport, in the system's words; empty: it can."""
        if self._settings.is_unreachable:
            return "Connection refused"
        if transport is Transport.TLS and self._settings.tls_fault:
            return TLS_FAILURES[self._settings.tls_fault]
        return ""

    @property
    def tls_fault(self) -> str:
        """The id of what shall be wrong with its TLS; empty: nothing."""
        return self._settings.tls_fault

    def _draw_manners(self) -> None:
        """Its name and its times; a source of randomness of their own, so that no fault changes them."""
        random = Random(f"{self._config.seed}/{self._personality.name}")
        self._server = random.choice(self._personality.servers)
        self._answer_span = self._config.answer_seconds
        self._refusal_span = self._config.refusal_seconds
        if self._personality.draws_times:
            self._answer_span = drawn_span(random, self._personality.answer_seconds)
            self._refusal_span = drawn_span(random, self._personality.refusal_seconds)

    def _token(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _take_events(self, now: float) -> None:
        while (event := self._agent.next_event()) is not None:
            if isinstance(event, MalformedReceived):
                self._record(None, event.source, Answer(status=None, reason="malformed"), now)
            elif isinstance(event, CancelReceived):
                terminated = response_to(event.invite, 487, to_tag=self._token())
                self._agent.respond(event.key, terminated, now)
            elif isinstance(event, RequestReceived):
                if event.request.method == "ACK":
                    self._unacknowledged.pop(event.request.headers.get("Call-ID") or "", None)
                else:
                    self._take_request(event, now)
            else:
                self._take_answer(event, now)

    def _take_answer(self, event: ResponseReceived | RequestTimedOut | SendFailed, now: float) -> None:
        """An answer to one of our NOTIFYs, or none."""
        status = event.response.status if isinstance(event, ResponseReceived) else None
        if status is None or status >= 200:
            self._answering.notifier.answered(event.request.headers.get("Call-ID") or "", status, now)
            self._take_notifies(now)

    def _take_notifies(self, at: float) -> None:
        for notify, peer in self._answering.notifier.notifies_to_send():
            heapq.heappush(self._due, _Due(at, next(self._numbers), notify, peer=peer))

    def _take_request(self, event: RequestReceived, now: float) -> None:
        service_seconds = self._service_seconds() if self._draws_service else None
        peer = Peer(event.source, event.transport)
        visit = self._answering.visit(
            event.request, peer, now, size=self._size, service_seconds=service_seconds or 0.0
        )
        try:
            answer = self._answering.answer(visit)
        except SipSyntaxError:
            answer = Answer(status=400, reason="malformed")
        self._record(visit, event.source, answer, now)
        if answer.is_dropped and event.key is not None:
            self._agent.ignore(event.key)
        if answer.status is None or event.key is None:
            return
        at = now + answer.wait_seconds + self._answer_seconds(answer, service_seconds)
        if self._config.notify_first:
            self._take_notifies(now)
        response = self._response(event.request, answer, answer.status, at)
        call_id = ""
        if visit.method == "INVITE" and 200 <= answer.status < 300:
            call_id = visit.request.headers.get("Call-ID") or ""
            self._unacknowledged[call_id] = at + _ACK_SECONDS
        heapq.heappush(self._due, _Due(at, next(self._numbers), response, event.key, call_id=call_id))
        self._take_notifies(at)

    def _send_answer(self, due: _Due, response: Response, now: float) -> None:
        """Send it; one that accepts a call comes again, for half a minute at most."""
        if not due.call_id:
            self._agent.respond(due.key, response, now)
        elif self._unacknowledged.get(due.call_id, 0.0) >= now:
            self._agent.respond(due.key, response, now)
            longer = min(2 * due.wait_seconds, _T2_SECONDS)
            again = replace(due, at=now + due.wait_seconds, number=next(self._numbers), wait_seconds=longer)
            heapq.heappush(self._due, again)
        else:
            self._unacknowledged.pop(due.call_id, None)

    def _response(self, request: Request, answer: Answer, status: int, at: float) -> Response:
        response = response_to(request, status, answer.phrase, to_tag=answer.to_tag or self._token())
        if self._server:
            response.headers.add(self._personality.server_header, self._server)
        if self._settings.tells_date:
            told = at + self._epoch_offset + self._settings.clock_skew_seconds
            response.headers.add("Date", formatdate(told, usegmt=True))
        for name, value in answer.headers:
            response.headers.add(name, value)
        if answer.feedback and answer.feedback.algorithm in algorithms_of(request):
            tell(response, control_of(answer.feedback))
        return response

    def _answer_seconds(self, answer: Answer, service_seconds: float | None) -> float:
        if answer.authenticated:
            return self._service_seconds() if service_seconds is None else service_seconds
        return self._random.uniform(*self._refusal_span)

    def _service_seconds(self) -> float:
        slow_factor = self._config.faults.slow_factor * self._settings.slow_factor
        return self._random.uniform(*self._answer_span) * slow_factor

    def _record(self, visit: Visit | None, source: tuple[str, int], answer: Answer, now: float) -> None:
        headers = visit.request.headers if visit else Headers()
        self._records.append(
            RequestRecord(
                at=now,
                source=source[0],
                source_port=source[1],
                method=visit.method if visit else "",
                user=visit.user if visit else None,
                auth_user=visit.account if visit else None,
                carried_credentials="Authorization" in headers or "Proxy-Authorization" in headers,
                status=answer.status,
                reason=answer.reason,
                call_id=headers.get("Call-ID"),
                window=self._answering.window_at(now),
            )
        )
