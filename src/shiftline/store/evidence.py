"""Evidence goes into the books in one way, whoever brought it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, func, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert

from shiftline.connector.records import Lease
from shiftline.store.leases import holds
from shiftline.store.rows import recordset
from shiftline.store.schema import agent
from shiftline.store.schema import evidence as evidence_row
from shiftline.trades.model import Evidence


def insert_evidence(wfm: str, lease: Lease, evidence: Sequence[Evidence], trunk: str | None = None) -> Insert:
    """INSERT of ``evidence`` (at least one), which does nothing if the lease has passed on.

    Without ``trunk``, the one that serves the agent.
    """
    rows = [
        {
            "wfm": wfm,
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
    incoming = recordset(rows, *columns)
    serving = (
        select(agent.c.trunk)
        .where(agent.c.wfm == wfm, agent.c.external_id == incoming.c.agent)
        .scalar_subquery()
    )
    over = func.coalesce(serving, "") if trunk is None else literal(trunk)
    return insert(evidence_row).from_select(
        [*columns, evidence_row.c.trunk], select(incoming, over).where(exists().where(holds(lease)))
    )
