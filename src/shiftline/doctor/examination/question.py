"""A question of one probe: one request or a few in a row, and what has to be tidied up after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Account, Credentials, Method, Probe, Shape
from shiftline.doctor.examination.attempt import Attempt
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.ledger import PAST_THE_LOGIN
from shiftline.doctor.examination.sending import Way
from shiftline.sip.digest import DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import ack, bye

QUESTION_SECONDS = 4.0
"""How long an answer is waited for, repetitions included: our own deadline, as the checks' (RFC 4320)."""
CALL_SECONDS = 1.5
"""How long a call may ring."""
JUST_NOW_SECONDS = 0.5
"""A nonce that is used again at once is no older."""
CACHED_USES = 2
AGED_USES = 3
"""A nonce that is no longer taken may be too old, or used up: an old one that serves thrice is neither."""
WITHHELD = "its login could have been one failed login too many"
NO_NONCE = "no login passed whose nonce could be used again"
NO_OTHER_DOMAIN = "no other domain is known"
_USED = (Credentials.CACHED, Credentials.AGED)

_Step = Callable[[float], None]


class Question:
    """Asks one probe. ``outcome`` is there when `is_over`."""

    def __init__(
        self,
        desk: Desk,
        probe: Probe,
        experiment: str,
        *,
        timeout_seconds: float = QUESTION_SECONDS,
        repeats: bool = True,
    ) -> None:
        self.outcome: Outcome | None = None
        self.why_not = ""
        """Why it was not asked as it should be, where ``outcome`` is None."""
        self.is_over = False
        self.began = 0.0
        self._desk = desk
        self._probe = probe
        self._experiment = experiment
        self._timeout_seconds = timeout_seconds
        self._repeats = repeats
        self._attempts: list[Attempt] = []
        self._domains: Iterator[str] = iter(())

    @property
    def requests(self) -> int:
        """What it cost so far."""
        return sum(one.requests for one in self._attempts)

    @property
    def refused_credentials(self) -> int:
        """Requests whose credentials were refused, so far."""
        return sum(one.refused_credentials for one in self._attempts)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where its requests are in the trace."""
        return tuple(place for one in self._attempts for place in one.places)

    @property
    def figures(self) -> dict[str, float]:
        """What was measured: nothing."""
        return {}

    @property
    def heard(self) -> str:
        """What came, where the outcome does not say."""
        return self._attempts[-1].heard if self._attempts else ""

    def next_timer(self) -> float | None:
        """It waits for answers only."""
        return None

    def handle_timer(self, now: float) -> None:
        """Nothing to do."""

    def begin(self, now: float) -> None:
        """Send the first request."""
        self.began = now
        probe = self._probe
        if probe.shape is Shape.ONCE_REGISTERED:
            self._bind_first(now)
        elif probe.shape in (Shape.OTHER_DOMAIN, Shape.GUESSED_DOMAIN):
            self._domains = iter(self._other_domains())
            self._try_next_domain(now)
        elif probe.credentials in _USED:
            self._ask_with_known_nonce(now)
        else:
            self._ask(now)

    # One request

    def _attempt(
        self,
        probe: Probe,
        now: float,
        then: Callable[[Attempt, float], None],
        *,
        client: DigestClient | None,
        request: Request | None = None,
        ahead: bool = False,
    ) -> None:
        attempt = Attempt(
            self._desk,
            probe,
            experiment=self._experiment,
            client=client,
            when_over=then,
            timeout_seconds=CALL_SECONDS if probe.method is Method.INVITE else self._timeout_seconds,
            repeats=self._repeats,
        )
        self._attempts.append(attempt)
        attempt.begin(now, request=request, ahead=ahead)

    def _ask(self, now: float) -> None:
        self._attempt(self._probe, now, self._asked, client=self._desk.new_login(self._probe))

    def _asked(self, attempt: Attempt, now: float) -> None:
        assert attempt.outcome is not None  # noqa: S101 - it is over
        self._keep_login(attempt)
        self._tidy_up(attempt, self._probe, now, lambda at: self._finish_with(attempt, at))

    def _keep_login(self, attempt: Attempt) -> None:
        """A login in the usual manner that passed is there for what wants an old nonce."""
        probe = attempt.probe
        if attempt.client is None or attempt.outcome not in PAST_THE_LOGIN:
            return
        if probe.credentials is Credentials.FRESH and probe.shape is Shape.USUAL:
            self._desk.keep(probe, attempt.client, attempt.began)

    def _finish_with(self, attempt: Attempt, now: float) -> None:
        if attempt.is_withheld:
            self._finish(None, now, WITHHELD)
        else:
            self._finish(attempt.outcome, now)

    def _finish(self, outcome: Outcome | None, now: float, why_not: str = "") -> None:  # noqa: ARG002 - a step
        self.outcome = outcome
        self.why_not = why_not
        self.is_over = True

    # What was made has to go again

    def _tidy_up(self, attempt: Attempt, probe: Probe, now: float, then: _Step) -> None:
        """Remove our binding, hang up our call; then go on."""
        end = attempt.last
        if attempt.outcome is not Outcome.OK or end is None or end.response is None:
            then(now)
        elif probe.method is Method.REGISTER_CONTACT:
            request = self._desk.writer.write(probe, attempt.way, expires=0)
            request.headers.set("Call-ID", end.request.headers.get("Call-ID") or "")
            request.headers.set("CSeq", "9 REGISTER")
            self._attempt(
                probe, now, lambda _, at: then(at), client=attempt.client, request=request, ahead=True
            )
        elif probe.method is Method.INVITE:
            self._desk.send_stateless(ack(end.request, end.response), attempt.way)
            goodbye = bye(end.request, end.response)
            nothing = replace(probe, credentials=Credentials.NONE)
            self._attempt(nothing, now, lambda _, at: then(at), client=None, request=goodbye)
        else:
            then(now)

    def _bind_first(self, now: float) -> None:
        binding = replace(self._probe, method=Method.REGISTER_CONTACT, shape=Shape.USUAL)

        def bound(attempt: Attempt, at: float) -> None:
            if attempt.outcome is not Outcome.OK:
                self._finish(None, at, "no contact of ours could be registered")
                return
            self._attempt(
                self._probe,
                at,
                lambda asked, later: self._tidy_up(
                    attempt, binding, later, lambda end: self._finish_with(asked, end)
                ),
                client=self._desk.new_login(self._probe),
            )

        self._attempt(binding, now, bound, client=self._desk.new_login(self._probe))

    # Several in a row

    def _other_domains(self) -> list[str]:
        return self._desk.case.other_hosts(self._desk.realms)

    def _try_next_domain(self, now: float, last: Outcome | None = None) -> None:
        """The first domain that is not refused decides."""
        domain = next(self._domains, None)
        if domain is None:
            self._finish(last, now, "" if last else NO_OTHER_DOMAIN)
            return
        request = self._desk.writer.write(self._probe, Way.of(self._probe), domain=domain)

        def tried(attempt: Attempt, at: float) -> None:
            if attempt.outcome in REFUSALS and self._may_go_on(at):
                self._try_next_domain(at, attempt.outcome)
            else:
                self._finish_with(attempt, at)

        self._attempt(
            self._probe, now, tried, client=self._desk.new_login(self._probe), request=request
        )  # fmt: skip

    def _may_go_on(self, now: float) -> bool:
        account, credentials = self._probe.account, self._probe.credentials
        if account is Account.NOBODY or credentials is Credentials.NONE:
            return True
        return self._desk.ledger.may_carry(account, credentials, now)

    def _ask_with_known_nonce(self, now: float) -> None:
        """With the nonce of the last login; where that has to be made, it is made first."""
        session = self._desk.session(self._probe)
        wants_new = self._probe.credentials is Credentials.CACHED
        if session is not None and not (wants_new and now - session.since > JUST_NOW_SECONDS):
            uses = CACHED_USES if wants_new else AGED_USES
            self._use_again(session.client, uses, now)
            return
        fresh = replace(self._probe, credentials=Credentials.FRESH)

        def logged_in(attempt: Attempt, at: float) -> None:
            self._keep_login(attempt)
            if attempt.outcome is Outcome.OK and attempt.client is not None and wants_new:
                self._use_again(attempt.client, CACHED_USES, at)
            else:
                self._finish(None, at, NO_NONCE)

        self._attempt(fresh, now, logged_in, client=self._desk.new_login(fresh))

    def _use_again(self, client: DigestClient, times: int, now: float) -> None:
        def used(attempt: Attempt, at: float) -> None:
            if times > 1 and attempt.outcome is Outcome.OK:
                self._use_again(client, times - 1, at)
            else:
                self._finish_with(attempt, at)

        self._attempt(self._probe, now, used, client=client, ahead=True)
