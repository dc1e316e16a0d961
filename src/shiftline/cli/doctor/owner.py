"""Whether a worker has the trunk that the doctor is to examine (docs/explanation/lanes.md, decision 3)."""

from __future__ import annotations

from shiftline.config import Settings
from shiftline.errors import UnavailableError


async def worker_of(settings: Settings, trunk: str) -> str:
    """The worker that owns the trunk now, as HOST:PID; empty: none, or no database that runs."""
    from shiftline.store.database import open_engine
    from shiftline.store.embedded import EmbeddedPostgres
    from shiftline.store.read_model import ReadModel

    url = settings.database.url
    if not url:
        server = EmbeddedPostgres(settings.data_directory())
        if not server.status().ready:
            return ""
        url = server.url
    try:
        engine = await open_engine(url)
    except UnavailableError:
        return ""  # nobody can own a trunk without its database
    try:
        rows = await ReadModel(engine).trunks(trunk)
    finally:
        await engine.dispose()
    return next((row.owner for row in rows if row.owner), "")
