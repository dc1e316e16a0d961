"""Which transaction a message belongs to (RFC 3261 sections 9.2, 17.1.3 and 17.2.3)."""

from __future__ import annotations

import re

from shiftline.errors import SipSyntaxError
from shiftline.sip.message import Request, Response
from shiftline.sip.via import MAGIC_COOKIE, Via

_NEEDED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)
_DEFAULT_PORT = 5060


def require_headers(message: Request | Response) -> None:
    """Without these no response can be matched and no request answered (sections 8.1.1, 8.2.6.2).

    Raises SipSyntaxError when one is missing.
    """
    if missing := message.headers.missing(_NEEDED):
        raise SipSyntaxError(f"There is no {' and no '.join(sorted(missing))} header.")


def client_key(response: Response) -> tuple[str, str]:
    """What names the client transaction that a response belongs to, and the method that it must have."""
    found = _BRANCH.search(response.headers.get("Via") or "")
    method = "".join((response.headers.get("CSeq") or "").split()[-1:])
    key = found[1] if found else ""
    return cancel_key(key) if method == "CANCEL" else key, method


def cancel_key(key: str) -> str:
    """A CANCEL has its INVITE's branch, and a transaction of its own (section 17.1.3)."""
    return f"{key}|CANCEL"


def server_key(request: Request, via: Via) -> str:
    """What names the server transaction (section 17.2.3): branch, sent-by and method.

    An ACK of a non-2xx shares its INVITE's. A peer of RFC 2543 sends no unique branch, so everything that
    its retransmissions have in common stands in for it.
    """
    return _key(request, via, "INVITE" if request.method == "ACK" else request.method)


def cancelled_key(request: Request, via: Via) -> str:
    """What names the INVITE's server transaction that a CANCEL means (section 9.2)."""
    return _key(request, via, "INVITE")


def _key(request: Request, via: Via, method: str) -> str:
    branch = via.branch or ""
    if not branch.startswith(MAGIC_COOKIE):
        headers = request.headers
        number = (headers.get("CSeq") or "").split()[0]
        branch = f"{branch}|{headers.get('Call-ID')}|{headers.get('From')}|{number}|{request.uri}"
    return f"{branch}|{via.host.lower()}:{via.port or _DEFAULT_PORT}|{method}"
