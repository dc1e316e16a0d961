"""The documented operations that the practice org answers, as handlers and one table."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shiftline.lab.org.accounts import EDIT, SCHEDULES, VIEW
from shiftline.lab.org.adherence import ADHERENCE_FEED
from shiftline.lab.org.answers import (
    WFM,
    Json,
    agent_schedule_answer,
    business_unit_answer,
    management_unit_answer,
    schedule_id,
    user_answer,
)
from shiftline.lab.org.faults import FaultName
from shiftline.lab.org.gate import Call, Operation
from shiftline.lab.org.jobs import Job
from shiftline.lab.org.practice import PracticeOrg
from shiftline.lab.org.refusals import bad_request, not_found
from shiftline.lab.org.shift_trading import JOB_KINDS, JobKind, read_request

MAX_USERS = 500
"""Largest page of the user directory; the largest number of ids in one request is 100."""
MAX_USER_IDS = 100
WFM_READS = frozenset({VIEW, EDIT})


class _ScheduleSearch(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    start_date: AwareDatetime
    end_date: AwareDatetime
    user_ids: list[str]


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"


def _many(request: Request, name: str) -> list[str]:
    return [part for value in request.query_params.getlist(name) for part in value.split(",") if part]


def _check_business_unit(practice: PracticeOrg, call: Call) -> None:
    asked = call.request.path_params["bu"]
    if asked != practice.org.business_unit.id:
        raise not_found(f"Business unit {asked}")


def _start(kind: JobKind) -> Any:
    def handler(practice: PracticeOrg, call: Call) -> Response:
        _check_business_unit(practice, call)
        asked = read_request(kind, call.body, practice.org)
        base = str(call.request.base_url)
        by_download = _flag(call.request, "forceDownloadService")

        job_id = str(uuid4())

        def work() -> Json:
            result = {kind.result: kind.do(practice.org, asked, call.caller.id, practice.clock())}
            # A downloaded job is the whole job, only without the address (section 2.2).
            file = {"id": job_id, "type": kind.name, "status": "Complete"} | result
            url = _download_url(practice, file, base, always=by_download)
            return {"downloadUrl": url} if url else result

        job = Job(
            id=job_id,
            type=kind.name,
            owner=call.caller.id,
            path=call.request.url.path,
            ready_at=practice.monotonic() + practice.settings.job_seconds,
            work=work,
            correlation_id=call.correlation_id,
        )
        later = practice.faults.strikes(FaultName.ALWAYS_202, call.request.url.path)
        if later or _flag(call.request, "forceAsync"):
            practice.jobs.add(job)
            return JSONResponse(job.body(), status_code=202)
        job.finish()
        return JSONResponse(job.body())

    return handler


def _download_url(practice: PracticeOrg, content: Json, base: str, *, always: bool) -> str | None:
    written = json.dumps(content, separators=(",", ":")).encode()
    if not always and len(written) <= practice.settings.inline_bytes:
        return None
    name = practice.new_token()
    practice.downloads[name] = written
    return f"{base}downloads/{name}"


def _read_job(kind: JobKind) -> Any:
    def handler(practice: PracticeOrg, call: Call) -> Response:
        _check_business_unit(practice, call)
        job = practice.jobs.find(call.request.path_params["job"], kind.name, call.caller.id)
        return JSONResponse(job.body())

    return handler


def _business_unit(practice: PracticeOrg, call: Call) -> Response:
    _check_business_unit(practice, call)
    expanded = any(part.startswith("settings") for part in _many(call.request, "expand"))
    return JSONResponse(business_unit_answer(practice.org.business_unit, with_settings=expanded))


def _management_unit(practice: PracticeOrg, call: Call) -> Response:
    asked = call.request.path_params["mu"]
    unit = practice.org.management_units.get(asked)
    if unit is None:
        raise not_found(f"Management unit {asked}")
    expanded = bool({"settings", "settings.shiftTrading"} & set(_many(call.request, "expand")))
    return JSONResponse(management_unit_answer(unit, practice.org.business_unit, with_settings=expanded))


def _management_units(practice: PracticeOrg, call: Call) -> Response:
    expanded = bool({"settings", "settings.shiftTrading"} & set(_many(call.request, "expand")))
    owner = practice.org.business_unit
    units = practice.org.management_units.values()
    entities = [management_unit_answer(unit, owner, with_settings=expanded) for unit in units]
    page = {"pageSize": len(entities), "pageNumber": 1, "pageCount": 1, "total": len(entities)}
    return JSONResponse({"entities": entities} | page)


def _users(practice: PracticeOrg, call: Call) -> Response:
    size, number = _positive(call.request, "pageSize", 25), _positive(call.request, "pageNumber", 1)
    ids = _many(call.request, "id")
    if size > MAX_USERS or len(ids) > MAX_USER_IDS:
        raise bad_request(
            f"At most {MAX_USERS} users a page and {MAX_USER_IDS} ids a request.", "invalid.value"
        )
    everybody = practice.org.users
    chosen = [everybody[user] for user in ids if user in everybody] if ids else list(everybody.values())
    schema, field = practice.settings.address_schema, practice.settings.address_field
    expanded = "customAttributes" in _many(call.request, "expand") and schema in _many(
        call.request, "userCustomAttributeSchemaIds"
    )
    page = chosen[(number - 1) * size : number * size]
    entities = [user_answer(user, schema, field, with_attributes=expanded) for user in page]
    pages = -(-len(chosen) // size)
    return JSONResponse(
        {
            "entities": entities,
            "pageSize": size,
            "pageNumber": number,
            "pageCount": pages,
            "total": len(chosen),
        }
    )


def _positive(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise bad_request(f"{name} must be a positive number.", "invalid.value")
    return int(text)


def _search_schedules(practice: PracticeOrg, call: Call) -> Response:
    _check_business_unit(practice, call)
    try:
        asked = _ScheduleSearch.model_validate_json(call.body)
    except ValidationError as error:
        raise bad_request(f"The request body is not valid: {error.errors()[0]['msg']}") from error
    if _flag(call.request, "forceAsync"):
        # The result of such a search goes out over the notification channel only.
        return JSONResponse({"status": "Processing", "operationId": str(uuid4())}, status_code=202)
    result = _published(practice, asked.user_ids, asked.start_date, asked.end_date)
    answer = {"status": "Complete", "operationId": str(uuid4())}
    by_download = _flag(call.request, "forceDownloadService")
    url = _download_url(practice, result, str(call.request.base_url), always=by_download)
    return JSONResponse(answer | ({"downloadUrl": url} if url else {"result": result}))


def _published(practice: PracticeOrg, users: list[str], starts_at: datetime, ends_at: datetime) -> Json:
    org = practice.org
    schedules, weeks = [], set()
    for user in users:
        touching = org.schedules.touching(user, starts_at, ends_at)
        shifts = [shift for shift in touching if org.schedules.is_published(shift.week_date)]
        weeks |= {shift.week_date for shift in shifts}
        if user in org.users:
            schedules.append(agent_schedule_answer(user, shifts, org.business_unit))
    published = [
        {"id": schedule_id(org.business_unit, week), "weekDate": week.isoformat(), "weekCount": 1}
        for week in sorted(weeks)
    ]
    zone = org.business_unit.calendar.time_zone
    return {"agentSchedules": schedules, "businessUnitTimeZone": zone, "publishedSchedules": published}


def operations(*, job_reads_count: bool) -> list[Operation]:
    """Return every operation that needs a token."""
    unit = f"{WFM}/businessunits/{{bu}}"
    found = [
        Operation(method="GET", path="/api/v2/users", handler=_users),
        ADHERENCE_FEED,
        Operation(method="GET", path=unit, handler=_business_unit, permissions=WFM_READS),
        Operation(
            method="GET", path=f"{WFM}/managementunits", handler=_management_units, permissions=WFM_READS
        ),
        Operation(
            method="GET",
            path=f"{WFM}/managementunits/{{mu}}",
            handler=_management_unit,
            permissions=WFM_READS,
        ),
        Operation(
            method="POST",
            path=f"{unit}/agentschedules/search",
            handler=_search_schedules,
            permissions=frozenset({"wfm:schedule:view", SCHEDULES}),
        ),
    ]
    for kind in JOB_KINDS.values():
        path, allowed = f"{unit}/shifttrading/{kind.path}/jobs", kind.permissions
        start, read = _start(kind), _read_job(kind)
        found += [
            Operation(method="POST", path=path, handler=start, permissions=allowed, takes_budget=True),
            Operation(
                method="GET",
                path=f"{path}/{{job}}",
                handler=read,
                permissions=allowed,
                takes_budget=job_reads_count,
            ),
        ]
    return found
