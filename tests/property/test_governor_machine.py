"""Any sequence of questions, requests and answers keeps the governor's promises."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shiftline.governor.account import MEMORY_SECONDS
from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import LOST_SECONDS, GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode

POLICIES = st.builds(
    GovernorPolicy,
    learn=st.booleans(),
    max_rate=st.sampled_from([0.3, 1.0, 5.0, 20.0, 50.0]),
    headroom=st.sampled_from([0.0, 0.1]),
) | st.just(GovernorPolicy(learn=True, max_rate=0))
KNOWN = st.none() | st.fixed_dictionaries(
    {"rate": st.floats(0.1, 500.0), "learned": st.booleans(), "limit": st.none() | st.integers(1, 500)}
)
WAITS = st.sampled_from([0.001, 0.02, 0.15, 1.0]) | st.floats(0.0, 40.0)
ANSWERS = st.sampled_from(Answer)
RETRY_AFTER = st.none() | st.floats(0.0, 120.0)


@dataclass(frozen=True, slots=True)
class Flight:
    ticket: int
    sent_at: float
    kind: Send
    credentials: bool


class GovernorMachine(RuleBasedStateMachine):
    """A driver that does what it is told, on a trunk that does what it likes."""

    @initialize(policy=POLICIES, known=KNOWN, now=st.floats(0.0, 1e6))
    def start(self, policy: GovernorPolicy, known: dict[str, object] | None, now: float) -> None:
        self.policy = policy
        self.governor = Governor(policy, now, known)
        self.now = now
        self.flights: list[Flight] = []
        self.sent: list[float] = []
        self.not_before = now
        self.sent_before_proving: set[int] = set()
        self.bad_in_a_row, self.bad_at = 0, now

    @rule(wait=WAITS)
    def wait(self, wait: float) -> None:
        self.now += wait

    @rule(credentials=st.booleans())
    def send_if_permitted(self, credentials: bool) -> None:
        self.send(self.ask(), credentials=credentials)

    @rule(credentials=st.booleans(), times=st.integers(1, 8))
    def send_as_soon_as_permitted(self, credentials: bool, times: int) -> None:
        for _ in range(times):
            permission = self.ask()
            if permission.again_at is not None:
                self.now = permission.again_at
                permission = self.ask()
            self.send(permission, credentials=credentials)

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), answer=ANSWERS, wait=WAITS, retry_after=RETRY_AFTER)
    def answer(self, data: st.DataObject, answer: Answer, wait: float, retry_after: float | None) -> None:
        flight = data.draw(st.sampled_from(self.flights))
        self.now += wait
        self.take(flight, answer, retry_after)

    @precondition(lambda self: self.flights)
    @rule(answer=ANSWERS, seconds=st.sampled_from([0.002, 0.04, 4.0]))
    def answer_all(self, answer: Answer, seconds: float) -> None:
        """A trunk that treats everything alike for a while."""
        for flight in list(self.flights):
            self.now = max(self.now, flight.sent_at + seconds)
            self.take(flight, answer, None)

    def ask(self) -> Permission:
        mode = self.governor.mode
        permission = self.governor.permission(self.now)
        self.forget_lost()
        if mode is Mode.STOPPED:
            assert permission == Permission(Send.NOTHING)
        if permission.send is Send.NOTHING:
            can_go_on = self.flights or permission.again_at is not None
            assert can_go_on or self.governor.mode is Mode.STOPPED
            assert permission.again_at is None or permission.again_at > self.now
        else:
            assert self.now >= self.not_before
            is_listening = self.governor.mode is Mode.LISTENING
            assert (permission.send in (Send.CANARY, Send.CANARY_AGAIN)) == is_listening
        return permission

    def forget_lost(self) -> None:
        """What nothing was told of for more than a minute is given up, the oldest first."""
        lost = len(self.flights) - self.governor.told(self.now)["in_flight"]
        for flight in self.flights[:lost]:
            assert self.now - flight.sent_at >= LOST_SECONDS
        del self.flights[:lost]

    def send(self, permission: Permission, *, credentials: bool) -> None:
        if permission.send is Send.NOTHING:
            return
        if permission.send is Send.CANARY_AGAIN:
            self.send_canary_again()
            return
        carried = credentials and permission.send is Send.CHECK
        ticket = self.governor.sent(self.now, permission.send, credentials=carried)
        self.flights.append(Flight(ticket, self.now, permission.send, carried))
        self.sent.append(self.now)

    def send_canary_again(self) -> None:
        """Only into a silence that nobody has refused anything in, and only one that is under way."""
        assert self.governor.refusal is RefusalClass.UNREACHABLE
        assert any(flight.kind is Send.CANARY for flight in self.flights)
        self.governor.repeated(self.now)
        self.sent.append(self.now)

    def take(self, flight: Flight, answer: Answer, retry_after: float | None) -> None:
        before = self.governor.mode
        self.flights.remove(flight)
        self.governor.answered(flight.ticket, self.now, answer, retry_after)
        after = self.governor.mode
        if before is Mode.STOPPED:
            assert after is Mode.STOPPED
        if after is Mode.PROVING and before is not Mode.PROVING:
            self.sent_before_proving = {flight.ticket for flight in self.flights}
        if answer in (Answer.REFUSED, Answer.CREDENTIALS_REFUSED) and after is Mode.LISTENING:
            self.not_before = max(self.not_before, self.now + (retry_after or 0.0))
        self.count_refused_credentials(answer, before)

    def count_refused_credentials(self, answer: Answer, before: Mode) -> None:
        """Two in a row, with no pass between them, always stop it, unless the first is forgotten by then."""
        if answer is Answer.CREDENTIALS_REFUSED:
            is_forgotten = self.now - self.bad_at > MEMORY_SECONDS
            self.bad_in_a_row, self.bad_at = 1 if is_forgotten else self.bad_in_a_row + 1, self.now
        elif answer is Answer.PASSED:
            self.bad_in_a_row = 0
        if self.bad_in_a_row >= 2 or before is Mode.STOPPED:
            assert self.governor.mode is Mode.STOPPED

    @invariant()
    def one_at_a_time_while_proving(self) -> None:
        if self.governor.mode is Mode.PROVING:
            proving = {flight.ticket for flight in self.flights} - self.sent_before_proving
            assert len(proving) <= 1

    @invariant()
    def one_canary_at_a_time(self) -> None:
        assert sum(flight.kind is Send.CANARY for flight in self.flights) <= 1

    @invariant()
    def the_rate_keeps_to_its_bounds(self) -> None:
        """Without `learn` it may return to what was declared, and never exceeds it."""
        assert 0 < self.governor.rate <= self.policy.ceiling
        assert self.policy.learn or self.governor.rate <= self.policy.max_rate

    @invariant()
    def no_second_holds_more_than_the_declared_rate(self) -> None:
        newest = [moment for moment in self.sent if moment > self.now - 1.0]
        assert len(newest) <= ceil(self.policy.ceiling)

    @invariant()
    def knowledge_is_always_there(self) -> None:
        known = self.governor.knowledge()
        assert known["mode"] == self.governor.mode
        assert Governor(self.policy, self.now, known).rate <= self.policy.ceiling


GovernorMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestGovernor = GovernorMachine.TestCase
