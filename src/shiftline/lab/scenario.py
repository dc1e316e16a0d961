"""The publish-day scenario: one seed gives agents, phones, shifts and a burst of matched trades.

Agents are matched once, near-perfectly, then a second time: so an agent has two trades at most, three
when a contested shift brings one more. A trade's level is the length of the chain of trades that wait
for one another before it; trades are matched, and expire, in the order of their levels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from random import Random

from shiftline.errors import ConfigurationError
from shiftline.lab.org.entities import BusinessUnit, OrgShift, OrgTrade, Review, User, Violation
from shiftline.lab.org.organisation import Organisation
from shiftline.lab.org.pairing import ShiftPicker
from shiftline.lab.org.presences import presences
from shiftline.lab.org.schedules import Schedules
from shiftline.lab.org.workforce import Workforce, hire, new_id, sip_user
from shiftline.lab.pbx.agents import Truth
from shiftline.trades.model import TradeState
from shiftline.wfm.weeks import WeekCalendar

CALENDAR = WeekCalendar(time_zone="America/Chicago", start_day_of_week="Monday")
DENY_RULE_VIOLATION = "AgentCapabilityMismatch"
"""The violation that the demo's explicit deny rule names."""
_OTHER_VIOLATIONS = (
    "InitiatingAgentMinimumTimeBetweenShifts",
    "ReceivingWeeklyMinPaidTime",
    "ReceivingShiftDisallowedActivityCategory",
)
_ADMIN_REVIEW = "ReceivingPlanningPeriodMaxPaidTime"
_UNEVALUATED = "InitiatingPlanningPeriodMinPaidTime"
_MATCH_SPACING = timedelta(milliseconds=1)
_LEVEL_STARTS = (0.0, 0.5, 11 / 12, 1.0)
"""Where trades of the first, second and third level begin to expire, as parts of the expiry range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSettings:
    """What a scenario is made of. Shares are of the trades or of the agents, from 0 to 1."""

    published_at: datetime
    trades: int = 500
    agents: int | None = None
    """How many agents; 1.2 a trade when None."""
    seed: int = 1
    expires_after_seconds: tuple[float, float] = (60.0, 180.0)
    sip_domain: str = "pbx.example"
    one_sided: float = 0.05
    contested: float = 0.04
    """Trades for a shift that an earlier trade is about too."""
    violating: float = 0.03
    denied: float = 0.02
    admin_review: float = 0.02
    unevaluated: float = 0.01
    cross_week: float = 0.1
    busy: float = 0.08
    not_registered: float = 0.10
    unknown: float = 0.02
    without_address: float = 0.01
    hidden: float = 0.02
    """Agents that the platform's adherence feed does not show."""

    @property
    def agent_count(self) -> int:
        """How many agents there are."""
        return round(self.trades * 1.2) if self.agents is None else self.agents


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A practice org full of matched trades, and the truth about its agents' phones."""

    settings: ScenarioSettings
    org: Organisation
    pbx: Mapping[str, Truth]
    """What the PBX holds, by SIP user (``agent0001`` and up)."""
    phones: Mapping[str, Truth]
    """The same by the agent's WFM id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    giver: User
    taker: User
    going: OrgShift
    coming: OrgShift | None
    level: int = 1


def build_scenario(settings: ScenarioSettings) -> Scenario:
    """Build the scenario; equal settings give an equal one, in every process.

    Raises ConfigurationError when so few agents cannot have so many trades.
    """
    if settings.published_at.tzinfo is None:
        raise ConfigurationError(
            "The moment of publishing needs a time zone.", remedy="Add one, such as -06:00."
        )
    rng = Random(settings.seed)
    workforce = hire(
        rng,
        agents=settings.agent_count,
        without_address=round(settings.agent_count * settings.without_address),
        published_at=settings.published_at,
        calendar=CALENDAR,
        sip_domain=settings.sip_domain,
    )
    org = Organisation(
        business_unit=BusinessUnit(id=new_id(rng), name="Contact Centre Chicago", calendar=CALENDAR),
        management_units=workforce.units,
        users=workforce.users,
        schedules=Schedules(shift for shifts in workforce.shifts.values() for shift in shifts),
    )
    matches = sorted(_matches(rng, workforce, settings), key=lambda match: match.level)
    for trade in _trades(rng, matches, settings):
        org.add(trade)
    truths = _truths(rng, settings)
    org.presences |= presences(
        Random(f"presences of {settings.seed}"),  # its own: the rest stays as it is whatever is drawn here
        workforce.users,
        truths,
        settings.published_at,
        hidden=round(settings.agent_count * settings.hidden),
    )
    return Scenario(
        settings=settings,
        org=org,
        pbx={sip_user(number): truth for number, truth in enumerate(truths)},
        phones={user.id: truth for user, truth in zip(workforce.users, truths, strict=True)},
    )


def _truths(rng: Random, settings: ScenarioSettings) -> list[Truth]:
    agents = settings.agent_count
    truths = [Truth.BUSY] * round(agents * settings.busy)
    truths += [Truth.NOT_REGISTERED] * round(agents * settings.not_registered)
    truths += [Truth.UNKNOWN] * round(agents * settings.unknown)
    truths += [Truth.AVAILABLE] * (agents - len(truths))
    rng.shuffle(truths)
    return truths


def _matches(rng: Random, workforce: Workforce, settings: ScenarioSettings) -> list[_Match]:
    picker = ShiftPicker(rng, workforce, settings.published_at + timedelta(hours=48))
    wanted = round(settings.trades * settings.contested)
    regular = _regular(rng, workforce, picker, settings)
    matches = list(islice(regular, settings.trades - wanted))
    contested = _contested(rng, workforce, picker, matches, wanted)
    # When few agents leave too few contested shifts, regular trades fill the number.
    matches += [*contested, *islice(regular, wanted - len(contested))]
    if len(matches) < settings.trades:
        raise ConfigurationError(
            f"{settings.agent_count} agents cannot have {settings.trades} trades.",
            remedy="Give more agents; 1.2 a trade is usual.",
        )
    return _leveled(matches)


def _regular(
    rng: Random, workforce: Workforce, picker: ShiftPicker, settings: ScenarioSettings
) -> Iterator[_Match]:
    first = settings.trades - round(settings.trades * settings.contested)
    one_sided = set(rng.sample(range(first), min(first, round(settings.trades * settings.one_sided))))
    place = 0
    for giver, taker in _pairs(rng, workforce):
        if place in one_sided:
            swap = picker.one_sided(giver, taker)
        else:
            swap = picker.two_sided(giver, taker, cross_week=rng.random() < settings.cross_week)
        if swap:
            place += 1
            yield _Match(giver=giver, taker=taker, going=swap[0], coming=swap[1])


def _pairs(rng: Random, workforce: Workforce) -> Iterator[tuple[User, User]]:
    """Yield two near-perfect matchings over each management unit, the first one wholly before the second."""
    for _ in range(2):
        matching: list[tuple[User, User]] = []
        for members in workforce.members():
            rng.shuffle(members)
            matching += zip(members[::2], members[1::2], strict=False)
        rng.shuffle(matching)
        yield from matching


def _contested(
    rng: Random, workforce: Workforce, picker: ShiftPicker, earlier: list[_Match], wanted: int
) -> list[_Match]:
    units = {members[0].management_unit: members for members in workforce.members() if members}
    found: list[_Match] = []
    taken: set[str] = set()
    for match in rng.sample(earlier, len(earlier)):
        if len(found) == wanted:
            break
        owner, partner, shift = match.giver, match.taker, match.going
        other = rng.choice(units[owner.management_unit])
        if {owner.id, other.id} & taken or other.id in {owner.id, partner.id}:
            continue
        back = picker.again(shift, owner, other)
        if back is None:
            continue
        taken |= {owner.id, other.id}
        if rng.random() < 0.5:
            found.append(_Match(giver=owner, taker=other, going=shift, coming=back))
        else:
            found.append(_Match(giver=other, taker=owner, going=back, coming=shift))
    return found


def _leveled(matches: list[_Match]) -> list[_Match]:
    """Give each match the length of the chain of matches before it that share an agent."""
    levels: defaultdict[str, int] = defaultdict(int)
    leveled = []
    for match in matches:
        level = 1 + max(levels[match.giver.id], levels[match.taker.id])
        levels[match.giver.id] = levels[match.taker.id] = level
        leveled.append(replace(match, level=level))
    return leveled


def _trades(rng: Random, matches: list[_Match], settings: ScenarioSettings) -> Iterator[OrgTrade]:
    sizes, seen = Counter(min(match.level, 3) for match in matches), Counter[int]()
    reviews = _reviews(rng, settings)
    for place, match in enumerate(matches):
        level = min(match.level, 3)
        start, end = _LEVEL_STARTS[level - 1], _LEVEL_STARTS[level]
        # A gap before the next level: its trades wait for the last ones of this.
        part = start + (end - start) * (0.9 if level < 3 else 1.0) * seen[level] / sizes[level]
        seen[level] += 1
        yield _trade(rng, match, settings, place=place, part=part, scripted=reviews[place])


def _trade(
    rng: Random, match: _Match, settings: ScenarioSettings, *, place: int, part: float, scripted: Review
) -> OrgTrade:
    earliest, latest = settings.expires_after_seconds
    matched_at = settings.published_at + place * _MATCH_SPACING
    return OrgTrade(
        id=new_id(rng),
        management_unit=match.giver.management_unit,
        initiating_user=match.giver.id,
        initiating_shift=match.going,
        receiving_user=match.taker.id,
        receiving_shift=match.coming,
        state=TradeState.MATCHED,
        version=2,
        created_at=settings.published_at,
        matched_at=matched_at,
        modified_at=matched_at,
        modified_by=match.taker.id,
        expires_at=settings.published_at + timedelta(seconds=earliest + (latest - earliest) * part),
        scripted=scripted,
    )


def _reviews(rng: Random, settings: ScenarioSettings) -> list[Review]:
    def times(share: float) -> range:
        return range(round(settings.trades * share))

    reviews = [
        Review(violations=(Violation(type=rng.choice(_OTHER_VIOLATIONS)),)) for _ in times(settings.violating)
    ]
    reviews += [Review(violations=(Violation(type=DENY_RULE_VIOLATION),)) for _ in times(settings.denied)]
    reviews += [Review(admin_review=(Violation(type=_ADMIN_REVIEW),)) for _ in times(settings.admin_review)]
    reviews += [Review(unevaluated=(_UNEVALUATED,)) for _ in times(settings.unevaluated)]
    reviews += [Review()] * (settings.trades - len(reviews))
    rng.shuffle(reviews)
    return reviews
