"""Where a response to a received request goes (RFC 3261 section 18.2, RFC 3581)."""

from __future__ import annotations

import re

from shiftline.sip.events import Address
from shiftline.sip.grammar import split_list
from shiftline.sip.message import Request
from shiftline.sip.via import Via

_RPORT = re.compile(r";\s*rport\s*(?:=[^;,]*)?(?=;|$)", re.IGNORECASE)
_DEFAULT_PORT = 5060


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
