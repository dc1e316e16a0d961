"""The event packages we subscribe to, by the names of the Event header."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.packages import dialog_info, presence, registration_info
from shiftline.sip.packages.dialog_info import DialogInfo
from shiftline.sip.packages.presence import Presence
from shiftline.sip.packages.registration_info import RegistrationInfo
from shiftline.sip.values import essence_of

PackageState = DialogInfo | Presence | RegistrationInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What an event package brings. ``media_type`` is the one body that we accept."""

    name: str
    media_type: str
    parse: Callable[[bytes], PackageState]


PACKAGES: Mapping[str, Package] = MappingProxyType(
    {
        package.name: package
        for package in (
            Package(name="dialog", media_type=dialog_info.MEDIA_TYPE, parse=dialog_info.parse_dialog_info),
            Package(name="presence", media_type=presence.MEDIA_TYPE, parse=presence.parse_presence),
            Package(
                name="reg",
                media_type=registration_info.MEDIA_TYPE,
                parse=registration_info.parse_registration_info,
            ),
        )
    }
)


def package_of(name: str) -> Package:
    """The package of this name. Raises MisuseError for one that we do not know."""
    package = PACKAGES.get(name)
    if package is None:
        raise MisuseError(
            f"There is no event package {name!r} here.", remedy=f"Use one of {', '.join(PACKAGES)}."
        )
    return package


def parse_state(package: Package, content_type: str | None, body: bytes) -> PackageState | None:
    """Read the body of a NOTIFY; None when it has none. Raises SipSyntaxError, and nothing else."""
    if not body:
        return None
    written = essence_of(content_type)
    if written != package.media_type:
        raise SipSyntaxError(f"The body is {written[:80]!r}, and we asked for {package.media_type}.")
    return package.parse(body)
