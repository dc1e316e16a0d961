"""The publish-day scenario keeps its shape whatever the seed."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shiftline.errors import ConfigurationError
from shiftline.lab.org.entities import Review
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.scenario import CALENDAR, DENY_RULE_VIOLATION, Scenario, ScenarioSettings, build_scenario
from shiftline.trades.model import EvidenceKind, TradeState
from shiftline.wfm.presence import Shown, read_presence

NINE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))


@pytest.fixture(scope="module", params=[1, 2, 3])
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """The demo's 500 trades."""
    return build_scenario(ScenarioSettings(published_at=NINE, seed=request.param))


def levels(scenario: Scenario) -> list[int]:
    """How long the chain of trades before each trade is, itself included."""
    last: Counter[str] = Counter()
    found = []
    for trade in scenario.org.trades():
        level = 1 + max(last[agent] for agent in trade.agents)
        last.update({agent: level - last[agent] for agent in trade.agents})
        found.append(level)
    return found


def test_equal_settings_give_an_equal_scenario() -> None:
    """The worker's judge and the practice org build the same world apart from each other."""
    settings = ScenarioSettings(published_at=NINE, trades=50, seed=9)
    one, two = build_scenario(settings), build_scenario(settings)
    assert one.org.trades() == two.org.trades()
    assert (one.org.users, one.pbx) == (two.org.users, two.pbx)
    other = build_scenario(ScenarioSettings(published_at=NINE, trades=50, seed=8))
    assert other.org.trades() != one.org.trades()


def test_phones_have_the_promised_shares(scenario: Scenario) -> None:
    """80 % available, 8 % busy, 10 % not registered, 2 % unknown; 1 % without an address."""
    shares = Counter(scenario.phones.values())
    assert shares == {Truth.AVAILABLE: 480, Truth.BUSY: 48, Truth.NOT_REGISTERED: 60, Truth.UNKNOWN: 12}
    assert sum(user.address is None for user in scenario.org.users.values()) == 6
    for user in scenario.org.users.values():
        if user.address:
            name = user.address.removeprefix("sip:").partition("@")[0]
            assert scenario.pbx[name] is scenario.phones[user.id]


def test_some_agents_who_are_not_registered_work_now_and_some_do_not(scenario: Scenario) -> None:
    """Both rows of the decision table for NotRegistered come up."""
    absent = [user for user, truth in scenario.phones.items() if truth is Truth.NOT_REGISTERED]
    working = sum(scenario.org.is_working(user, NINE) for user in absent)
    assert 15 <= working <= 45


def test_agents_have_two_trades_and_rarely_three(scenario: Scenario) -> None:
    """A first and a second matching, and a few contested shifts on top."""
    trades = Counter(agent for trade in scenario.org.trades() for agent in trade.agents)
    assert len(scenario.org.trades()) == 500
    assert len(trades) >= 590
    assert max(trades.values()) <= 3
    assert sum(number == 3 for number in trades.values()) <= 40


def test_the_kinds_of_trades_have_the_promised_shares(scenario: Scenario) -> None:
    """One-sided 5 %, contested 4, violating 3, for the deny rule 2, admin review 2, unevaluated 1."""
    trades = scenario.org.trades()
    shifts = Counter(trade.initiating_shift.id for trade in trades)
    shifts.update(trade.receiving_shift.id for trade in trades if trade.receiving_shift)
    reviews = [trade.scripted.evaluation for trade in trades]
    assert sum(trade.receiving_shift is None for trade in trades) == 25
    assert sum(number > 1 for number in shifts.values()) == 20
    assert sum(bool(review.violations) for review in reviews) == 25
    assert sum(DENY_RULE_VIOLATION in review.violations for review in reviews) == 10
    assert sum(bool(review.admin_review) for review in reviews) == 10
    assert sum(bool(review.unevaluated) for review in reviews) == 5


def test_only_scripted_and_contested_trades_are_objectionable(scenario: Scenario) -> None:
    """At the start the org finds nothing by itself; after approvals only shifts that are gone."""
    trades = scenario.org.trades()
    assert all(scenario.org.evaluate(trade.id) == trade.scripted for trade in trades)
    org = build_scenario(scenario.settings).org
    surprises: Counter[str] = Counter()
    for trade in trades:
        review = org.evaluate(trade.id)
        if review == Review():
            assert not org.apply(trade.id, TradeState.APPROVED, trade.version, "test", NINE).failure
        else:
            surprises.update(set(review.evaluation.violations) - set(trade.scripted.evaluation.violations))
    assert set(surprises) == {"InitiatingShiftDoesNotExist", "ReceivingShiftDoesNotExist"}
    assert surprises.total() >= 10


def test_later_matched_trades_expire_later_and_dependent_ones_much_later(scenario: Scenario) -> None:
    """60 to 180 s; a second-level trade has at least 120 s, a third-level one at least 170 s."""
    trades = scenario.org.trades()
    seconds = [(trade.expires_at - NINE).total_seconds() for trade in trades]
    assert seconds == sorted(seconds)
    assert seconds[0] == 60.0
    assert seconds[-1] <= 180.0
    least = {1: 60.0, 2: 120.0, 3: 170.0}
    assert all(second >= least[level] for second, level in zip(seconds, levels(scenario), strict=True))
    assert set(levels(scenario)) == {1, 2, 3}


def test_matches_follow_the_list() -> None:
    """Each trade is matched after the one before it, within the first second of publishing."""
    trades = build_scenario(ScenarioSettings(published_at=NINE, trades=100)).org.trades()
    moments = [trade.matched_at for trade in trades if trade.matched_at]
    assert moments == sorted(set(moments))
    assert moments[-1] - NINE < timedelta(seconds=1)


def test_shifts_lie_in_six_weeks_of_the_business_unit(scenario: Scenario) -> None:
    """Week dates are Mondays in Chicago, the current one and five more; traded shifts are two days away."""
    weeks = {trade.week_date for trade in scenario.org.trades()}
    assert weeks <= set(CALENDAR.trading_weeks(NINE))
    assert min(weeks) == date(2026, 11, 23)
    assert all(
        trade.initiating_shift.starts_at >= NINE + timedelta(days=2) for trade in scenario.org.trades()
    )


def test_the_expiry_range_can_be_chosen() -> None:
    """Other ranges keep the same proportions."""
    settings = ScenarioSettings(published_at=NINE, trades=50, expires_after_seconds=(600.0, 1200.0))
    seconds = [(trade.expires_at - NINE).total_seconds() for trade in build_scenario(settings).org.trades()]
    assert 600.0 == min(seconds) < 870.0 < max(seconds) <= 1200.0


@pytest.mark.parametrize("trades", [1, 2, 20])
def test_small_scenarios_work(trades: int) -> None:
    """One trade is a scenario too."""
    assert (
        len(build_scenario(ScenarioSettings(published_at=NINE, trades=trades, agents=30)).org.trades())
        == trades
    )


def test_impossible_settings_are_refused() -> None:
    """Ten agents cannot have five hundred trades, and a moment without a zone is none."""
    with pytest.raises(ConfigurationError, match="10 agents cannot have 500 trades"):
        build_scenario(ScenarioSettings(published_at=NINE, agents=10))
    with pytest.raises(ConfigurationError, match="time zone"):
        build_scenario(ScenarioSettings(published_at=NINE.replace(tzinfo=None)))


def test_the_feed_and_the_pbx_hold_the_same_truth(scenario: Scenario) -> None:
    """Whoever has a phone is signed in, whoever has none is not; the share that the feed hides is hidden."""
    presences = scenario.org.presences
    assert len(scenario.phones) - len(presences) == 12
    hidden = scenario.phones.keys() - presences.keys()
    assert all(scenario.org.users[agent].address for agent in hidden)
    for agent, presence in presences.items():
        reading = read_presence(
            Shown(presence=presence.system, routing=presence.routing, since=presence.since), NINE
        )
        assert reading.kind in EXPECTED[scenario.phones[agent]]


EXPECTED = {
    Truth.AVAILABLE: {EvidenceKind.AVAILABLE},
    Truth.BUSY: {EvidenceKind.BUSY},
    Truth.NOT_REGISTERED: {EvidenceKind.NOT_REGISTERED},
    # The platform cannot know that the PBX has never heard of somebody who is signed in on the web.
    Truth.UNKNOWN: {EvidenceKind.AVAILABLE},
}


def test_what_the_feed_shows_leaves_the_rest_of_the_scenario_alone() -> None:
    """The same trades and phones, however many agents are hidden from it."""
    one, two = (
        build_scenario(ScenarioSettings(published_at=NINE, trades=50, hidden=share)) for share in (0.0, 0.5)
    )
    assert (one.org.trades(), one.pbx) == (two.org.trades(), two.pbx)
    assert len(two.org.presences) == 30
