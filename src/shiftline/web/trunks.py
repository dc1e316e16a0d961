"""Each trunk by itself: ``/trunks/NAME`` and ``/api/trunks``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shiftline.clock import Clock
from shiftline.connector.records import TrunkKey, TrunkSample
from shiftline.store.read_model import ReadModel
from shiftline.store.trunk_view import TrunkView, samples_as_json, view_of
from shiftline.web.pages import HEADERS, page
from shiftline.web.trunk_chart import NARROW, SPANS, WIDE, Span, refused_by_class, trunk_chart

Series = Mapping[TrunkKey, Sequence[TrunkSample]]


def routes(books: ReadModel, clock: Clock) -> list[Route]:
    """The routes of single trunks."""

    async def listed(_: Request) -> Response:
        now = clock()
        found = [view_of(row, now).as_json() for row in await books.trunks()]
        return JSONResponse({"at": now.isoformat(), "trunks": found}, headers=HEADERS)

    async def one(request: Request) -> Response:
        span, now = _span(request), clock()
        views, series = await _look(books, request.path_params["name"], span, now)
        if not views:
            return JSONResponse({"error": UNKNOWN}, status_code=404, headers=HEADERS)
        found = [view.as_json() | {"samples": samples_as_json(of(series, view))} for view in views]
        return JSONResponse(
            {"at": now.isoformat(), "minutes": span.minutes, "records": found}, headers=HEADERS
        )

    async def shown(request: Request) -> Response:
        span, now, name = _span(request), clock(), request.path_params["name"]
        views, series = await _look(books, name, span, now)
        if not views:
            return page("trunk.html.j2", {"name": name, "unknown": UNKNOWN}, status=404)
        records = [
            {
                "trunk": view,
                "charts": charts(view, of(series, view), span, now, key=f"trunk-{index}", hints=True),
                "refused_by_class": refused_by_class(of(series, view)),
            }
            for index, view in enumerate(views)
        ]
        seen = {"name": name, "at": now, "records": records, "span": span, "spans": SPANS}
        return page("trunk.html.j2", seen)

    return [
        Route("/api/trunks", listed),
        Route("/api/trunks/{name:path}", one),
        Route("/trunks/{name:path}", shown),
    ]


UNKNOWN = "Nothing is known about a trunk of this name: no worker has run with it."


def charts(
    view: TrunkView,
    samples: Sequence[TrunkSample],
    span: Span,
    now: datetime,
    *,
    key: str,
    hints: bool = False,
) -> list[Mapping[str, Any]]:
    """The same chart for a wide and for a narrow page; the page shows what fits. None without samples."""
    if not samples:
        return []
    drawn = (("wide", WIDE, hints), ("narrow", NARROW, False))
    return [
        {
            "page": name,
            "svg": trunk_chart(
                view, samples, span, now, key=f"{key}-{name}", width=width, hints=hint
            ).markup(),
        }
        for name, width, hint in drawn
    ]


async def _look(books: ReadModel, name: str, span: Span, now: datetime) -> tuple[list[TrunkView], Series]:
    """The records of a trunk, the newest first, and their series."""
    views = [view_of(row, now) for row in await books.trunks(name)]
    series = await books.trunk_samples(now - span.length, trunk=name, bucket_seconds=span.bucket_seconds)
    return sorted(views, key=lambda view: view.saved_at, reverse=True), series


def of(series: Series, view: TrunkView) -> Sequence[TrunkSample]:
    return series.get(view.key, ())


def _span(request: Request) -> Span:
    """The span that was asked for by its minutes; any other wish gets the shortest."""
    wish = request.query_params.get("minutes")
    return next((span for span in SPANS if str(span.minutes) == wish), SPANS[0])
