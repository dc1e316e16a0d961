"""What is known about trunks, by (trunk, source address, auth user)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, delete, exists, false, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, array, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import Lease, TrunkKey, TrunkRecord, TrunkSample
from shiftline.connector.sampling import KEEP_SAMPLES
from shiftline.store.audit import AuditEntry, add_entries
from shiftline.store.leases import holds
from shiftline.store.schema import trunk_record, trunk_sample

_FORGIVEN = {
    "strikes": 0,
    "locks": 0,
    "proven": False,
    "check_in": None,
    "login_in": None,
    "rearmed": True,
}
_BARRED = array(["qualification", "barred"])
"""Where the methods stand that had our credentials refused and rest for a while."""
KEY = (trunk_record.c.trunk, trunk_record.c.source, trunk_record.c.auth_user)


class PostgresTrunks:
    """Trunk knowledge, shared by all WFMs of a database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def load(self, key: TrunkKey) -> TrunkRecord | None:
        """The last saved record, locked until this unit of work ends."""
        found = await self._connection.execute(
            select(
                trunk_record.c.governor,
                trunk_record.c.disarmed_cause,
                trunk_record.c.disarmed_at,
                trunk_record.c.saved_at,
            )
            .where(_is(key))
            .with_for_update()
        )
        row = found.mappings().one_or_none()
        return None if row is None else TrunkRecord(**row)

    async def troubles(self, keys: Collection[TrunkKey]) -> dict[str, str]:
        """What is wrong with those of these trunks that are in trouble, by the trunk's name."""
        if not keys:
            return {}
        trouble = trunk_record.c.governor["trouble"].astext.label("trouble")
        found = await self._connection.execute(
            select(trunk_record.c.trunk, trouble).where(
                or_(*(_is(key) for key in keys)), func.coalesce(trouble, "") != ""
            )
        )
        return {row.trunk: row.trouble for row in found}

    async def save(self, key: TrunkKey, lease: Lease, governor: Mapping[str, Any], now: datetime) -> bool:
        """Keep the governor's state (plain JSON values); never touches the disarmed mark.

        False, and nothing is kept, if the lease has passed on: a worker that was paused does not know yet.
        """
        values = {**_identity(key), "governor": dict(governor), "saved_at": now}
        columns = [trunk_record.c[name] for name in values]
        ours = select(*(literal(values[column.name], column.type) for column in columns)).where(
            exists().where(holds(lease))
        )
        statement = insert(trunk_record).from_select(columns, ours)
        kept = await self._connection.scalar(
            statement.on_conflict_do_update(
                index_elements=KEY,
                set_={"governor": statement.excluded.governor, "saved_at": statement.excluded.saved_at},
            ).returning(trunk_record.c.id)
        )
        return kept is not None

    async def sample(
        self, key: TrunkKey, sample: TrunkSample, *, decided: Sequence[TrunkSample] = ()
    ) -> None:
        """Add a point to the time series of a trunk that was saved, and class those that are decided now.

        What is too old is forgotten, that of trunks without a worker too, and what lies ahead of this one
        after the clock was set back: it would never age.
        """
        record = select(trunk_record.c.id).where(_is(key)).scalar_subquery()
        too_old = sample.at - KEEP_SAMPLES
        unused = select(trunk_record.c.id).where(trunk_record.c.saved_at <= too_old)
        for forgotten in (
            (
                trunk_sample.c.trunk_record_id == record,
                or_(trunk_sample.c.at <= too_old, trunk_sample.c.at >= sample.at),
            ),
            (trunk_sample.c.trunk_record_id.in_(unused), trunk_sample.c.at <= too_old),
        ):
            await self._connection.execute(delete(trunk_sample).where(*forgotten))
        await self._connection.execute(insert(trunk_sample).values(trunk_record_id=record, **asdict(sample)))
        for earlier in decided:
            await self._connection.execute(
                update(trunk_sample)
                .where(trunk_sample.c.trunk_record_id == record, trunk_sample.c.at == earlier.at)
                .values(refusal=earlier.refusal)
            )

    async def disarm(self, key: TrunkKey, cause: str, now: datetime) -> None:
        """Stop all checks on this trunk until somebody re-arms it; the first cause stays."""
        statement = insert(trunk_record).values(
            **_identity(key), governor={}, saved_at=now, disarmed_cause=cause, disarmed_at=now
        )
        newly = await self._connection.scalar(
            statement.on_conflict_do_update(
                index_elements=KEY,
                set_={"disarmed_cause": cause, "disarmed_at": now},
                where=trunk_record.c.disarmed_at.is_(None),
            ).returning(trunk_record.c.id)
        )
        if newly is not None:
            entry = AuditEntry(kind="trunk.disarmed", detail={**_identity(key), "cause": cause})
            await add_entries(self._connection, [entry], now)

    async def note(self, key: TrunkKey, kind: str, now: datetime) -> None:
        """Write an audit entry about this trunk."""
        await add_entries(self._connection, [AuditEntry(kind=kind, detail=_identity(key))], now)

    async def rearm(self, trunk: str, now: datetime) -> int:
        """Lift the mark on every key of this trunk, with what led to it; return how many were lifted."""
        lifted = await self._connection.execute(
            update(trunk_record)
            .where(trunk_record.c.trunk == trunk, trunk_record.c.disarmed_at.is_not(None))
            .values(
                disarmed_cause=None,
                disarmed_at=None,
                governor=func.jsonb_set(
                    trunk_record.c.governor.op("||")(cast(_FORGIVEN, JSONB)),
                    _BARRED,
                    cast({}, JSONB),
                    false(),
                ),
            )
            .returning(*KEY)
        )
        entries = [AuditEntry(kind="trunk.rearmed", detail=dict(row)) for row in lifted.mappings()]
        await add_entries(self._connection, entries, now)
        return len(entries)


def _is(key: TrunkKey) -> ColumnElement[bool]:
    return and_(*(trunk_record.c[name] == value for name, value in _identity(key).items()))


def _identity(key: TrunkKey) -> dict[str, str]:
    return {"trunk": key.trunk, "source": key.source, "auth_user": key.user}
