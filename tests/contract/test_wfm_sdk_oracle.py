"""The official SDK as a judge: its models must cover what the practice org answers and what our client sends.

Attribute maps and allowed values are compared, not deserialised objects: the SDK drops fields it does
not know and masks enum values without a word (facts/genesys.md section 6).
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from shiftline.connector.records import BulkItem, Delivery
from shiftline.lab.org.answers import WFM
from shiftline.lab.org.entities import FailureReason, RuleAction
from shiftline.lab.org.operations import operations
from shiftline.lab.org.practice import ADDRESS_FIELD, ADDRESS_SCHEMA, OrgSettings, PracticeOrg
from shiftline.lab.org.presences import STATES as PRESENCE_STATES
from shiftline.lab.org.server import serve
from shiftline.lab.scenario import ScenarioSettings, build_scenario
from shiftline.secrets import Secret
from shiftline.trades.model import TradeState, Verdict
from shiftline.wfm import wire
from shiftline.wfm.adherence import UserAdherence
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.jobs import unlimited
from shiftline.wfm.presence import OFFLINE, SIGNED_IN
from shiftline.wfm.settings import GenesysSettings

NINE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))
SCENARIO = ScenarioSettings(
    published_at=NINE, trades=40, violating=0.3, admin_review=0.2, unevaluated=0.1, without_address=0.1
)
MASKED = "outdated_sdk_version"
JOBS = {
    "weeks/summary": ("QueryWeekSummaryListJobRequest", "ShiftTradeQueryWeekSummariesBuJobResponse"),
    "trades/evaluate": ("EvaluateShiftTradeListJobRequest", "ShiftTradeEvaluateTradesBuJobResponse"),
    "trades/query": ("QueryShiftTradeListJobRequest", "ShiftTradeQueryTradesBuJobResponse"),
    "trades/state/bulk": (
        "BulkUpdateShiftTradeListJobRequest",
        "ShiftTradeBulkUpdateTradeStateBuJobResponse",
    ),
}
UNPUBLISHED = {("User", "customAttributes")}
"""Fields that the API documents as an expansion, but that the SDK's model lacks."""
RULES = (
    "InvalidState",
    "ShiftTradingNotEnabled",
    "WeekScheduleUnpublished",
    "OneSidedTradeCreation",
    "UnequalPaidTime",
    "InitiatingShiftDoesNotExist",
    "ReceivingShiftDoesNotExist",
    "InitiatingShiftOverlapsExisting",
    "ReceivingShiftOverlapsExisting",
    "InitiatingWeeklyMaxPaidTime",
    "ReceivingWeeklyMaxPaidTime",
)
"""What the org's own rules can bring; what the scenario scripts crosses the wire."""
READ_BY_US = {
    wire.WeekCounts: "QueryWeekSummaryListJobResponseItem",
    wire.WeekCount: "ShiftTradeWeekSummaryResponseItem",
    wire.EvaluatedTrades: "EvaluateShiftTradeListJobResponseItem",
    wire.EvaluatedTrade: "EvaluatedShiftTradeResponseItem",
    wire.MatchReview: "ShiftTradeMatchReviewResponse",
    wire.Violation: "ShiftTradeMatchViolation",
    wire.WireTrade: "ShiftTradeResponseItem",
    wire.Initiating: "ShiftTradeInitiatingSideResponseItem",
    wire.Receiving: "ShiftTradeReceivingSideResponseItem",
    wire.WireShift: "ShiftTradeShiftResponseItem",
    wire.Metadata: "WfmVersionedEntityMetadata",
    wire.Trades: "ShiftTradeListJobResponse",
    wire.StateResults: "BulkUpdateShiftTradeStateResult",
    wire.StateResult: "BulkUpdateShiftTradeStateResultItem",
    wire.ErrorBody: "ErrorBody",
    wire.BusinessUnit: "BusinessUnitResponse",
    wire.BusinessUnitSettings: "BusinessUnitSettingsResponse",
    wire.ManagementUnits: "ManagementUnitListing",
    wire.ManagementUnit: "ManagementUnit",
    wire.ManagementUnitSettings: "ManagementUnitSettingsResponse",
    wire.ShiftTrading: "ShiftTradeSettings",
    wire.Users: "UserEntityListing",
    wire.CustomAttributes: "UserCustomAttributes",
    UserAdherence: "UserScheduleAdherence",
    wire.ScheduleSearch: "BuAsyncAgentSchedulesSearchResponse",
    wire.AgentSchedules: "BuAgentSchedulesSearchResponse",
    wire.AgentSchedule: "BuAgentScheduleSearchResponse",
    wire.ScheduledShift: "BuAgentScheduleShift",
}


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The SDK's models. At import it watches the home directory, so it gets an empty one."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        warnings.simplefilter("ignore")
        yield importlib.import_module("PureCloudPlatformClientV2.models")


def complaints(sdk: ModuleType, name: str, value: Any, where: str = "") -> Iterator[str]:
    """Yield what the SDK's model of this name does not know about a JSON value, at any depth."""
    if value is None:
        return
    if inner := re.fullmatch(r"list\[(\w+)\]", name):
        for entry in value:
            yield from complaints(sdk, inner[1], entry, where)
        return
    model = getattr(sdk, name, None)
    if not inspect.isclass(model):
        return
    instance: Any = model()
    attributes = {wire_name: attribute for attribute, wire_name in instance.attribute_map.items()}
    for key, entry in value.items():
        if (name, key) in UNPUBLISHED:
            continue
        if key not in attributes:
            yield f"{where}.{key}: {name} has no such field"
            continue
        yield from complaints(sdk, instance.swagger_types[attributes[key]], entry, f"{where}.{key}")
        if isinstance(entry, str) and masks(instance, attributes[key], entry):
            yield f"{where}.{key}: {name} does not allow {entry!r}"


def masks(instance: Any, attribute: str, value: str) -> bool:
    """True if the SDK would replace this enum value."""
    setattr(instance, attribute, value)
    return bool(getattr(instance, attribute) == MASKED)


@dataclass(slots=True)
class Recorder:
    """Every exchange between our client and the practice org."""

    exchanges: list[tuple[httpx.Request, httpx.Response]] = field(default_factory=list)

    async def note(self, response: httpx.Response) -> None:
        """Keep a response with its request."""
        await response.aread()
        self.exchanges.append((response.request, response))

    def of(self, part: str) -> list[tuple[Any, Any]]:
        """JSON bodies of the exchanges whose path holds this part; None for a request without a body."""
        return [
            (json.loads(request.content) if request.content else None, response.json())
            for request, response in self.exchanges
            if part in request.url.path
        ]


@asynccontextmanager
async def recorded() -> AsyncIterator[tuple[GenesysCloud, PracticeOrg, Recorder]]:
    """A client, an org, and a record of all they say."""
    practice = PracticeOrg(
        build_scenario(SCENARIO).org, OrgSettings(trading_per_minute=1000), clock=lambda: NINE
    )
    recorder = Recorder()
    async with serve(practice) as url:
        settings = GenesysSettings(
            api_url=url,
            login_url=url,
            client_id="shiftline",
            client_secret=Secret("secret"),
            business_unit=practice.org.business_unit.id,
            address_schema=ADDRESS_SCHEMA,
            address_field=ADDRESS_FIELD,
        )
        async with open_genesys(settings, clock=lambda: NINE, reserve=unlimited) as genesys:
            genesys._api._http.event_hooks["response"].append(recorder.note)
            yield genesys, practice, recorder


async def talk(genesys: GenesysCloud, practice: PracticeOrg) -> None:
    """Use every method of the client, so that every shape with every field crosses the wire."""
    weeks = [(found.management_unit, found.week_date) for found in await genesys.week_summaries()]
    trades = (await genesys.evaluate(weeks)).trades
    moved = trades[1].trade.external_id
    practice.org.amend(moved, "agent", NINE)
    items = [
        BulkItem(external_id=found.trade.external_id, state=state, version=found.trade.version)
        for found, state in zip(trades, (TradeState.APPROVED, TradeState.DENIED) * 20, strict=True)
    ]
    results = await genesys.deliver(weeks, items)
    assert {result.failure_reason for result in results} >= {"", "TransitionNotAllowed"}
    deliveries = [
        Delivery(
            trade_id=1,
            external_id=found.trade.external_id,
            management_unit=found.trade.management_unit,
            week_date=found.trade.week_date,
            agents=found.trade.agents,
            version=2,
            verdict=Verdict.APPROVE,
            deadline=NINE,
            attempts=1,
        )
        for found in trades
    ]
    await genesys.read_back(deliveries)
    agents = list(practice.org.users)
    await genesys.profiles(agents)
    await genesys.working_hours(agents, NINE, NINE + timedelta(days=1))
    await genesys.check_settings()
    await genesys.platform_evidence(agents[:100])
    await genesys.check_feed()


async def test_the_sdk_knows_all_that_client_and_org_say(sdk: ModuleType) -> None:
    """No field and no enum value on the wire is our own invention."""
    async with recorded() as (genesys, practice, recorder):
        await talk(genesys, practice)
    shapes = JOBS | {
        "agentschedules/search": ("BuSearchAgentSchedulesRequest", "BuAsyncAgentSchedulesSearchResponse"),
        "api/v2/users": ("none", "UserEntityListing"),
        "workforcemanagement/adherence": ("none", "list[UserScheduleAdherence]"),
        "businessunits/" + practice.org.business_unit.id: ("none", "BusinessUnitResponse"),
    }
    found: list[str] = []
    for path, (asked, answered) in shapes.items():
        exchanges = recorder.of(path)
        assert exchanges, path
        if asked == "none":
            exchanges = exchanges[:1]  # the business unit's own path begins those of its jobs
        for request, response in exchanges:
            found += complaints(sdk, asked, request, f"-> {path}")
            found += complaints(sdk, answered, response, f"<- {path}")
    for _, response in recorder.of("/managementunits"):
        model = "ManagementUnitListing" if "entities" in response else "ManagementUnit"
        found += complaints(sdk, model, response, "<- managementunits")
    for _, response in recorder.of("api/v2/users"):
        for user in response["entities"]:
            found += complaints(
                sdk, "list[UserCustomAttributes]", user.get("customAttributes"), "<- customAttributes"
            )
    assert found == []


async def test_the_sdk_knows_the_orgs_errors(sdk: ModuleType) -> None:
    """An error body with a limit has no field and no namespace of our own."""
    practice = PracticeOrg(
        build_scenario(SCENARIO).org, OrgSettings(trading_per_minute=0, requests_per_minute=2)
    )
    unit = practice.org.business_unit.id
    async with serve(practice) as url, httpx.AsyncClient(base_url=url) as http:
        form = {"grant_type": "client_credentials"}
        grant = await http.post("/oauth/token", data=form, auth=("shiftline", "secret"))
        headers = {"Authorization": f"Bearer {grant.json()['access_token']}"}
        path = f"{WFM}/businessunits/{unit}/shifttrading/weeks/summary/jobs"
        answers = [await http.post(path, json={}, headers=headers) for _ in range(3)]
        answers.append(await http.post(path, content=b"x" * 600_000, headers=headers))
    assert [answer.status_code for answer in answers] == [429, 429, 429, 413]
    assert len({answer.json()["limit"]["key"] for answer in answers}) == 3
    assert [found for answer in answers for found in complaints(sdk, "ErrorBody", answer.json())] == []


def test_the_sdk_allows_every_word_the_org_may_say(sdk: ModuleType) -> None:
    """States, failure reasons, rule actions and the violations that rules and scenario can bring."""
    line: Any = sdk.BulkUpdateShiftTradeStateResultItem()
    trade: Any = sdk.ShiftTradeResponseItem()
    settings: Any = sdk.ShiftTradeSettings()
    violation: Any = sdk.ShiftTradeMatchViolation()
    assert [
        reason for reason in FailureReason if reason and masks(line, "failure_reason", reason.value)
    ] == []
    assert [state for state in TradeState if masks(trade, "state", state.value)] == []
    assert [action for action in RuleAction if masks(settings, "one_sided", action.value)] == []
    assert [name for name in RULES if masks(violation, "type", name)] == []


def test_the_sdk_allows_every_state_the_feed_may_show(sdk: ModuleType) -> None:
    """Presences and routing statuses of the scenario are the platform's; so are those that our table has."""
    shown: Any = sdk.UserScheduleAdherence()
    presences = {presence for truth in PRESENCE_STATES.values() for presence, _ in truth}
    statuses = {status for truth in PRESENCE_STATES.values() for _, status in truth}
    assert [word for word in presences | SIGNED_IN.keys() if masks(shown, "system_presence", word)] == []
    assert [status for status in statuses if masks(shown, "routing_status", status)] == []


def test_the_table_knows_every_presence_of_the_sdk(sdk: ModuleType) -> None:
    """A presence that the platform has and we do not would make its agents unverifiable for ever."""
    source = inspect.getsource(sdk.UserScheduleAdherence.system_presence.fset)
    (words,) = re.findall(r"allowed_values = \[([^]]+)\]", source)
    known = {word.lower() for word in re.findall(r'"(\w+)"', words)}
    assert known == {*SIGNED_IN, OFFLINE}


def test_the_judge_is_awake(sdk: ModuleType) -> None:
    """An invented field and an invented word are told; there is no state "Pending" in Genesys."""
    invented = {"id": "t", "state": "Pending", "pendingSince": "2026-11-23T15:00:00Z"}
    assert len(list(complaints(sdk, "list[ShiftTradeResponseItem]", [invented]))) == 2


@pytest.mark.parametrize(
    ("model", "name"), READ_BY_US.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_the_sdk_has_every_field_we_read(sdk: ModuleType, model: type[wire.Wire], name: str) -> None:
    """A field that the API does not have would be missing for ever."""
    known = set(getattr(sdk, name)().attribute_map.values())
    ours = {str(info.validation_alias or info.alias) for info in model.model_fields.values()}
    assert ours <= known


def test_the_sdk_has_every_route_of_the_org(sdk: ModuleType) -> None:
    """Verb and path of each operation are documented ones."""
    sources = Path(str(sdk.__file__)).parents[1] / "apis"
    text = "".join((sources / name).read_text() for name in ("workforce_management_api.py", "users_api.py"))
    calls = re.findall(r"resource_path = '([^']+)'.*?call_api\(resource_path, '(\w+)'", text, re.DOTALL)
    documented = {(verb, re.sub(r"\{\w+\}", "{}", path)) for path, verb in calls}
    ours = {
        (operation.method, re.sub(r"\{\w+\}", "{}", operation.path))
        for operation in operations(job_reads_count=False)
    }
    assert ours <= documented
