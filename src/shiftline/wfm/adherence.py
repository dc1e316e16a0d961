"""The adherence feed: presence, routing status and more of up to 100 agents in one call (section 3.3).

Its calls are none of shift trading: they take from the general 300 a minute of the token (section 7.2),
of which they get a share of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import RootModel

from shiftline.clock import Clock
from shiftline.connector.reading import Reading
from shiftline.connector.records import PLATFORM_BATCH
from shiftline.errors import ForbiddenError, MisuseError, NotSentError
from shiftline.trades.model import PLATFORM, Evidence, EvidenceKind
from shiftline.wfm.api import GenesysApi
from shiftline.wfm.jobs import Reserve
from shiftline.wfm.presence import CONTRADICTION, NO_WORD, Shown, read_presence
from shiftline.wfm.tolerance import Moment, Readable
from shiftline.wfm.wire import Reference, Wire

PATH = "/api/v2/workforcemanagement/adherence"
PERMISSION = "wfm:realtimeAdherence:view"
LONGEST_WORDS = 80
"""Characters that are kept of what the platform said: enough for all its states, and no more."""


class UserAdherence(Wire):
    """A `UserScheduleAdherence`, as far as it says where the agent is."""

    user: Reference
    system_presence: str | None = None
    routing_status: str | None = None
    is_out_of_office: bool | None = None
    presence_update_time: Moment | None = None
    removed_from_management_unit: bool | None = None


class Adherences(RootModel[Readable[UserAdherence]]):
    """The whole answer: a bare list. An agent whose entry cannot be read is as one who is not in it."""


class AdherenceFeed:
    """Asks the platform about agents. ``reserve`` takes a call from the feed's own budget."""

    def __init__(self, api: GenesysApi, *, clock: Clock, reserve: Reserve) -> None:
        self._api = api
        self._clock = clock
        self._reserve = reserve

    async def ask(self, agents: Sequence[str]) -> list[Evidence]:
        """Return one evidence for each of at most `PLATFORM_BATCH` agents, as old as the answer is.

        Raises NotSentError when the budget is spent, ForbiddenError when the permission is missing.
        """
        if len(agents) > PLATFORM_BATCH:
            raise MisuseError(f"The platform was asked about {len(agents)} agents at once.")
        if not agents:
            return []
        await self._api.ready()
        wait_seconds = await self._reserve()
        if wait_seconds > 0:
            raise NotSentError(
                f"The budget of adherence calls is spent for {wait_seconds:.1f} s.",
                retry_after_seconds=wait_seconds,
            )
        try:
            answer, age_seconds = await self._api.get_aged(PATH, Adherences, {"userId": list(agents)})
        except ForbiddenError as error:
            raise ForbiddenError(
                f"The OAuth client may not read the adherence feed: it lacks {PERMISSION}. {error.message}",
                remedy=f"Give its role {PERMISSION}, for the divisions of the business unit, "
                "or set policy.platform_fallback = false.",
            ) from error
        true_at = self._clock().astimezone(UTC) - timedelta(seconds=age_seconds)
        return evidence_of(agents, answer.root, true_at)


def evidence_of(agents: Sequence[str], shown: Sequence[UserAdherence], true_at: datetime) -> list[Evidence]:
    """Translate an answer: one evidence an agent, whatever is missing, doubled or unasked for in it."""
    entries: dict[str, list[UserAdherence]] = {agent: [] for agent in agents}
    for entry in shown:
        if entry.user.id in entries and not entry.removed_from_management_unit:
            entries[entry.user.id].append(entry)
    return [_evidence(agent, found, true_at) for agent, found in entries.items()]


def _evidence(agent: str, entries: Sequence[UserAdherence], true_at: datetime) -> Evidence:
    readings = {read_presence(_shown(entry), true_at) for entry in entries}
    if len(readings) == 1:
        (reading,) = readings
    else:
        # Not shown: not in a management unit that this client may see, or illegible.
        reading = Reading(EvidenceKind.UNVERIFIABLE, CONTRADICTION if readings else NO_WORD)
    return Evidence(
        agent=agent,
        kind=reading.kind,
        method=PLATFORM,
        taken_at=true_at,
        cause=reading.cause,
        said=" | ".join(dict.fromkeys(map(_words, entries)))[:LONGEST_WORDS] or None,
    )


def _shown(entry: UserAdherence) -> Shown:
    return Shown(
        presence=entry.system_presence or "",
        routing=entry.routing_status or "",
        out_of_office=bool(entry.is_out_of_office),
        since=entry.presence_update_time,
    )


def _words(entry: UserAdherence) -> str:
    """The states as the platform wrote them; of nonsense, only what can be printed."""
    words = (
        entry.system_presence or "no presence",
        entry.routing_status or "no routing status",
        *(("out of office",) if entry.is_out_of_office else ()),
    )
    return "".join(filter(str.isprintable, ", ".join(words)))
