"""Agents, their addresses and their working hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.connector.records import AgentProfile, WorkingHours
from shiftline.store.rows import among, insert_rows, recordset
from shiftline.store.schema import agent, working_hours


class PostgresRoster:
    """The roster of one WFM."""

    def __init__(self, connection: AsyncConnection, wfm: str) -> None:
        self._connection = connection
        self._wfm = wfm

    async def save(
        self, profiles: Sequence[AgentProfile], hours: Sequence[WorkingHours], asked: Sequence[str]
    ) -> None:
        """Upsert profiles; ``hours`` are all that those ``asked`` about have: others of theirs are gone."""
        if profiles:
            await self._save_profiles(profiles)
        if asked:
            await self._replace_hours(hours, asked)

    async def unknown(self, agents: Sequence[str]) -> list[str]:
        """Those of ``agents`` for which no profile is stored, in their order."""
        known = await self._connection.scalars(
            select(agent.c.external_id).where(agent.c.wfm == self._wfm, among(agent.c.external_id, agents))
        )
        unknown = dict.fromkeys(agents)
        for name in known:
            del unknown[name]
        return [*unknown]

    async def addresses(self, agents: Sequence[str]) -> dict[str, str]:
        """SIP URIs of those agents that have one."""
        rows = await self._connection.execute(
            select(agent.c.external_id, agent.c.address).where(
                agent.c.wfm == self._wfm, among(agent.c.external_id, agents), agent.c.address.is_not(None)
            )
        )
        return {row.external_id: row.address for row in rows}

    async def served(self, agents: Sequence[str]) -> dict[str, tuple[str, str]]:
        """(SIP URI, trunk) of those agents whose address a trunk serves."""
        rows = await self._connection.execute(
            select(agent.c.external_id, agent.c.address, agent.c.trunk).where(
                agent.c.wfm == self._wfm, among(agent.c.external_id, agents), agent.c.trunk.is_not(None)
            )
        )
        return {row.external_id: (row.address, row.trunk) for row in rows}

    async def assign(self, trunk_of: Callable[[str], str | None]) -> int:
        """Note for every known address which trunk serves it now; return how many moved."""
        known = await self._connection.execute(
            select(agent.c.external_id, agent.c.address, agent.c.trunk)
            .where(agent.c.wfm == self._wfm, agent.c.address.is_not(None))
            .order_by(agent.c.external_id.collate("C"))  # as `save` does: two writers never deadlock
            .with_for_update()
        )
        moved = [
            {"external_id": row.external_id, "trunk": trunk}
            for row in known
            if (trunk := trunk_of(row.address)) != row.trunk
        ]
        if moved:
            incoming = recordset(moved, agent.c.external_id, agent.c.trunk)
            await self._connection.execute(
                update(agent)
                .where(agent.c.wfm == self._wfm, agent.c.external_id == incoming.c.external_id)
                .values(trunk=incoming.c.trunk)
            )
        return len(moved)

    async def without_address(self) -> list[AgentProfile]:
        """Agents that cannot be checked."""
        rows = await self._connection.execute(
            select(agent.c.external_id, agent.c.name, agent.c.address, agent.c.trunk)
            .where(agent.c.wfm == self._wfm, agent.c.address.is_(None))
            .order_by(agent.c.external_id)
        )
        return [AgentProfile(**row) for row in rows.mappings()]

    async def _save_profiles(self, profiles: Sequence[AgentProfile]) -> None:
        newest = {profile.external_id: profile for profile in profiles}
        statement = insert_rows(
            agent,
            [
                {
                    "wfm": self._wfm,
                    "external_id": name,
                    "name": profile.name,
                    "address": profile.address,
                    "trunk": profile.trunk,
                }
                # In one order everywhere, so that two savers wait for each other instead of deadlocking.
                for name, profile in sorted(newest.items())
            ],
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[agent.c.wfm, agent.c.external_id],
                set_={field: statement.excluded[field] for field in ("name", "address", "trunk")},
            )
        )

    async def _replace_hours(self, hours: Sequence[WorkingHours], asked: Sequence[str]) -> None:
        await self._connection.execute(
            delete(working_hours).where(
                working_hours.c.wfm == self._wfm,
                among(working_hours.c.agent, {*asked}),
            )
        )
        rows = [
            {"wfm": self._wfm, "agent": shift.agent, "starts_at": shift.starts_at, "ends_at": shift.ends_at}
            for shift in hours
        ]
        if rows:
            await self._connection.execute(insert_rows(working_hours, rows))
