"""What is read of a message's head, by name and by place.

Few values change from message to message; the others are common to many, and kept once (`stencils.Common`).
"""

from __future__ import annotations

from typing import Final

HINT_NAMES = (
    b"Server", b"User-Agent", b"Retry-After", b"Warning", b"Reason", b"P-Registrar-Error", b"ms-diagnostics",
    b"Allow", b"Unsupported", b"Min-Expires",
)  # fmt: skip
PARTIES = (b"From", b"To", b"Contact")
CHALLENGES = (b"WWW-Authenticate", b"Proxy-Authenticate")
# What is no header has a blank before its name.
BRANCH_PART, SENT_BY_PART, NAMES, FIRST, SECOND = b" branch", b" sent-by", b" names", b" first", b" second"
_LOGINS = (b"Authorization", b"Proxy-Authorization")
_CHANGING_IN_REQUESTS = BRANCH_PART, b"Call-ID", b"CSeq", *_LOGINS, b" none"
_CHANGING_IN_RESPONSES = BRANCH_PART, b"Date", b"CSeq", *CHALLENGES, b"Contact"
COMMON: Final = 0
BRANCH: Final = 1
CALL_ID: Final = 2
DATE: Final = 2
CSEQ: Final = 3
DIGEST_ROW: Final = 5
COUNT: Final = 6
CONTACT: Final = 6
"""Places in `Values`; `DATE` and `CONTACT` are those of a response, `CALL_ID` and `COUNT` (of the nonce)
those of a request; 4 is the nonce. The first row of each name; empty where none is. The words of the
credentials or the challenge are common, without what changes in them; `DIGEST_ROW` is the whole row where it
cannot be cut (`holes`)."""
_COMMON_TO_REQUESTS = SENT_BY_PART, NAMES, *PARTIES, b"User-Agent", b"Event", FIRST, SECOND
_COMMON_TO_RESPONSES = SENT_BY_PART, FIRST, SECOND, *HINT_NAMES
SENT_BY, STATUS, DIGEST_WORDS = 0, 1, -1
"""Places in what is common: sent-by of the topmost Via and, of a response, status, reason and `HINT_NAMES`.
Of a request there follow the names of the headers (a line each), From, To, Contact, User-Agent, Event, method
and URI. Of its addresses only the first, without tag and parameters. Last the words of credentials or
challenge."""
_PARTS = (*_CHANGING_IN_REQUESTS, *_COMMON_TO_REQUESTS, *_CHANGING_IN_RESPONSES, *_COMMON_TO_RESPONSES)
_USUAL = (b"Via", *(name for name in _PARTS if name[:1] != b" "))
BY_LOWER = {name.lower(): name for name in _USUAL} | {
    b"v": b"Via", b"f": b"From", b"t": b"To", b"i": b"Call-ID", b"m": b"Contact", b"o": b"Event",
}  # fmt: skip
LAYOUTS = (_CHANGING_IN_REQUESTS, _COMMON_TO_REQUESTS), (_CHANGING_IN_RESPONSES, _COMMON_TO_RESPONSES)
"""What changes and what is common, of a request and of a response, each in its order."""
