"""What a list subscription says about its members, notification by notification, and when that counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from shiftline.connector.package_reading import BLIND, GENERIC, read_ending, reading_of
from shiftline.connector.qualification import (
    NO_CONTROLS,
    ControlAnswer,
    Qualification,
    QualificationState,
    qualify,
)
from shiftline.connector.reading import Reading
from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.catalogue import Package, PackageState, parse_state
from shiftline.sip.packages.dialog_info import DialogInfo
from shiftline.sip.packages.registration_info import RegistrationInfo
from shiftline.sip.packages.resource_list import Member, ResourceList
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

_UNREADABLE = Reading(EvidenceKind.UNVERIFIABLE, "message.malformed")
_CHANGE_OF_THE_UNKNOWN = Reading(EvidenceKind.UNVERIFIABLE, BLIND)


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
        updated = self._updated(member.uri, state)
        if state is not None and updated is None:
            return _CHANGE_OF_THE_UNKNOWN
        return reading_of(self._package, updated, self._family, absence_shows=self._absence_shows)

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


_NOT_BOTH = Qualification(
    state=QualificationState.UNKNOWN, why="The list does not say how both controls are."
)
AgentKey = tuple[str | None, str]


class ListedAgents:
    """How the members of a list are at present, and whether the list tells the present from the absent.

    One per subscription. Only a state that was told counts: nobody is absent because the list does not
    say how he is. What is proven about the list follows the states of the two controls.
    """

    def __init__(self, package: Package, controls: tuple[str, str] | None, family: str = GENERIC) -> None:
        """``controls`` are SIP URIs: the present one, the absent one; without them nothing is proven."""
        self._reading = ListReading(package, family, absence_shows=True)
        self._controls = controls
        self.qualification = NO_CONTROLS if controls is None else _NOT_BOTH
        """What the controls show now; both must be members."""
        self._version: int | None = None
        self._answers: dict[AgentKey, ControlAnswer | None] = {}
        self._several: set[AgentKey] = set()

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def known(self) -> int:
        """Of how many members a state is known."""
        return sum(answer is not None for answer in self._answers.values())

    @property
    def is_complete(self) -> bool:
        """Whether the list has told of each of its members."""
        return bool(self._answers) and self.known == len(self._answers)

    def take(self, told: ResourceList, now: datetime) -> None:
        """Take in a notification. After a gap all is forgotten until full state (RFC 4662 section 5.2)."""
        names = Counter(key for one in told.members if (key := _key_of(one.uri)) is not None)
        if told.is_full:
            self._several.clear()
            self._answers = {key: self._answers.get(key) for key in names}
        elif self._version is None or told.version != self._version + 1:
            self._answers.clear()
        self._version = told.version
        # Two instances are two states of one agent: which of them counts is not for us to say.
        self._several |= {key for key, count in names.items() if count > 1}
        self._answers |= {key: None for key in names if key not in self._answers or key in self._several}
        spoken = tuple(one for one in told.members if one.body or one.state in ("pending", "terminated"))
        over = {one.uri for one in spoken if one.state == "terminated"}
        self._answers |= {key: None for uri in over if (key := _key_of(uri)) is not None}
        for uri, reading in self._reading.take(replace(told, members=spoken)).items():
            key = _key_of(uri)
            is_current = uri not in over or reading.kind is EvidenceKind.UNKNOWN_USER
            if key is not None and key not in self._several and is_current:
                self._answers[key] = ControlAnswer(at=now, reading=reading)
        self.qualification = self._shown()

    def reading_of(self, address: str) -> Reading | None:
        """How this agent is; None for all that must be asked of the agent himself."""
        answer = self._answer_of(address)
        if answer is None or answer.reading.kind is EvidenceKind.UNVERIFIABLE:
            return None
        return answer.reading if self.qualification.state is QualificationState.QUALIFIED else None

    @property
    def members(self) -> list[str]:
        """Their SIP URIs, in the list's order."""
        return [str(SipUri(user=user, host=host)) for user, host in self._answers]

    def told_of(self, address: str) -> Reading | None:
        """What the list says of this agent, whatever that is worth; None when it says nothing."""
        answer = self._answer_of(address)
        return None if answer is None else answer.reading

    def _shown(self) -> Qualification:
        if self._controls is None:
            return NO_CONTROLS
        present, absent = map(self._answer_of, self._controls)
        return _NOT_BOTH if present is None or absent is None else qualify(present, absent)

    def _answer_of(self, address: str) -> ControlAnswer | None:
        key = _key_of(address)
        return None if key is None else self._answers.get(key)


def _key_of(text: str) -> AgentKey | None:
    """User and host: lists and rosters differ in port and parameters of one and the same address."""
    try:
        uri = SipUri.parse(text)
    except SipSyntaxError:
        return None
    return uri.user, uri.host.lower()
