"""Evidence goes into the books in one way, whoever brought it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import Insert, insert

from shiftline.connector.records import Lease
from shiftline.store.leases import holds
from shiftline.store.rows import recordset
from shiftline.store.schema import evidence as evidence_row
from shiftline.trades.model import Evidence


def insert_evidence(wfm: str, trunk: str, lease: Lease, evidence: Sequence[Evidence]) -> Insert:
    """INSERT of ``evidence`` (at least one), which does nothing if the lease has passed on."""
    rows = [
        {
            "wfm": wfm,
            "trunk": trunk,
            "agent": found.agent,
            "kind": found.kind,
            "method": found.method,
            "taken_at": found.taken_at,
            "cause": found.cause,
            "status": found.status,
            "said": found.said,
        }
        for found in evidence
    ]
    columns = [evidence_row.c[name] for name in rows[0]]
    return insert(evidence_row).from_select(
        columns, select(recordset(rows, *columns)).where(exists().where(holds(lease)))
    )
