"""Where a response to a received request goes, and which server transaction the request belongs to."""

from __future__ import annotations

import re

from shiftline.sip.events import Address
from shiftline.sip.grammar import split_list
from shiftline.sip.message import Request
from shiftline.sip.via import MAGIC_COOKIE, Via

_RPORT = re.compile(r";\s*rport\s*(?:=[^;,]*)?(?=;|$)", re.IGNORECASE)
_DEFAULT_PORT = 5060


def cancelled_key(request: Request, via: Via) -> str:
    """What names the INVITE's server transaction that a CANCEL means (section 9.2)."""
    return _key(request, via, "INVITE")


def server_key(request: Request, via: Via) -> str:
    """What names the server transaction (RFC 3261 section 17.2.3): branch, sent-by and method.

    An ACK of a non-2xx shares its INVITE's. A peer of RFC 2543 sends no unique branch, so everything that
    its retransmissions have in common stands in for it.
    """
    return _key(request, via, "INVITE" if request.method == "ACK" else request.method)


def _key(request: Request, via: Via, method: str) -> str:
    branch = via.branch or ""
    if not branch.startswith(MAGIC_COOKIE):
        headers = request.headers
        number = (headers.get("CSeq") or "").split()[0]
        branch = f"{branch}|{headers.get('Call-ID')}|{headers.get('From')}|{number}|{request.uri}"
    return f"{branch}|{via.host.lower()}:{via.port or _DEFAULT_PORT}|{method}"


def mark_source(request: Request, via: Via, source: Address) -> Address:
    """Note the source in the top Via (section 18.2.1, RFC 3581); return where responses go (18.2.2)."""
    wants_port = via.parameter("rport") is not None
    if wants_port or via.host.strip("[]") != source[0]:
        top, *others = split_list(request.headers.get("Via") or "")
        if wants_port:
            top = _RPORT.sub(f";rport={source[1]}", top, count=1)
        if via.parameter("received") is None:
            top = f"{top};received={source[0]}"
        request.headers.replace_first("Via", ", ".join([top, *others]))
    return source[0], source[1] if wants_port else via.port or _DEFAULT_PORT
