"""What all questions of an examination share: the outbox, the records, the logins and the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.notice import notice
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Method, Path, Probe, Source
from shiftline.doctor.examination.at_rest import AtRest
from shiftline.doctor.examination.case import Case
from shiftline.doctor.examination.ledger import Ledger
from shiftline.doctor.examination.records import exchange_of, outcome_of_end
from shiftline.doctor.examination.requests import Writer
from shiftline.doctor.examination.sending import Answer, Sending, Way
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.grammar import HOST
from shiftline.sip.message import Request, Response

_USUAL_SECONDS = 0.03
"""How long an answer is taken to need before one has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One request that has ended."""

    request: Request
    """As it left."""
    response: Response | None
    exchange: Exchange
    outcome: Outcome


WhenEnded = Callable[[End, float], None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    sending: Sending
    at: float
    experiment: str
    earlier_nonce: str
    when_ended: WhenEnded


@dataclass(frozen=True, slots=True)
class Session:
    """A login that may be used again, and since when it has its nonce."""

    client: DigestClient
    since: float


_Manner = tuple[Source, Account, Method, Path]


def _manner(probe: Probe) -> _Manner:
    """What a nonce is good for: a proxy's 407 to one method is no challenge of the registrar's to another."""
    return probe.source, probe.account, probe.method, probe.path


class Desk:
    """Hands requests out and takes their ends in. Times are seconds of the driver's clock."""

    def __init__(self, case: Case, writer: Writer, ledger: Ledger | None = None) -> None:
        self.case = case
        self.writer = writer
        self.ledger = ledger or Ledger()
        self.at_rest = AtRest()
        self.exchanges: list[Exchange] = []
        self.in_plain_words: list[Exchange] = []
        """The same, with 429 for what a limiter says in a status of its own: to look for limits in."""
        self.requests = 0
        self.realms: list[str] = []
        """Realms of challenges that could be hosts, in the order of their coming: a realm is often the domain
        that is served."""
        self.longest_answer = _USUAL_SECONDS
        """The longest time of an answer outside of a load, in seconds."""
        self._marks: dict[tuple[str, str], Mark] = {}
        self._sessions: dict[_Manner, Session] = {}
        self._outbox: list[Sending] = []
        self._waiting: dict[int, _Waiting] = {}
        self._keys = count(1)

    def send(
        self,
        request: Request,
        way: Way,
        now: float,
        when_ended: WhenEnded,
        *,
        experiment: str,
        timeout_seconds: float,
        earlier_nonce: str = "",
    ) -> None:
        """Let a request leave now; ``when_ended`` is called once."""
        sending = Sending(key=next(self._keys), request=request, way=way, timeout_seconds=timeout_seconds)
        self._waiting[sending.key] = _Waiting(sending, now, experiment, earlier_nonce, when_ended)
        self._outbox.append(sending)
        self.requests += 1

    def send_stateless(self, request: Request, way: Way) -> None:
        """Send once and forget."""
        self._outbox.append(
            Sending(
                key=next(self._keys), request=request, way=way, timeout_seconds=0.0, is_stateless=True
            )
        )  # fmt: skip

    def sendings(self) -> list[Sending]:
        """Hand over what is to leave now."""
        outbox, self._outbox = self._outbox, []
        return outbox

    @property
    def is_waiting(self) -> bool:
        """Whether something that left has not ended."""
        return bool(self._waiting)

    def answered(self, key: int, answer: Answer, now: float) -> None:
        """Take in the end of a request; unknown keys are disregarded."""
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            return
        sending = waiting.sending
        usual = sending.way.path is Path.USUAL
        transport = self.case.transport if usual else self.case.other_transport
        exchange = exchange_of(sending, answer, waiting.at, transport, waiting.experiment)
        outcome = outcome_of_end(exchange, answer.failure, earlier_nonce=waiting.earlier_nonce)
        outcome = self.at_rest.outcome(exchange, outcome)
        self._take(exchange, is_load=not sending.way.repeats)
        request = answer.request or sending.request
        waiting.when_ended(
            End(request=request, response=answer.response, exchange=exchange, outcome=outcome), now
        )

    def _take(self, exchange: Exchange, *, is_load: bool) -> None:
        self.exchanges.append(exchange)
        self.in_plain_words.append(self.at_rest.in_plain_words(exchange))
        realm = exchange.challenge.realm if exchange.challenge else ""
        if HOST.fullmatch(realm) and realm not in self.realms:
            self.realms.append(realm)
        if exchange.answered_after is not None and exchange.copies == 1 and not is_load:
            self.longest_answer = max(self.longest_answer, exchange.answered_after)
        for mark in notice(exchange):
            self.mark(mark)

    def mark(self, mark: Mark) -> None:
        """Note something that was noticed; the same again is counted."""
        known = self._marks.get((mark.kind, mark.text))
        self._marks[mark.kind, mark.text] = (
            mark if known is None else replace(known, count=known.count + mark.count)
        )

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All that was noticed."""
        return tuple(self._marks.values())

    # Logins

    def new_login(self, probe: Probe) -> DigestClient | None:
        """A login without a nonce, as the probe wants it; None if it shall carry no credentials."""
        account = self._account(probe)
        return DigestClient(account, token=self.writer.token) if account else None

    def keep(self, probe: Probe, client: DigestClient, since: float) -> None:
        """Keep a login whose nonce is from ``since``."""
        self._sessions[_manner(probe)] = Session(client, since)

    def session(self, probe: Probe) -> Session | None:
        """The login that was kept for this source, account, method and path."""
        return self._sessions.get(_manner(probe))

    def _account(self, probe: Probe) -> DigestAccount | None:
        if probe.credentials is Credentials.NONE or probe.account is Account.NOBODY:
            return None
        nobody = Secret(self.writer.token())
        if probe.account is Account.NONEXISTENT:
            return DigestAccount(username=self.writer.nobody, password=nobody)
        account = self.case.account if probe.account is Account.OWN else self.case.known_good
        if account is not None and probe.credentials is Credentials.WRONG:
            return replace(account, password=nobody)
        return account
