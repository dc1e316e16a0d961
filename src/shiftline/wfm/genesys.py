"""Genesys Cloud WFM behind the port `WorkforceManagement`: the job routes of shift trading (section 2.2)."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

import httpx
import structlog

from shiftline import __version__
from shiftline.clock import Clock
from shiftline.connector.records import (
    AgentProfile,
    BulkItem,
    BulkResult,
    Delivery,
    Evaluated,
    EvaluatedTrade,
    WeekSummary,
    WorkingHours,
)
from shiftline.errors import (
    ConfigurationError,
    ForbiddenError,
    NotSentError,
    PeerError,
    UnavailableError,
)
from shiftline.trades.model import Evidence, TradeState
from shiftline.wfm import wire
from shiftline.wfm.adherence import AdherenceFeed
from shiftline.wfm.api import GenesysApi, Query
from shiftline.wfm.jobs import JobRunner, Reserve, unlimited
from shiftline.wfm.preflight import SettingsFinding, examine
from shiftline.wfm.settings import GenesysSettings
from shiftline.wfm.token import TokenCache
from shiftline.wfm.translate import (
    bulk_item,
    bulk_result,
    current_state,
    evaluated_trade,
    instant,
    pairs_body,
    profile,
    state_of,
    weeks_body,
    working_hours,
)
from shiftline.wfm.weeks import WeekCalendar

MAX_BODY_BYTES = 480_000
"""The platform refuses more than 512,000 bytes; the rest is for what it may count besides the body."""
USER_IDS_PER_REQUEST = 100
WFM = "/api/v2/workforcemanagement"

log = structlog.get_logger("shiftline.wfm")


class GenesysCloud:
    """One business unit of a Genesys Cloud organisation, seen by one OAuth client.

    ``clock`` is civil time: it chooses the weeks. ``reserve`` takes a call from the shift-trading
    budget before each job, ``reserve_adherence`` one from the feed's before each question to it.
    """

    name = "genesys"

    def __init__(
        self,
        http: httpx.AsyncClient,
        settings: GenesysSettings,
        *,
        clock: Clock,
        reserve: Reserve,
        reserve_adherence: Reserve = unlimited,
    ) -> None:
        self._api = GenesysApi(http, TokenCache(http, settings), settings.api_url)
        self._jobs = JobRunner(self._api, settings, reserve)
        self._feed = AdherenceFeed(self._api, clock=clock, reserve=reserve_adherence)
        self._settings = settings
        self._clock = clock
        self._calendar: WeekCalendar | None = None
        self._units = settings.management_units
        self._unit_path = f"{WFM}/businessunits/{settings.business_unit}"
        self._trading_path = f"{self._unit_path}/shifttrading"

    async def week_summaries(self) -> list[WeekSummary]:
        """Matched trades of the current week and five more.

        One job covers all management units and Genesys counts them together, so each unit of a week
        gets the week's whole count: it says whether to evaluate, not how many there will be. A week that
        the answer leaves out has none.
        """
        calendar, units = await self.calendar(), await self.management_units()
        weeks = calendar.trading_weeks(self._clock())
        path = f"{self._trading_path}/weeks/summary/jobs"
        answer = await self._jobs.run(path, weeks_body(units, weeks), wire.WeekCounts)
        matched = {week.week_date: week.initiating_matched_count for week in answer.weeks}
        return [
            WeekSummary(management_unit=unit, week_date=week, matched=matched.get(week, 0))
            for week in weeks
            for unit in units
        ]

    async def evaluate(self, weeks: Sequence[tuple[str, date]]) -> Evaluated:
        """All matched trades of these pairs, with Genesys's review.

        A trade that makes no sense is logged and left out: it stays Matched there, for a person to decide.
        """
        if not weeks:
            return Evaluated()
        path, wanted = f"{self._trading_path}/trades/evaluate/jobs", set(weeks)
        answer = await self._jobs.run(path, pairs_body(weeks), wire.EvaluatedTrades)
        matched = [entry for entry in answer.entities if state_of(entry.trade.state) is TradeState.MATCHED]
        over = {entry.trade.id for entry in answer.entities} - {entry.trade.id for entry in matched}
        found = [trade for trade in map(_sensible, matched) if trade is not None]
        return Evaluated(
            trades=[one for one in found if (one.trade.management_unit, one.trade.week_date) in wanted],
            illegible={*answer.mentioned} - over - {one.trade.external_id for one in found},
        )

    async def profiles(self, agents: Sequence[str]) -> list[AgentProfile]:
        """Directory entries with the address that the custom attribute carries."""
        schema, field = self._settings.address_schema, self._settings.address_field
        expansion = {"expand": "customAttributes", "userCustomAttributeSchemaIds": schema} if schema else {}
        found: list[AgentProfile] = []
        for ids in _slices(agents):
            query: Query = {"id": ids, "pageSize": USER_IDS_PER_REQUEST, **expansion}
            page = await self._api.get("/api/v2/users", wire.Users, query)
            found += [profile(user, schema, field) for user in page.entities]
        return found

    async def working_hours(
        self, agents: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> list[WorkingHours]:
        """Published shifts that touch this interval."""
        path, found = f"{self._unit_path}/agentschedules/search", list[WorkingHours]()
        for ids in _slices(agents):
            body = {"startDate": instant(starts_at), "endDate": instant(ends_at), "userIds": ids}
            response = await self._api.post(path, body)
            answer = wire.read(wire.ScheduleSearch, response.content, f"POST {path}")
            for schedule in (await self._search_result(answer)).agent_schedules:
                found += working_hours(schedule)
        return [hours for hours in found if hours.starts_at < ends_at and starts_at < hours.ends_at]

    async def _search_result(self, answer: wire.ScheduleSearch) -> wire.AgentSchedules:
        if answer.download_url:
            return await self._api.download(answer.download_url, wire.AgentSchedules)
        if answer.result is None:
            raise UnavailableError(
                f"Genesys postponed a schedule search ({answer.status}): its result comes by notification.",
                remedy="It is asked again; if this lasts, ask for fewer agents.",
            )
        return answer.result

    async def deliver(
        self, management_unit_weeks: Sequence[tuple[str, date]], items: Sequence[BulkItem]
    ) -> list[BulkResult]:
        """Change states in one bulk job, or in a few when the body would be too large for one.

        After any exception but NotSentError the fate of every item is unknown.
        """
        path, scope = f"{self._trading_path}/trades/state/bulk/jobs", pairs_body(management_unit_weeks)
        results: list[BulkResult] = []
        for entities in split_by_bytes(scope, [bulk_item(item) for item in items]):
            try:
                answer = await self._jobs.run(path, scope | {"entities": entities}, wire.StateResults)
            except NotSentError as error:
                if not results:
                    raise
                raise UnavailableError(  # the jobs before this one have done their work
                    error.message, remedy=error.remedy, retry_after_seconds=error.retry_after_seconds
                ) from error
            results += [bulk_result(result) for result in answer.entities]
        return results

    async def read_back(self, deliveries: Sequence[Delivery]) -> list[BulkResult]:
        """Current state and version of these trades; one that is shown but cannot be read has neither."""
        if not deliveries:
            return []
        wanted = {delivery.external_id for delivery in deliveries}
        body = pairs_body([(delivery.management_unit, delivery.week_date) for delivery in deliveries])
        users = sorted({agent for delivery in deliveries for agent in delivery.agents})
        path = f"{self._trading_path}/trades/query/jobs"
        answer = await self._jobs.run(path, body | {"userIds": users}, wire.Trades)
        read = [current_state(trade) for trade in answer.entities if trade.id in wanted]
        illegible = wanted.intersection(answer.mentioned) - {result.external_id for result in read}
        return read + [BulkResult(external_id=name, state=None, version=None) for name in sorted(illegible)]

    async def calendar(self) -> WeekCalendar:
        """The business unit's weeks, read once."""
        if self._calendar is None:
            unit = await self._api.get(self._unit_path, wire.BusinessUnit, {"expand": "settings"})
            settings = unit.settings
            self._calendar = WeekCalendar(
                time_zone=settings.time_zone, start_day_of_week=settings.start_day_of_week
            )
        return self._calendar

    async def management_units(self) -> tuple[str, ...]:
        """The configured management units, or all of the business unit's, read once."""
        if not self._units:
            listed = await self._api.get(f"{WFM}/managementunits", wire.ManagementUnits)
            ours = self._settings.business_unit
            self._units = tuple(
                unit.id for unit in listed.entities if unit.business_unit and unit.business_unit.id == ours
            )
        if not self._units:
            raise ConfigurationError(
                f"This OAuth client sees no management unit of business unit {self._settings.business_unit}.",
                remedy="Check wfm.business_unit and the divisions of the client's role.",
            )
        return self._units

    async def check_settings(self) -> list[SettingsFinding]:
        """Say which management units would never ask us about a trade."""
        found: list[SettingsFinding] = []
        for unit in await self.management_units():
            path = f"{WFM}/managementunits/{unit}"
            read = await self._api.get(path, wire.ManagementUnit, {"expand": "settings.shiftTrading"})
            found += examine(read)
        return found

    async def platform_evidence(self, agents: Sequence[str]) -> list[Evidence]:
        """What the adherence feed shows of these agents, at most `PLATFORM_BATCH` of them."""
        return await self._feed.ask(agents)

    async def check_feed(self) -> list[SettingsFinding]:
        """Say whether the adherence feed may not be read; somebody of the directory is asked about."""
        page = await self._api.get("/api/v2/users", wire.Users, {"pageSize": 1})
        try:
            await self._feed.ask([user.id for user in page.entities])
        except ForbiddenError as error:
            return [
                SettingsFinding(
                    cause="http.permission", management_unit="", message=error.message, remedy=error.remedy
                )
            ]
        return []


@asynccontextmanager
async def open_genesys(
    settings: GenesysSettings, *, clock: Clock, reserve: Reserve, reserve_adherence: Reserve = unlimited
) -> AsyncIterator[GenesysCloud]:
    """Open a client with explicit timeouts; raises ConfigurationError for a CA file that cannot be used."""
    timeout = httpx.Timeout(settings.answer_timeout_seconds, connect=settings.connect_timeout_seconds)
    async with httpx.AsyncClient(
        timeout=timeout,
        verify=_trust(settings.ca_file),
        headers={"User-Agent": f"shiftline/{__version__}", "Accept": "application/json"},
        # Servers close idle connections after 5 s and more; a POST must not meet one that is closing.
        limits=httpx.Limits(max_connections=8, keepalive_expiry=3.0),
        # A proxy from the environment has no way to this machine's own loopback, where the lab lives.
        mounts={"all://127.0.0.1": None, "all://localhost": None},
    ) as http:
        yield GenesysCloud(http, settings, clock=clock, reserve=reserve, reserve_adherence=reserve_adherence)


def _sensible(entry: wire.EvaluatedTrade) -> EvaluatedTrade | None:
    try:
        return evaluated_trade(entry)
    except PeerError as error:
        log.warning("left out what makes no sense", why=str(error))
        return None


def _trust(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"The CA file {ca_file} cannot be used: {error}.",
            remedy="Give a PEM file with the CA's certificate.",
        ) from error


def split_by_bytes(
    scope: Mapping[str, Any], entities: Sequence[Mapping[str, Any]], limit: int = MAX_BODY_BYTES
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield runs of entities whose whole body, as UTF-8 JSON, stays below ``limit`` bytes."""
    frame = _size({**scope, "entities": []})
    chunk: list[Mapping[str, Any]] = []
    used = frame
    for entity in entities:
        size = _size(entity) + 1
        if chunk and used + size >= limit:
            yield chunk
            chunk, used = [], frame
        chunk.append(entity)
        used += size
    if chunk:
        yield chunk


def _size(value: Mapping[str, Any]) -> int:
    return len(json.dumps(value).encode())


def _slices(agents: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(agents), USER_IDS_PER_REQUEST):
        yield list(agents[start : start + USER_IDS_PER_REQUEST])
