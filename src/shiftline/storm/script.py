"""What a flow does, step by step: the methods storm knows, as scripts; a SIPp scenario becomes one too.

A flow ends with the last step's answer, or with the first answer that its step does not expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """The kinds of flow that need no scenario file."""

    REGISTER = "register"
    """Bind a contact."""
    QUERY = "query"
    """REGISTER without Contact: ask for the bindings, change nothing (RFC 3261 section 10.2.3)."""
    OPTIONS = "options"
    SUBSCRIBE = "subscribe"
    """Fetch the presence of a user once (``Expires: 0``, RFC 6665 section 4.4.3)."""
    INVITE = "invite"
    """A short call: INVITE, ACK, a pause, BYE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request. ``text`` is in the language of `template`."""

    method: str
    text: str
    expects: frozenset[int] = frozenset()
    """The final answers that lead to the next step; empty: every 2xx."""
    is_answered: bool = True
    """False for an ACK."""
    answers_challenge: bool = True
    """Whether a 401 or 407 that is not expected is answered with the same request and credentials."""
    pause_seconds: float = 0.0
    """Waited before it is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A named sequence of steps."""

    name: str
    steps: tuple[Step, ...]
    binding_seconds: int = 0
    """How long the bindings that it asks for would last; 0: it asks for none that we know of."""


BINDING_SECONDS = 120
"""What storm asks for: calls of the users that it borrows ring at an address of ours no longer than that.
Registrars of the usual kind take 60 s and more; one that wants more says so (423)."""
_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid][call_number]
"""
_TAIL = """Call-ID: [call_id]
CSeq: [cseq] {method}
[authentication]{extra}User-Agent: shiftline-storm
Content-Length: 0

"""
_SDP = """v=0
o=- 1 1 IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=inactive"""
_CONTACT = "Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>\n"


def register_script(expires_seconds: int = BINDING_SECONDS) -> Script:
    """REGISTER with a Contact, authenticated if challenged."""
    text = _request("REGISTER", "", "[field0]", f"{_CONTACT}Expires: {expires_seconds}\n")
    return Script(
        name="register", steps=(Step(method="REGISTER", text=text),), binding_seconds=expires_seconds
    )


def query_script() -> Script:
    """REGISTER without a Contact."""
    return Script(
        name="query", steps=(Step(method="REGISTER", text=_request("REGISTER", "", "[field0]", "")),)
    )


def options_script(user: str = "") -> Script:
    """OPTIONS to the server itself, or to ``user`` (a text that may hold template words)."""
    at = f"{user}@" if user else ""
    text = _request("OPTIONS", at, user, "Accept: application/sdp\n")
    return Script(name="options", steps=(Step(method="OPTIONS", text=text),))


def subscribe_script(event: str = "presence") -> Script:
    """SUBSCRIBE that fetches the state of the flow's own user once; NOTIFYs are answered."""
    text = _request("SUBSCRIBE", "[field0]@", "[field0]", f"{_CONTACT}Event: {event}\nExpires: 0\n")
    return Script(name="subscribe", steps=(Step(method="SUBSCRIBE", text=text),))


def invite_script(callee: str = "[field0]", hold_seconds: float = 0.0) -> Script:
    """INVITE, ACK, BYE: the other side must answer itself, as a PBX does; Route sets are not followed."""
    at = f"{callee}@"
    body = f"{_CONTACT}Content-Type: application/sdp\n"
    invite = _request("INVITE", at, callee, body).replace(
        "Content-Length: 0\n\n", "Content-Length: [len]\n\n"
    )
    return Script(
        name="invite",
        steps=(
            Step(method="INVITE", text=invite + _SDP),
            Step(method="ACK", text=_request("ACK", at, callee, "", in_dialog=True), is_answered=False),
            Step(
                method="BYE",
                text=_request("BYE", at, callee, "", in_dialog=True),
                pause_seconds=hold_seconds,
            ),
        ),
    )


def _request(method: str, at: str, to: str, extra: str, *, in_dialog: bool = False) -> str:
    to_uri = f"sip:{to}@[remote_ip]" if to else "sip:[remote_ip]"
    tag = "[peer_tag_param]" if in_dialog else ""
    return f"{method} sip:{at}[remote_ip]:[remote_port] SIP/2.0\n{_HEAD}To: <{to_uri}>{tag}\n" + _TAIL.format(
        method=method, extra=extra
    )


METHOD_SCRIPTS: Mapping[Method, Script] = {
    Method.REGISTER: register_script(),
    Method.QUERY: query_script(),
    Method.OPTIONS: options_script(),
    Method.SUBSCRIBE: subscribe_script(),
    Method.INVITE: invite_script(),
}
