"""What all pages share: their templates, headers, and how they word things."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from shiftline.pictures.style import stylesheet
from shiftline.store.trunk_view import NOTHING_PASSES, REFUSALS_IN_WORDS, age_in_words

REFRESH_SECONDS = 5
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def _utc(moment: datetime | str) -> str:
    """A moment to the second."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _utc_time(moment: datetime) -> str:
    """The time of day alone, beside an age."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("shiftline.web"),
    auto_reload=False,
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "age": age_in_words,
    "utc": _utc,
    "utc_time": _utc_time,
    "path": lambda name: quote(name, safe=""),
}
_ENVIRONMENT.globals |= {
    "chart_style": stylesheet(),
    "refresh_seconds": REFRESH_SECONDS,
    "refusals_in_words": REFUSALS_IN_WORDS,
    "nothing_passes": NOTHING_PASSES,
}


def page(name: str, seen: Mapping[str, Any], *, status: int = 200) -> Response:
    """A page from its template."""
    text = _ENVIRONMENT.get_template(name).render(**seen)
    return HTMLResponse(text, status_code=status, headers=HEADERS)
