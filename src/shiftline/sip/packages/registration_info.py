"""``application/reginfo+xml``: the registrations of an address of record (RFC 3680)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shiftline.sip.packages.partial import read_completeness, read_word, updated
from shiftline.sip.packages.xml_body import child_text, children, read_version, read_xml

MEDIA_TYPE = "application/reginfo+xml"


class AddressState(StrEnum):
    """The state of an address of record (section 3.1)."""

    INIT = "init"
    ACTIVE = "active"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredContact:
    """One binding. ``event`` says what happened last: "registered", "refreshed", "expired" and others."""

    contact_id: str
    uri: str
    is_active: bool
    event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredAddress:
    """One address of record with the contacts that the document tells of."""

    aor: str
    registration_id: str
    state: AddressState
    contacts: tuple[RegisteredContact, ...] = ()

    @property
    def has_active_contact(self) -> bool:
        """Whether a phone can be reached through this address."""
        return self.state is AddressState.ACTIVE and any(contact.is_active for contact in self.contacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationInfo:
    """The registrations of a document: all of them when ``is_full``, else those that changed."""

    version: int
    is_full: bool
    registrations: tuple[RegisteredAddress, ...]

    def updated_by(self, later: RegistrationInfo) -> RegistrationInfo | None:
        """What is known after ``later``; None when a document between was lost (section 5.1)."""

        def merged() -> RegistrationInfo:
            known = {one.registration_id: one for one in self.registrations}
            for one in later.registrations:
                before = known.get(one.registration_id)
                known[one.registration_id] = _with_contacts(before, one) if before else one
            return replace(later, is_full=True, registrations=tuple(known.values()))

        return updated(self, later, merged)


def _with_contacts(before: RegisteredAddress, later: RegisteredAddress) -> RegisteredAddress:
    contacts = {contact.contact_id: contact for contact in (*before.contacts, *later.contacts)}
    return replace(later, contacts=tuple(contacts.values()))


def parse_registration_info(body: bytes) -> RegistrationInfo:
    """Read a document. Raises SipSyntaxError, and nothing else."""
    root = read_xml(body, "reginfo")
    registrations = []
    for element in children(root, "registration"):
        contacts = tuple(
            RegisteredContact(
                contact_id=contact.get("id", ""),
                uri=child_text(contact, "uri") or "",
                is_active=contact.get("state", "").lower() == "active",
                event=contact.get("event"),
            )
            for contact in children(element, "contact")
        )
        registrations.append(
            RegisteredAddress(
                aor=element.get("aor", ""),
                registration_id=element.get("id", ""),
                state=read_word(AddressState, element.get("state")),
                contacts=contacts,
            )
        )
    return RegistrationInfo(
        version=read_version(root.get("version")),
        is_full=read_completeness(root),
        registrations=tuple(registrations),
    )
