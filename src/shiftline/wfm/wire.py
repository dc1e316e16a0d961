"""Genesys's answers as they cross the wire (facts/genesys.md sections 2.2, 2.3, 3.1 and 7.3).

Unknown fields are ignored and enum values stay strings, so that a newer platform does not stop us.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Generic, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shiftline.errors import PeerError
from shiftline.wfm.tolerance import Mentioned, Moment, Readable, Version

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)

RESULT_FIELDS = (
    "queryWeekSummariesResult",
    "evaluateTradesResult",
    "queryTradesResult",
    "bulkUpdateTradeStatesResult",
)


class Wire(BaseModel):
    """Base of all shapes: camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class Reference(Wire):
    """A reference to some entity."""

    id: str


class Metadata(Wire):
    """The optimistic lock."""

    version: Version
    date_modified: Moment | None = None


class ErrorBody(Wire):
    """An error as the API describes it."""

    message: str = ""
    code: str = ""
    status: int | None = None


class TokenError(Wire):
    """An OAuth error, which has a shape of its own."""

    error: str = ""
    description: str = ""
    error_description: str = Field("", validation_alias="error_description")


class TokenGrant(Wire):
    """A granted token; ``expires_in`` is in seconds."""

    access_token: str = Field(validation_alias="access_token")
    expires_in: int = Field(validation_alias="expires_in")


class Job(Wire, Generic[Result]):
    """The envelope of every shift-trading job."""

    id: str | None = None
    status: str = ""
    download_url: str | None = None
    error: ErrorBody | None = None
    result: Result | None = Field(None, validation_alias=AliasChoices(*RESULT_FIELDS))


class WeekCount(Wire):
    """Matched trades that start in a week."""

    week_date: date
    initiating_matched_count: int


class WeekCounts(Wire):
    """Result of ``weeks/summary``."""

    weeks: list[WeekCount]


class WireShift(Wire):
    """A shift inside a trade."""

    id: str
    start_date: Moment
    end_date: Moment
    week_date: date


class Initiating(Wire):
    """The side that offered its shift."""

    user: Reference
    management_unit: Reference
    shift: WireShift


class Receiving(Wire):
    """The side that accepted; without a shift when the trade is one-sided."""

    user: Reference | None = None
    shift: WireShift | None = None


class WireTrade(Wire):
    """A `ShiftTradeResponseItem`."""

    id: str
    state: str
    expiration_date: Moment
    initiating: Initiating
    receiving: Receiving | None = None
    metadata: Metadata


class Violation(Wire):
    """A broken rule."""

    type: str


class MatchReview(Wire):
    """The WFM's own review of a match."""

    violations: list[Violation] = []
    admin_review_violations: list[Violation] = []
    unevaluated_rules: list[str] = []


class EvaluatedTrade(Wire):
    """A trade with its review; trades that are not matched have none."""

    trade: WireTrade
    match_review: MatchReview | None = None


class EvaluatedTrades(Wire):
    """Result of ``trades/evaluate``."""

    entities: Readable[EvaluatedTrade]
    mentioned: Mentioned = Field(validation_alias="entities")


class Trades(Wire):
    """Result of ``trades/query``."""

    entities: Readable[WireTrade]
    mentioned: Mentioned = Field(validation_alias="entities")


class StateResult(Wire):
    """One line of a bulk state job's result."""

    id: str
    state: str | None = None
    failure_reason: str | None = None
    metadata: Metadata | None = None


class StateResults(Wire):
    """Result of ``trades/state/bulk``. What it does not tell of, or not legibly, is read back."""

    entities: Readable[StateResult]


class BusinessUnitSettings(Wire):
    """A business unit's calendar."""

    start_day_of_week: str
    time_zone: str


class BusinessUnit(Wire):
    """A business unit with expanded settings."""

    settings: BusinessUnitSettings


class ShiftTrading(Wire):
    """Shift-trade settings; every other field of the object is a rule's action or a number."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="allow")

    enabled: bool = False
    auto_review: bool = False

    @property
    def asks_a_person(self) -> bool:
        """True if some rule leaves the decision to an administrator."""
        rules: dict[str, Any] = self.model_extra or {}
        return "AdminReview" in rules.values()


class ManagementUnitSettings(Wire):
    """Settings of a management unit."""

    shift_trading: ShiftTrading | None = None


class ManagementUnit(Wire):
    """A management unit."""

    id: str
    name: str = ""
    business_unit: Reference | None = None
    settings: ManagementUnitSettings | None = None


class ManagementUnits(Wire):
    """The list of management units; it is never paged."""

    entities: list[ManagementUnit]


class CustomAttributes(Wire):
    """A user's values for one custom-attribute schema."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", populate_by_name=True)

    schema_reference: Reference = Field(validation_alias="schema")
    attributes: dict[str, Any] = {}


class User(Wire):
    """A directory entry."""

    id: str
    name: str = ""
    custom_attributes: list[CustomAttributes] = []


class Users(Wire):
    """A page of the directory."""

    entities: Readable[User]


class ScheduledShift(Wire):
    """A published shift."""

    start_date: Moment
    length_minutes: int


class AgentSchedule(Wire):
    """An agent's published shifts."""

    user: Reference
    shifts: list[ScheduledShift] = []


class AgentSchedules(Wire):
    """Result of a schedule search."""

    agent_schedules: Readable[AgentSchedule]


class ScheduleSearch(Wire):
    """The answer to a schedule search, which is no job: a late result goes out as a notification."""

    status: str | None = None
    download_url: str | None = None
    result: AgentSchedules | None = None


def read(model: type[Model], content: bytes, what: str) -> Model:
    """Read an answer; raises PeerError that names the first thing wrong with it."""
    try:
        # A NUL is a character of JSON that no book of ours can hold.
        return model.model_validate_json(content.replace(rb"\u0000", rb"\ufffd"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise PeerError(
            f"Genesys answered {what} with something unreadable: {where}: {first['msg']}.",
            remedy="Check that the API address is Genesys Cloud's and that no proxy answers in its place.",
        ) from error
