"""Routes that only the lab has: switch faults, look at the truth and at the counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shiftline.lab.org.answers import Json, instant
from shiftline.lab.org.entities import OrgTrade
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.org.practice import PracticeOrg

_FAULTS = TypeAdapter(dict[FaultName, Fault])


def _truth(practice: PracticeOrg, trade: OrgTrade) -> Json:
    return {
        "id": trade.id,
        "state": trade.state.value,
        "version": trade.version,
        "effectiveDecisions": practice.org.effective_decisions(trade.id),
        "repeatedDecisions": practice.org.repeated_decisions(trade.id),
        "reviewedBy": trade.reviewed_by,
        "reviewedDate": instant(trade.reviewed_at) if trade.reviewed_at else None,
        "expirationDate": instant(trade.expires_at),
        "agents": list(trade.agents),
    }


def control_routes(practice: PracticeOrg) -> list[Route]:
    """Return the lab's routes. They need no token, take from no budget and are spared every fault."""

    async def faults(request: Request) -> Response:
        """Replace the faults that are on; ``{}`` switches all off."""
        try:
            wanted = _FAULTS.validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        practice.faults.replace(wanted)
        return JSONResponse({"faults": sorted(wanted)})

    async def truth(_: Request) -> Response:
        practice.catch_up()
        trades = [_truth(practice, trade) for trade in practice.org.trades()]
        return JSONResponse({"now": instant(practice.clock()), "trades": trades})

    async def stats(_: Request) -> Response:
        return JSONResponse(
            {
                "requests": dict(practice.requests),
                "statuses": {str(status): count for status, count in practice.statuses.items()},
                "faults": practice.faults.struck,
                "tokens": practice.accounts.issued,
            }
        )

    async def revoke(_: Request) -> Response:
        practice.accounts.revoke_all()
        return JSONResponse({})

    endpoints: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("POST", "/lab/faults", faults),
        ("POST", "/lab/tokens/revoke", revoke),
        ("GET", "/lab/truth", truth),
        ("GET", "/lab/stats", stats),
    ]
    return [Route(path, endpoint, methods=[method]) for method, path, endpoint in endpoints]
