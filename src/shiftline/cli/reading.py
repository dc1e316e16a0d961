"""How the verbs that only look reach the books."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shiftline.config import load_settings

if TYPE_CHECKING:
    from shiftline.store.read_model import ReadModel

Answer = TypeVar("Answer")


def read_books(path: Path, question: Callable[[ReadModel], Awaitable[Answer]]) -> Answer:
    """Open the configured database, ask, close."""
    from shiftline.store.database import open_database
    from shiftline.store.read_model import ReadModel

    settings = load_settings(path)

    async def ask() -> Answer:
        async with open_database(settings.database.url or None, settings.data_directory()) as engine:
            return await question(ReadModel(engine))

    return asyncio.run(ask())
