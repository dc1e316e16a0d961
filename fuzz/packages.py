"""Bodies of the event packages; the first byte chooses the package, the first line of a list is its type."""

from __future__ import annotations

from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.catalogue import PACKAGES, PackageState, parse_state
from shiftline.sip.packages.dialog_info import DialogInfo
from shiftline.sip.packages.registration_info import RegistrationInfo
from shiftline.sip.packages.resource_list import MOST_ELEMENTS, parse_resource_list
from shiftline.sip.packages.xml_body import MOST_ELEMENTS as MOST_IN_ONE

_KINDS = (*PACKAGES.values(), None)


def one(data: bytes) -> None:
    """A value within its bounds, or a SipSyntaxError; what is told twice changes nothing."""
    package, body = _KINDS[data[0] % len(_KINDS) if data else 0], data[1:]
    try:
        if package is None:
            _list(body)
        elif (state := parse_state(package, package.media_type, body)) is not None:
            _state(state)
    except SipSyntaxError:
        return


def _list(body: bytes) -> None:
    line, _, rest = body.partition(b"\n")
    found = parse_resource_list(rest, line.decode(errors="surrogateescape"))
    assert len(found.members) <= MOST_ELEMENTS
    assert all(len(member.body) <= len(rest) for member in found.members)
    for member in found.members:
        for package in PACKAGES.values():
            try:
                parse_state(package, member.content_type, member.body)
            except SipSyntaxError:
                continue


def _state(state: PackageState) -> None:
    if isinstance(state, DialogInfo):
        assert len(state.live) <= len(state.dialogs) <= MOST_IN_ONE
        assert state.updated_by(state) == state
    elif isinstance(state, RegistrationInfo):
        assert sum(1 + len(one.contacts) for one in state.registrations) <= MOST_IN_ONE
        assert state.updated_by(state) == state
    else:
        assert len(state.tuples) + len(state.activities) <= MOST_IN_ONE
        assert not (state.is_open and state.is_closed)
