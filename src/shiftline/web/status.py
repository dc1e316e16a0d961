"""The status page and its API: ``/``, ``/api/status``, ``/healthz``. It tells counts, no names of people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shiftline.clock import Clock
from shiftline.errors import UnavailableError
from shiftline.store.read_model import ReadModel, Totals, TrunkRow

REFRESH_SECONDS = 5
SILENT_SECONDS = 15.0
"""A worker saves what it knows about its trunk every second; after so long it does not run."""
UNAVAILABLE = "The database does not answer."
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = Environment(
    loader=PackageLoader("shiftline.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
).get_template("status.html.j2")


def status_app(books: ReadModel, clock: Clock) -> Starlette:
    """Return the status page and its API as an ASGI application."""

    async def healthz(_: Request) -> Response:
        await books.trunks()
        return PlainTextResponse("ok\n", headers=HEADERS)

    async def status(_: Request) -> Response:
        return JSONResponse(as_json(await books.totals(), await books.trunks(), clock()), headers=HEADERS)

    async def page(_: Request) -> Response:
        seen = as_json(await books.totals(), await books.trunks(), clock())
        return HTMLResponse(_PAGE.render(**seen, refresh_seconds=REFRESH_SECONDS), headers=HEADERS)

    routes = [Route("/healthz", healthz), Route("/api/status", status), Route("/", page)]
    return Starlette(routes=routes, exception_handlers={UnavailableError: _unavailable})


def as_json(totals: Totals, trunks: list[TrunkRow], now: datetime) -> dict[str, Any]:
    """The keys of ``/api/status``. Rates are requests per second, ages seconds."""
    return {
        "at": now.isoformat(),
        "trades": dict(totals.trades),
        "outcomes": dict(totals.outcomes),
        "checks_due": totals.checks_due,
        "trunks": [_trunk(row, now) for row in trunks],
    }


def _trunk(row: TrunkRow, now: datetime) -> dict[str, Any]:
    known: Mapping[str, Any] = row.governor
    proof: Mapping[str, Any] = known.get("qualification") or {}
    age = max(0.0, (now - row.saved_at).total_seconds())
    return {
        "trunk": row.trunk,
        "source": row.source,
        "auth_user": row.auth_user,
        "mode": known.get("mode"),
        "rate": known.get("rate"),
        "refusal": known.get("refusal"),
        "trouble": known.get("trouble"),
        "registration": known.get("registration"),
        "method": proof.get("method"),
        "qualification": proof.get("state"),
        "trusts_unqualified": bool(proof.get("trust_unqualified")),
        "disarmed_cause": row.disarmed_cause,
        "saved_seconds_ago": round(age, 1),
        "worker_is_silent": age > SILENT_SECONDS,
    }


async def _unavailable(request: Request, _: Exception) -> Response:
    # What the database said is for the log: it may name files and hosts.
    if request.url.path == "/":
        text = _PAGE.render(unavailable=UNAVAILABLE, refresh_seconds=REFRESH_SECONDS)
        return HTMLResponse(text, status_code=503, headers=HEADERS)
    return JSONResponse({"error": UNAVAILABLE}, status_code=503, headers=HEADERS)
