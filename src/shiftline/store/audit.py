"""The audit trail: entries are added in the transaction of what they tell, and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.store.rows import insert_rows
from shiftline.store.schema import audit_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What happened: ``kind`` is a stable word such as ``decision.approve``; no secret in ``detail``."""

    kind: str
    detail: Mapping[str, Any]
    trade_id: int | None = None


async def add_entries(connection: AsyncConnection, entries: Sequence[AuditEntry], now: datetime) -> None:
    """Append ``entries``."""
    if entries:
        rows = [
            {"recorded_at": now, "kind": entry.kind, "trade_id": entry.trade_id, "detail": entry.detail}
            for entry in entries
        ]
        await connection.execute(insert_rows(audit_entry, rows))
