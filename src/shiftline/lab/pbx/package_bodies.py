"""The bodies of the practice PBX's NOTIFYs, written from an agent's truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from shiftline.lab.pbx.agents import Truth

_PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>\n'
_BOUNDARY = "practice-pbx-part"


def presence_body(aor: str, truth: Truth, version: int) -> bytes:  # noqa: ARG001 - presence has no versions
    """PIDF (RFC 3863): closed without a phone, and on the phone during a call (RFC 4480)."""
    basic = "open" if truth.is_registered else "closed"
    activity = "<rpid:activities><rpid:on-the-phone/></rpid:activities>" if truth is Truth.BUSY else ""
    return (
        f'{_PROLOGUE}<presence xmlns="urn:ietf:params:xml:ns:pidf" '
        'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" '
        f'entity={quoteattr(aor)}><tuple id="phone"><status><basic>{basic}</basic></status></tuple>'
        f'<dm:person id="agent">{activity}</dm:person></presence>'
    ).encode()


def dialog_body(aor: str, truth: Truth, version: int) -> bytes:
    """dialog-info (RFC 4235): one confirmed call, or none, whether or not there is a phone."""
    call = (
        '<dialog id="call" direction="recipient"><state>confirmed</state></dialog>'
        if truth is Truth.BUSY
        else ""
    )
    return (
        f'{_PROLOGUE}<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version:d}" '
        f'state="full" entity={quoteattr(aor)}>{call}</dialog-info>'
    ).encode()


def registration_body(aor: str, truth: Truth, version: int) -> bytes:
    """reginfo (RFC 3680): one active contact, or an address that was never registered."""
    contact = (
        f'<contact id="phone" state="active" event="registered"><uri>{escape(aor)}</uri></contact>'
        if truth.is_registered
        else ""
    )
    state = "active" if truth.is_registered else "init"
    return (
        f'{_PROLOGUE}<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version:d}" state="full">'
        f'<registration aor={quoteattr(aor)} id="agent" state="{state}">{contact}</registration></reginfo>'
    ).encode()


BodyWriter = Callable[[str, Truth, int], bytes]
BODIES: Mapping[str, tuple[str, BodyWriter]] = MappingProxyType(
    {
        "presence": ("application/pidf+xml", presence_body),
        "dialog": ("application/dialog-info+xml", dialog_body),
        "reg": ("application/reginfo+xml", registration_body),
    }
)
"""The media type and the writer of each package the practice PBX has."""


def list_body(
    list_uri: str, members: Sequence[tuple[str, bytes | None]], media_type: str, version: int, *, full: bool
) -> tuple[str, bytes]:
    """Content-Type and body of a list notification (RFC 4662); a member with None has no state in it."""
    rows, parts = [], []
    for number, (uri, body) in enumerate(members):
        cid = f"member{number:d}@practice.pbx"
        instance = "" if body is None else f'<instance id="1" state="active" cid={quoteattr(cid)}/>'
        rows.append(f"<resource uri={quoteattr(uri)}>{instance}</resource>")
        if body is not None:
            parts.append(_part(cid, media_type, body))
    document = (
        f'{_PROLOGUE}<list xmlns="urn:ietf:params:xml:ns:rlmi" uri={quoteattr(list_uri)} '
        f'version="{version:d}" fullState="{"true" if full else "false"}">{"".join(rows)}</list>'
    ).encode()
    parts.insert(0, _part("list@practice.pbx", 'application/rlmi+xml;charset="UTF-8"', document))
    content_type = (
        f'multipart/related;type="application/rlmi+xml";start="<list@practice.pbx>";boundary="{_BOUNDARY}"'
    )
    return content_type, b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _part(cid: str, media_type: str, body: bytes) -> bytes:
    head = (
        f"--{_BOUNDARY}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{cid}>\r\n"
        f"Content-Type: {media_type}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n"
