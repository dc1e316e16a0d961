"""Asking many addresses once, without a worker: paced, bounded in time, and careful with credentials.

Until the server has accepted something, one question is under way at a time; so a wrong password costs
two requests that carry it, and a dead server two time-outs. A refusal is asked again once, after a pause
of all. Nothing is repeated after that, and the run ends when refusals or silence go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shiftline.clock import Clock
from shiftline.connector.qualification import Qualification
from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.reading import NOBODY_ANSWERED, REFUSALS, Reading, read_answer
from shiftline.governor.controller import Answer
from shiftline.net.asking import METHODS, SendRequest, Speaker, classify, retry_after
from shiftline.net.exchange import Exchange
from shiftline.sip.digest import DigestClient
from shiftline.sip.requests import next_attempt
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

MOST_REFUSED_CREDENTIALS = 2  # requests that carried credentials and were refused, before anything passed
REFUSALS_THAT_STOP = 3  # refused addresses in a row
SILENCES_THAT_STOP = 2  # silent addresses in a row, as long as nobody has answered at all
LATER_SILENCES_THAT_STOP = 10
PAUSE_SECONDS = 1.1  # after a refusal: longer than the window of most throttles
LONGEST_PAUSE_SECONDS = 10.0
MOST_IN_FLIGHT = 64


class Stop(StrEnum):
    """Why the rest was not asked."""

    CREDENTIALS = "credentials.wrong-password"
    OWN_CREDENTIALS = "credentials.identity-mismatch"
    NO_CREDENTIALS = "client.no-credentials"
    REFUSED = "throttle.source"
    SILENT = "network.unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One address and what asking brought. ``seconds`` counts from the first transmission."""

    uri: str
    method: str
    reading: Reading
    """What the answer says by itself."""
    evidence: Reading
    """What it is worth: the reading, or Unverifiable where nothing proves it."""
    qualified: bool
    status: int | None
    seconds: float
    phrase: str = ""

    @property
    def is_reachable(self) -> bool:
        """Available or Busy, by a method that is qualified."""
        return self.evidence.kind in (EvidenceKind.AVAILABLE, EvidenceKind.BUSY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    exchange: Exchange
    answer: Answer
    carried: bool
    was_challenged: bool
    seconds: float

    @property
    def proves_password(self) -> bool:
        """The server asked for credentials, and took ours. What passes unasked proves nothing of them."""
        return self.answer is Answer.PASSED and self.carried and self.was_challenged


class Checkup:
    """Asks one server about many addresses. ``found`` fills as answers come, whatever ends the run."""

    def __init__(
        self,
        *,
        send: SendRequest,
        speaker: Speaker,
        digest: DigestClient | None,
        policy: QualificationPolicy,
        rate: float,
        clock: Clock,
    ) -> None:
        """``send`` must give up in time; ``rate`` is requests per second."""
        self.stopped: Stop | None = None
        self.found: dict[str, Found] = {}
        self._send = send
        self._speaker = speaker
        self._digest = digest
        self._qualifier = Qualifier(policy, clock())
        self._interval = 1 / rate
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._free_at = self._loop.time()
        self._is_heard = self._is_accepted = False
        self._proven: set[str] = set()
        self._refused_credentials = self._refusals = self._silences = 0

    @property
    def method(self) -> str:
        """How the agents are asked."""
        return self._qualifier.method

    @property
    def qualification(self) -> Qualification:
        """What the controls have shown."""
        return self._qualifier.qualification(self._clock())

    @property
    def others(self) -> list[tuple[str, Qualification]]:
        """The methods that were tried and not taken."""
        return self._qualifier.others

    async def ask_controls(self) -> None:
        """Ask the controls, if there are any, until a method qualifies or all were tried."""
        while (question := self._qualifier.next_control(self._clock(), needed=True)) is not None:
            asked = await self._ask(SipUri.parse(question.address), question.method)
            reading = await self._read(asked, question.method)
            status = _status(asked)
            refused = asked.carried and status in REFUSALS
            self._qualifier.answered(
                question,
                reading,
                status,
                self._clock(),
                credentials_refused=refused,
                credentials_proven=self._is_accepted,
            )
            if self.stopped is not None:
                return

    async def ask_all(self, uris: Sequence[SipUri], told: Callable[[Found], None]) -> None:
        """Ask about each address; ``told`` hears of each as it is found."""
        rest = iter(uris)
        for uri in rest:
            await self._one(uri, told)
            if self.method in self._proven or self.stopped is not None:
                break
        gate = asyncio.Semaphore(MOST_IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            for uri in rest:
                await gate.acquire()
                if self.stopped is not None:
                    return
                await self._turn()
                task = group.create_task(self._one(uri, told))
                task.add_done_callback(lambda _: gate.release())

    async def _one(self, uri: SipUri, told: Callable[[Found], None]) -> None:
        if self.stopped is not None:
            return
        method = self.method
        asked = await self._ask(uri, method)
        reading = await self._read(asked, method)
        qualification = self.qualification
        evidence = qualification.judged(reading)
        response = asked.exchange.response
        found = Found(
            uri=str(uri),
            method=method,
            reading=reading,
            evidence=evidence,
            qualified=qualification.state == "qualified",
            status=_status(asked),
            seconds=asked.seconds,
            phrase=response.reason if response is not None else asked.exchange.failure,
        )
        self.found[found.uri] = found
        told(found)

    async def _ask(self, uri: SipUri, method: str) -> _Asked:
        """Put one question, with one answer to each challenge and one repetition after a refusal."""
        asked = await self._attempt(uri, method)
        # Credentials that nothing has accepted yet are not sent once more for a refusal.
        harmless = not asked.carried or method in self._proven
        if asked.answer is Answer.REFUSED and harmless and self.stopped is None:
            wish = retry_after(asked.exchange.response) or PAUSE_SECONDS
            self._free_at = self._loop.time() + min(max(wish, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            asked = await self._attempt(uri, method)
        self._count(asked, method)
        return asked

    async def _attempt(self, uri: SipUri, method: str) -> _Asked:
        request = METHODS[method].request(uri, self._speaker)
        seconds, was_challenged = 0.0, False
        while True:
            await self._turn()
            carried = self._digest is not None and self._digest.authorize(request)
            exchange = await self._send(request)
            seconds += exchange.rtt_seconds
            answer = classify(self._digest, exchange.request, exchange.response)
            if carried and answer is not Answer.PASSED and exchange.response is not None:
                self._refused_credentials += not self._is_accepted
                if self._refused_credentials >= MOST_REFUSED_CREDENTIALS and answer is Answer.CHALLENGED:
                    answer = Answer.CREDENTIALS_REFUSED  # a new nonce is no reason to go on
            if answer is not Answer.CHALLENGED:
                return _Asked(
                    exchange=exchange,
                    answer=answer,
                    carried=carried,
                    was_challenged=was_challenged,
                    seconds=seconds,
                )
            was_challenged = True
            request = next_attempt(exchange.request)

    async def _turn(self) -> None:
        """Wait for this question's place in the pace."""
        now = self._loop.time()
        self._free_at = max(self._free_at, now)
        wait, self._free_at = self._free_at - now, self._free_at + self._interval
        if wait > 0:
            await asyncio.sleep(wait)

    async def _read(self, asked: _Asked, method: str) -> Reading:
        response = asked.exchange.response
        if response is None:
            return NOBODY_ANSWERED
        if response.status in (401, 407) and self._digest is None:
            return Reading(EvidenceKind.UNVERIFIABLE, Stop.NO_CREDENTIALS)
        if response.status in REFUSALS:
            family = self._speaker.family
            return read_answer(method, response.status, has_binding=False, family=family)
        return await METHODS[method].read(asked.exchange.request, response, self._speaker)

    def _count(self, asked: _Asked, method: str) -> None:
        """Say when to stop: see the module's text."""
        if asked.answer is Answer.SILENT:
            self._silences += 1
            most = LATER_SILENCES_THAT_STOP if self._is_heard else SILENCES_THAT_STOP
            self._stop_if(self._silences >= most, Stop.SILENT)
            return
        self._is_heard, self._silences = True, 0
        if asked.answer is Answer.PASSED:
            self._refusals = 0
            if asked.proves_password:
                self._is_accepted = True
                self._refused_credentials = 0
            if self._is_accepted or self._digest is None:
                self._proven.add(method)
            return
        self._refusals += 1
        if _status(asked) in (401, 407) and self._digest is None:
            self._stop_if(self._refusals >= 2, Stop.NO_CREDENTIALS)
        elif asked.carried and not self._is_accepted:
            cause = Stop.OWN_CREDENTIALS if method == "registration" else Stop.CREDENTIALS
            self._stop_if(self._refused_credentials >= MOST_REFUSED_CREDENTIALS, cause)
        self._stop_if(self._refusals >= REFUSALS_THAT_STOP, Stop.REFUSED)

    def _stop_if(self, reached: bool, why: Stop) -> None:  # noqa: FBT001 - it reads as a condition
        if reached and self.stopped is None:
            self.stopped = why


def _status(asked: _Asked) -> int | None:
    return asked.exchange.response.status if asked.exchange.response is not None else None
