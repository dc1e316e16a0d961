"""List notifications: ``application/rlmi+xml`` in multipart/related (RFC 4662 section 5).

One subscription to a list brings the states of all its members: the first part says who they are, and
names for each of them the part that holds its state.
"""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.errors import SipSyntaxError
from shiftline.sip.multipart import Part, parse_multipart
from shiftline.sip.packages.xml_body import children, read_version, read_xml
from shiftline.sip.values import MediaType, essence_of

MEDIA_TYPE = "application/rlmi+xml"
OPTION_TAG = "eventlist"
"""What Supported must hold, or the PBX may not answer with a list (section 4.1)."""
MOST_ELEMENTS = 4_000
"""Two or three for each member: a longer list must come in several notifications."""
ACCEPT = ("multipart/related", MEDIA_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One instance of one resource. ``state`` is that of the list server's own subscription.

    It is "active", "pending" or "terminated", or None for a resource without an instance: nothing is
    known of it yet. ``content_type`` and ``body`` hold its state, when the notification carries it.
    """

    uri: str
    state: str | None = None
    reason: str | None = None
    content_type: str | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceList:
    """The members that a notification tells of: all of them when ``is_full``, else those that changed."""

    uri: str
    version: int
    is_full: bool
    members: tuple[Member, ...]


def parse_resource_list(body: bytes, content_type: str) -> ResourceList:
    """Read a list notification. Raises SipSyntaxError, and nothing else.

    A list within a list is not followed: its part is the state of a member like any other.
    """
    parts = parse_multipart(body, MediaType.parse(content_type))
    document = next(
        (part for part in parts if essence_of(part.headers.get("Content-Type")) == MEDIA_TYPE), None
    )
    if document is None:
        raise SipSyntaxError(f"No part of the list notification is {MEDIA_TYPE}.")
    root = read_xml(document.body, "list", most_elements=MOST_ELEMENTS)
    by_id = {part.content_id: part for part in parts if part.content_id is not None}
    members: list[Member] = []
    for resource in children(root, "resource"):
        uri = resource.get("uri", "")
        instances = list(children(resource, "instance"))
        if not instances:
            members.append(Member(uri=uri))
        for instance in instances:
            part = by_id.get(instance.get("cid", "").strip("<>"))
            members.append(_member(uri, instance.get("state"), instance.get("reason"), part))
    return ResourceList(
        uri=root.get("uri", ""),
        version=read_version(root.get("version")),
        is_full=root.get("fullState", "").strip().lower() in ("true", "1"),
        members=tuple(members),
    )


def _member(uri: str, state: str | None, reason: str | None, part: Part | None) -> Member:
    return Member(
        uri=uri,
        state=(state or "").lower() or None,
        reason=reason,
        content_type=part.headers.get("Content-Type") if part else None,
        body=part.body if part else b"",
    )
