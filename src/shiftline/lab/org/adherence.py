"""The adherence feed of the practice org (facts/genesys.md section 3.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import JSONResponse, Response

from shiftline.lab.org.accounts import ADHERENCE
from shiftline.lab.org.answers import WFM, Json, instant
from shiftline.lab.org.entities import Presence, User
from shiftline.lab.org.faults import FaultName
from shiftline.lab.org.gate import Call, Operation
from shiftline.lab.org.organisation import Organisation
from shiftline.lab.org.practice import PracticeOrg
from shiftline.lab.org.refusals import bad_request

MOST_USERS = 100
_CATEGORIES = {"Break": "Break", "Meal": "Meal", "Meeting": "Meeting", "Training": "Training"}


def _read(practice: PracticeOrg, call: Call) -> Response:
    given = call.request.query_params.getlist("userId")
    asked = [part for value in given for part in value.split(",") if part]
    if not 1 <= len(asked) <= MOST_USERS:
        raise bad_request(f"Between 1 and {MOST_USERS} user ids are needed.", "invalid.value")
    org, now, headers = practice.org, practice.clock(), {}
    stale = practice.faults.strikes(FaultName.STALE_FEED, call.request.url.path)
    if stale:
        # What a cache on the way has kept: everybody was at work then.
        headers["Age"] = str(int(stale.seconds))
        now -= timedelta(seconds=stale.seconds)
    shown = [
        (org.users[user], Presence(system="OnQueue", routing="IDLE", since=now) if stale else known)
        for user in dict.fromkeys(asked)
        if (known := org.presences.get(user)) is not None
    ]
    answers = [_user_adherence(user, presence, org, now) for user, presence in shown]
    return JSONResponse(answers, headers=headers)


def _user_adherence(user: User, presence: Presence, org: Organisation, now: datetime) -> Json:
    """Return a `UserScheduleAdherence`."""
    scheduled = "OnQueueWork" if org.is_working(user.id, now) else "Unscheduled"
    actual = (
        "Unavailable" if presence.system == "Offline" else _CATEGORIES.get(presence.system, "OnQueueWork")
    )
    return {
        "user": {"id": user.id, "selfUri": f"/api/v2/users/{user.id}"},
        "businessUnit": {"id": org.business_unit.id},
        "managementUnit": {"id": user.management_unit},
        "scheduledActivityCategory": scheduled,
        "systemPresence": presence.system,
        "routingStatus": presence.routing,
        "actualActivityCategory": actual,
        "isOutOfOffice": presence.out_of_office,
        "adherenceState": "Unscheduled" if scheduled == "Unscheduled" else "InAdherence",
        "impact": "Neutral",
        "timeOfAdherenceChange": instant(presence.since),
        "presenceUpdateTime": instant(presence.since),
    }


ADHERENCE_FEED = Operation(
    method="GET", path=f"{WFM}/adherence", handler=_read, permissions=frozenset({ADHERENCE})
)
