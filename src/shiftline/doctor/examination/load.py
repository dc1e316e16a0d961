"""A load: many requests of one probe, evenly spaced or at once, until one is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.experiment import LoadPlan
from shiftline.diagnosis.loads_passed import ASKED
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Credentials, Load, Probe
from shiftline.doctor.examination.at_rest import REFUSED_AT_REST
from shiftline.doctor.examination.attempt import Attempt, WhenOver
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.lateness import TOO_BUSY, Lateness
from shiftline.doctor.examination.ledger import PAST_THE_LOGIN
from shiftline.doctor.examination.question import NO_NONCE
from shiftline.sip.digest import DigestClient

LOAD_SECONDS = 2.0
"""How long the answer to a request of a load is waited for, which is sent once."""
TRIPPED = REFUSALS - {Outcome.NOT_FOUND, Outcome.NO_METHOD}
"""What a limit answers: that a user or a method is unknown is no refusal of a load."""
_LOST = 4
"""So many unanswered requests among the latest are no chance losses."""
_LATEST = 8
_PATIENCE = 4.0
"""A request is missing after so many times the usual time of an answer."""
_LEAST_PATIENCE_SECONDS = 0.15
_MOST_PLACES = 8
_FIRST = 3
"""A limit that lets fewer pass in its window would refuse questions at rest."""
_STALE_SHARE = 0.3
"""So many nonces are not taken again for it to be more than one that grew old."""
_NONCE_SECONDS = 1.0
"""A login of this age is made anew: the end of a nonce's life under a load would look like a limit."""
_OF_A_LOGIN = 2
"""Requests, at most."""


class LoadRun:
    """Puts on a load. With ``keeps_up`` it goes on beyond refusals, until `stop`."""

    def __init__(
        self, desk: Desk, probe: Probe, experiment: str, plan: LoadPlan, *, most: int, keeps_up: bool = False
    ) -> None:
        """``most`` requests at most, logins among them, whatever the plan says."""
        self.outcome: Outcome | None = None
        self.why_not = ""
        """Why it was not put on."""
        self.is_over = False
        self.began = 0.0
        self.attempts: list[Attempt] = []
        self._desk = desk
        self._probe = probe
        self._experiment = experiment
        self._plan = plan
        self._most = most if keeps_up else min(most, plan.requests)
        self._ends_at = desk.requests + most
        """So many requests of all were sent then that there is no more to spend."""
        self._keeps_up = keeps_up
        self._client: DigestClient | None = None
        self._start = 0.0
        self._logged_in_at = 0.0
        self._logins: list[Attempt] = []
        self._stopped = False
        self._lateness = Lateness()
        self._tripped_at: float | None = None
        self.longest_answer = desk.longest_answer
        """The longest time of an answer so far, in seconds: a PBX at its limit answers later and later."""

    @property
    def requests(self) -> int:
        """What it cost so far."""
        return sum(one.requests for one in (*self._logins, *self.attempts))

    @property
    def refused_credentials(self) -> int:
        """Requests whose credentials were refused, so far."""
        return sum(one.refused_credentials for one in self.attempts)

    @property
    def heard(self) -> str:
        """The commonest words of its outcome, where that does not say."""
        told = Counter(one.heard for one in self.attempts if one.outcome is self.outcome)
        return max(told, key=told.__getitem__, default="")

    @property
    def places(self) -> tuple[Place, ...]:
        """The first requests and those at the end."""
        found = [one.places[0] for one in self.attempts if one.places]
        return tuple(found if len(found) <= _MOST_PLACES else (*found[:2], *found[2 - _MOST_PLACES :]))

    @property
    def figures(self) -> dict[str, float]:
        """Once it was refused: the rate, and how many passed within which time before; else of how many."""
        if self._tripped_at is None:
            return {ASKED: float(len(self.attempts))}
        at_once, rate = float(self._plan.at_once), self._plan.rate
        passed = sum(not _is_trip(one) and one.outcome is not None for one in self.attempts)
        found = {"rate": rate} if self._plan.at_once == 1 else {"in_flight": at_once}
        return found | {
            "passed": float(passed),
            "flipped_after": round(self._tripped_at - self._start, 3),
        }

    @property
    def is_refused_from_the_first(self) -> bool:
        """Whether it was refused, and one of its first requests was, though they came one after the other."""
        is_evenly_spaced = self._plan.at_once == 1
        refused = [one.outcome for one in self.attempts[:_FIRST] if _is_trip(one)]
        # One that is not answered may be lost on the way.
        is_told = len(refused) > 1 or any(outcome is not Outcome.SILENCE for outcome in refused)
        return is_evenly_spaced and self.outcome in TRIPPED and is_told

    @property
    def is_late(self) -> bool:
        """Whether our own lateness may be what looks like silence."""
        return self._lateness.is_told

    @property
    def is_tripped(self) -> bool:
        """Whether something was refused."""
        return self._tripped_at is not None

    def begin(self, now: float) -> None:
        """Log in if that is needed, then send."""
        self.began = now
        if self._probe.credentials is Credentials.NONE:
            if self._is_comparable:
                self._start_sending(now)
            else:
                self._log_in(now, self._logged_in)
            return
        session = self._desk.session(self._probe) if self._is_comparable else None
        if session is not None and now - session.since <= _NONCE_SECONDS:
            self._client, self._logged_in_at = session.client, session.since
            self._start_sending(now)
            return
        self._log_in(now, self._logged_in)

    @property
    def _is_comparable(self) -> bool:
        """Whether it is known what the answer would be without a load."""
        return self._desk.at_rest.is_known(self._probe)

    def _log_in(self, now: float, then: WhenOver) -> None:
        carried = Credentials.FRESH if self._probe.credentials is not Credentials.NONE else Credentials.NONE
        fresh = replace(self._probe, credentials=carried, load=Load.SINGLE)
        login = Attempt(
            self._desk,
            fresh,
            experiment=self._experiment,
            client=self._desk.new_login(fresh),
            when_over=then,
            timeout_seconds=LOAD_SECONDS,
        )
        self._logins.append(login)
        login.begin(now)

    def _logged_in(self, login: Attempt, now: float) -> None:
        """Many requests at once with a password that nothing has proved might be as many failed logins."""
        if login.last is not None:
            self._desk.at_rest.learn(login.probe, login.last.outcome, login.last.exchange)
        if not self._is_comparable:
            self.why_not = REFUSED_AT_REST
            self.is_over = True
        elif self._probe.credentials is Credentials.NONE:
            self._start_sending(now)
        elif self._desk.ledger.is_proven(self._probe.account):
            self._client, self._logged_in_at = login.client, login.began
            self._start_sending(now)
        else:
            self.why_not = NO_NONCE
            self.is_over = True

    def _renew_login(self, now: float) -> None:
        """Beside the load, which goes on with what it has; a login that the limit refuses changes nothing."""
        can_pay = self._desk.requests + _OF_A_LOGIN < self._ends_at
        if self._client is None or now - self._logged_in_at < _NONCE_SECONDS or not can_pay:
            return
        self._logged_in_at = now
        self._log_in(now, self._renewed)

    def _renewed(self, login: Attempt, _: float) -> None:
        if login.outcome in PAST_THE_LOGIN:
            self._client = login.client
        self._end_if_done()

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True
        self._end_if_done()

    def next_timer(self) -> float | None:
        """When the next request is due."""
        if not self._start or self._is_sent:
            return None
        return self._due(len(self.attempts))

    def handle_timer(self, now: float) -> None:
        """Send what is due."""
        if not self._is_sent and self._start:
            self._lateness.note_turn(self._due(len(self.attempts)), now)
            if self._lateness.is_hopeless:
                self._give_up()
        while not self._is_sent and self._start and self._due(len(self.attempts)) <= now:
            self._look_for_missing(now)
            if not self._is_sent:
                self._send(now)
        self._end_if_done()

    @property
    def refused(self) -> int:
        """How many were refused so far, those that are certainly missing among them."""
        return sum(_is_trip(one) for one in self.attempts) or (_LOST if self.is_tripped else 0)

    def sent_since(self, since: float) -> int:
        """How many left since then."""
        return sum(one.began >= since for one in self.attempts)

    def known_since(self, since: float) -> int:
        """How many of those have ended."""
        return sum(one.began >= since and one.outcome is not None for one in self.attempts)

    def refused_since(self, since: float, *, most: int | None = None) -> float:
        """The share of these, of the first ``most``, that were refused or not answered, as far as known."""
        these = [one for one in self.attempts if one.began >= since][:most]
        ended = [one for one in these if one.outcome is not None]
        return sum(_is_trip(one) for one in ended) / len(ended) if ended else 0.0

    @property
    def _is_sent(self) -> bool:
        login = self._logins[-1] if self._logins else None
        owed = 0 if login is None or login.outcome is not None else _OF_A_LOGIN - login.requests
        is_spent = self._desk.requests + owed >= self._ends_at
        return self._stopped or is_spent or len(self.attempts) >= self._most

    def _due(self, number: int) -> float:
        start = self._start + self._lateness.given_up
        if self._plan.at_once > 1:
            return start + self._plan.at_once / self._plan.rate * (number // self._plan.at_once)
        # A load that is kept up keeps its rate: a lower one may be below the limit, and show nothing.
        return start + number / self._plan.rate

    def _start_sending(self, now: float) -> None:
        self._start = now
        self.handle_timer(now)

    def _send(self, now: float) -> None:
        self._renew_login(now)
        attempt = Attempt(
            self._desk,
            self._probe,
            experiment=self._experiment,
            client=self._client,
            when_over=self._over,
            timeout_seconds=LOAD_SECONDS,
            repeats=False,
            renews=True,
        )
        self.attempts.append(attempt)
        attempt.begin(now, ahead=True)

    def _over(self, attempt: Attempt, now: float) -> None:
        if attempt.outcome is not Outcome.SILENCE:
            self.longest_answer = max(self.longest_answer, now - attempt.began)
        elif attempt.last is not None:
            self._lateness.note_end(attempt.last.exchange.at + LOAD_SECONDS, now)
        if attempt.outcome in TRIPPED - {Outcome.SILENCE}:
            self._trip(now)
        self._end_if_done()

    def _look_for_missing(self, now: float) -> None:
        """Silence is told from loss by how much of it there is, where there was time for an answer."""
        patience = max(_LEAST_PATIENCE_SECONDS, _PATIENCE * self.longest_answer)
        due = (
            one
            for one in reversed(self.attempts)
            # Beside a question it has to be silent for a while: what was just answered speaks against it.
            if one.began >= self._lateness.on_time_since
            and (one.began <= now - patience or (self._keeps_up and one.outcome is not None))
        )
        if sum(one.outcome in (None, Outcome.SILENCE) for one in islice(due, _LATEST)) < _LOST:
            return
        if self.is_late:
            self._give_up()
        else:
            self._trip(now)

    def _give_up(self) -> None:
        self.why_not = TOO_BUSY
        self._stopped = True

    def _trip(self, now: float) -> None:
        if self._tripped_at is None:
            self._tripped_at = now
        if not self._keeps_up:
            self._stopped = True

    def _end_if_done(self) -> None:
        if self.is_over or not self._is_sent:
            return
        if any(one.outcome is None for one in (*self._logins, *self.attempts)):
            return
        self.is_over = True
        self.outcome = self._judge()

    def _judge(self) -> Outcome | None:
        """The worst that any met; a few that were lost on the way are no refusal."""
        counts = Counter(one.outcome for one in self.attempts if one.outcome is not None)
        if not counts:
            return None
        refused = {one: number for one, number in counts.items() if one in TRIPPED}
        lost = refused.pop(Outcome.SILENCE, 0)
        if refused:
            return max(refused, key=lambda one: refused[one])
        if self._lacks_answers(lost) and self.is_late:
            self.why_not = TOO_BUSY
        if self.why_not:
            return None
        if self._lacks_answers(lost):
            return Outcome.SILENCE
        if sum(one.was_stale for one in self.attempts) >= _STALE_SHARE * len(self.attempts):
            return Outcome.CHALLENGE_STALE
        rest = {one: number for one, number in counts.items() if one is not Outcome.SILENCE}
        return max(rest, key=lambda one: rest[one])

    def _lacks_answers(self, lost: int) -> bool:
        if lost >= max(_LOST, 0.1 * len(self.attempts)) or lost == len(self.attempts):
            return True
        last = self.attempts[-2 * _LATEST :]  # a few of all, but one after the other, and it ended with them
        return self.is_tripped and sum(one.outcome is Outcome.SILENCE for one in last) >= _LOST


def _is_trip(attempt: Attempt) -> bool:
    return attempt.outcome in TRIPPED
