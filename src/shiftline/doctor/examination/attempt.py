"""One request, with the answer to its challenge if it shall carry credentials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import REFUSED_OTHERWISE, Outcome
from shiftline.diagnosis.probe import Probe, Shape
from shiftline.doctor.examination.desk import Desk, End
from shiftline.doctor.examination.sending import Way
from shiftline.sip.digest import ChallengeOutcome, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import next_attempt
from shiftline.sip.uri import SipUri

WhenOver = Callable[["Attempt", float], None]
_CHALLENGED = (Outcome.CHALLENGE, Outcome.CHALLENGE_STALE)


class Attempt:
    """Sends, answers one challenge, and says how it ended.

    A challenge to credentials with an old nonce is answered only if ``renews``: a question about old nonces
    wants to know, a load wants to go on.
    """

    def __init__(
        self,
        desk: Desk,
        probe: Probe,
        *,
        experiment: str,
        client: DigestClient | None,
        when_over: WhenOver,
        timeout_seconds: float,
        repeats: bool = True,
        renews: bool = False,
    ) -> None:
        self.outcome: Outcome | None = None
        self.last: End | None = None
        self.requests = 0
        self.refused_credentials = 0
        self.is_withheld = False
        """Whether it was to carry credentials that may not be sent now: its outcome answers nothing then."""
        self.was_stale = False
        """Whether its credentials were called stale, and answered anew."""
        self.places: list[Place] = []
        self.began = 0.0
        self.client = client
        self._desk = desk
        self._probe = probe
        self._experiment = experiment
        self._when_over = when_over
        self._timeout_seconds = timeout_seconds
        self._way = Way.of(probe, repeats=repeats)
        self._renews = renews
        self._answers_left = 1

    @property
    def probe(self) -> Probe:
        """What it asks."""
        return self._probe

    @property
    def way(self) -> Way:
        """The way it takes."""
        return self._way

    @property
    def heard(self) -> str:
        """What came, where the outcome does not say."""
        last = self.last
        if last is None:
            return ""
        is_otherwise = last.response is not None and last.response.status in REFUSED_OTHERWISE
        if (
            not {last.outcome, self.outcome} & {Outcome.OTHER, Outcome.LIMITED, Outcome.REDIRECTED}
            and not is_otherwise
        ):
            return ""
        if last.response is not None:
            return f"{last.response.status} {last.response.reason}".rstrip()
        return last.exchange.hints.get("heard", "")

    def begin(self, now: float, *, request: Request | None = None, ahead: bool = False) -> None:
        """Send; ``ahead`` of any challenge with credentials, if there is a nonce for them and they may go."""
        self.began = now
        request = request or self._desk.writer.write(self._probe, self._way)
        if ahead and self.client is not None:
            self.is_withheld = not self._take(now)
            if not self.is_withheld:
                self._authorize(request)
        self._send(request, now)

    def _send(self, request: Request, now: float, earlier_nonce: str = "") -> None:
        self.requests += 1
        self._desk.send(
            request,
            self._way,
            now,
            self._ended,
            experiment=self._experiment,
            timeout_seconds=self._timeout_seconds,
            earlier_nonce=earlier_nonce,
        )

    def _ended(self, end: End, now: float) -> None:
        self.last = end
        self.places += end.exchange.places
        if end.exchange.carried is not None:
            account, credentials = self._probe.account, self._probe.credentials
            self.refused_credentials += self._desk.ledger.note(account, credentials, end.outcome, now)
        answerable = _CHALLENGED if self._renews else _CHALLENGED[:1]
        if end.outcome in answerable and self._answers_left and self._answer(end, now):
            return
        self.outcome = self._desk.at_rest.compare(self._probe, end.outcome, end.exchange)
        self._when_over(self, now)

    def _take(self, now: float) -> bool:
        return self._desk.ledger.take(self._probe.account, self._probe.credentials, now)

    def _answer(self, end: End, now: float) -> bool:
        """Answer the challenge, if that can and may be done."""
        client = self.client
        if client is None or end.response is None:
            return False
        if client.challenged(end.response, end.request) is not ChallengeOutcome.RETRY:
            self._desk.mark(
                Mark(
                    kind="challenge.unknown-algorithm",
                    text=", ".join(end.exchange.challenge.algorithms) if end.exchange.challenge else "",
                    places=end.exchange.places,
                )
            )
            return False
        if not self._take(now):
            self.is_withheld = True
            return False
        self._answers_left -= 1
        self.was_stale = end.outcome is Outcome.CHALLENGE_STALE
        request = next_attempt(end.request)
        self._authorize(request)
        nonce = end.exchange.challenge.nonce if end.exchange.challenge else ""
        self._send(request, now, earlier_nonce=nonce)
        return True

    def _authorize(self, request: Request) -> None:
        assert self.client is not None  # noqa: S101 - its callers look
        changes = self._probe.changes
        if Shape.OTHER_DIGEST_URI in changes and Shape.OTHER_DOMAIN not in changes:
            # The digest repeats the Request-URI (RFC 3261 section 22.4), so both take the other form, where
            # another domain has not given it to them.
            request.uri = self._other_digest_uri(request.uri)
        self.client.authorize(request)

    def _other_digest_uri(self, usual: SipUri) -> SipUri:
        """The address for the domain, or the domain for the address; a realm is often the domain."""
        case = self._desk.case
        if usual.host != case.address:
            return replace(usual, host=case.address)
        domains = [*case.other_domains, *self._desk.realms, case.home]
        return replace(usual, host=next((one for one in domains if one != usual.host), usual.host), port=None)
