"""What a list subscription says about its members, notification by notification."""

from __future__ import annotations

from shiftline.connector.package_reading import GENERIC, read_ending, reading_of
from shiftline.connector.reading import Reading
from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.catalogue import Package, PackageState, parse_state
from shiftline.sip.packages.dialog_info import DialogInfo
from shiftline.sip.packages.registration_info import RegistrationInfo
from shiftline.sip.packages.resource_list import Member, ResourceList
from shiftline.trades.model import EvidenceKind

_UNREADABLE = Reading(EvidenceKind.UNVERIFIABLE, "message.malformed")


class ListReading:
    """Keeps the last state of each member, because a document may tell of changes only.

    One per subscription: a new one counts its documents anew.
    """

    def __init__(self, package: Package, family: str = GENERIC, *, absence_shows: bool = False) -> None:
        """See `shiftline.connector.package_reading.reading_of`."""
        self._package = package
        self._family = family
        self._absence_shows = absence_shows
        self._known: dict[str, PackageState] = {}

    def take(self, told: ResourceList) -> dict[str, Reading]:
        """Return what the notification says, by the member's URI.

        A member of whom the list server knows nothing yet is left out.
        """
        return {member.uri: found for member in told.members if (found := self._read(member)) is not None}

    def _read(self, member: Member) -> Reading | None:
        if member.state is None:
            return None
        ended = read_ending(member.state, member.reason)
        if ended is not None:
            self._known.pop(member.uri, None)
            return ended
        try:
            state = parse_state(self._package, member.content_type, member.body)
        except SipSyntaxError:
            return _UNREADABLE
        if state is None and member.uri in self._known:
            return None  # the instance is named again without a new state
        state = self._updated(member.uri, state)
        return reading_of(self._package, state, self._family, absence_shows=self._absence_shows)

    def _updated(self, uri: str, later: PackageState | None) -> PackageState | None:
        """The state after ``later``; None, which says nothing, when what came before it was lost."""
        state = _merged(self._known.pop(uri, None), later)
        if state is not None:
            self._known[uri] = state
        return state


def _merged(before: PackageState | None, later: PackageState | None) -> PackageState | None:
    if not isinstance(later, DialogInfo | RegistrationInfo) or later.is_full:
        return later
    if isinstance(later, DialogInfo):
        return before.updated_by(later) if isinstance(before, DialogInfo) else None
    return before.updated_by(later) if isinstance(before, RegistrationInfo) else None
