"""The status page and its API: ``/``, ``/api/status``, ``/metrics``, ``/healthz``. No names of people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shiftline.clock import Clock
from shiftline.errors import UnavailableError
from shiftline.store.read_model import ReadModel, Totals, TrunkRow
from shiftline.store.trunk_view import view_of
from shiftline.web import trunks
from shiftline.web.metrics import RECENT_SECONDS, Readings, exposition, newest
from shiftline.web.pages import HEADERS, page
from shiftline.web.trunk_chart import SPANS, refused_by_class

MOST_CHARTS = 20
"""With more trunks the overview has none: it would take seconds, on a page that is drawn every five."""
UNAVAILABLE = "The database does not answer."
_TOLD = (
    *("trunk", "source", "auth_user", "mode", "rate", "refusal", "trouble", "registration", "method"),
    *("qualification", "trusts_unqualified", "disarmed_cause", "saved_seconds_ago", "worker_is_silent"),
)


def status_app(books: ReadModel, clock: Clock) -> Starlette:
    """Return the pages and their API as an ASGI application."""

    async def healthz(_: Request) -> Response:
        await books.trunks()
        return PlainTextResponse("ok\n", headers=HEADERS)

    async def status(_: Request) -> Response:
        return JSONResponse(as_json(await books.totals(), await books.trunks(), clock()), headers=HEADERS)

    async def metrics(request: Request) -> Response:
        now = clock()
        totals, rows = await books.totals(), await books.trunks()
        series = await books.trunk_samples(now - timedelta(seconds=RECENT_SECONDS))
        shown = newest(view_of(row, now) for row in rows)
        readings = Readings(
            totals=totals,
            trunks=shown,
            refused_recently={view.trunk: refused_by_class(trunks.of(series, view)) for view in shown},
        )
        body, content_type = exposition(readings, request.headers.get("accept", ""))
        return Response(body, media_type=content_type, headers=HEADERS)

    async def overview(_: Request) -> Response:
        now, span = clock(), SPANS[0]
        totals, rows = await books.totals(), await books.trunks()
        has_charts = len(rows) <= MOST_CHARTS
        series = await books.trunk_samples(now - span.length) if has_charts else {}
        views = [view_of(row, now) for row in rows]
        shown = [
            {
                "trunk": view,
                "charts": trunks.charts(view, trunks.of(series, view), span, now, key=f"trunk-{index}"),
            }
            for index, view in enumerate(views)
        ]
        seen = {"at": now, "totals": totals, "trunks": shown, "span": span, "has_charts": has_charts}
        return page("status.html.j2", seen)

    routes = [
        Route("/healthz", healthz),
        Route("/api/status", status),
        Route("/metrics", metrics),
        *trunks.routes(books, clock),
        Route("/", overview),
    ]
    return Starlette(routes=routes, exception_handlers={UnavailableError: _unavailable})


def as_json(totals: Totals, rows: list[TrunkRow], now: datetime) -> dict[str, Any]:
    """The keys of ``/api/status``. Rates are requests per second, ages seconds."""
    told = [view_of(row, now).as_json() for row in rows]
    return {
        "at": now.isoformat(),
        "trades": dict(totals.trades),
        "outcomes": dict(totals.outcomes),
        "checks_due": totals.checks_due,
        "trunks": [{name: trunk[name] for name in _TOLD} for trunk in told],
    }


async def _unavailable(request: Request, _: Exception) -> Response:
    # What the database said is for the log: it may name files and hosts.
    if request.url.path == "/" or request.url.path.startswith("/trunks/"):
        return page("unavailable.html.j2", {"why": UNAVAILABLE}, status=503)
    return JSONResponse({"error": UNAVAILABLE}, status_code=503, headers=HEADERS)
