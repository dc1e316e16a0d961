"""Small readings of messages on the wire, by search: the engine reads only what a flow needs."""

from __future__ import annotations

import re

_ANSWERED = (b"NOTIFY ", b"OPTIONS ", b"BYE ", b"INFO ", b"UPDATE ", b"MESSAGE ", b"CANCEL ")
_COPIED = re.compile(
    rb"^(?:via|v|from|f|to|t|call-id|i|cseq|record-route)[ \t]*:[^\r\n]*\r?$", re.IGNORECASE | re.MULTILINE
)
_TO = re.compile(rb"^(?:to|t)[ \t]*:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_OF_CANCEL = re.compile(rb"^cseq[ \t]*:[ \t]*\d+[ \t]+CANCEL", re.IGNORECASE | re.MULTILINE)
_STALE = re.compile(rb"-authenticate[ \t]*:[^\r\n]*\bstale[ \t]*=[ \t]*\"?true\b", re.IGNORECASE)
_TAG = re.compile(rb";[ \t]*tag[ \t]*=[ \t]*([^\s;,>]+)", re.IGNORECASE)


def request_uri(message: bytes) -> bytes:
    """The Request-URI of a request of our own."""
    start = message.index(b" ") + 1
    return message[start : message.index(b" ", start)]


def peer_tag(response: bytes) -> bytes:
    """``;tag=...`` of a response's To, or nothing."""
    row = _TO.search(response)
    tag = _TAG.search(row[0]) if row else None
    return b";tag=" + tag[1] if tag else b""


def ack_of(invite: bytes, response: bytes) -> bytes:
    """The ACK of an INVITE that was refused: in its transaction, with the answer's To (section 17.1.1.3)."""
    head = invite.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [row for row in head[1:] if row.startswith((b"Via:", b"From:", b"Call-ID:", b"Max-Forwards:"))]
    cseq = next(row for row in head if row.startswith(b"CSeq:"))
    to = _TO.search(response)
    rows = [
        b"ACK" + head[0].removeprefix(b"INVITE"),
        *kept,
        to[0].rstrip() if to else next(row for row in head if row.startswith(b"To:")),
        cseq.replace(b"INVITE", b"ACK"),
        b"Content-Length: 0",
    ]
    return b"\r\n".join([*rows, b"", b""])


def cancel_of(invite: bytes) -> bytes:
    """The CANCEL of an INVITE of our own: in its transaction, with its To as it was (section 9.1)."""
    head = invite.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [row for row in head if row.startswith((b"Via:", b"Max-Forwards:", b"From:", b"To:", b"Call-ID:"))]
    cseq = next(row for row in head if row.startswith(b"CSeq:"))
    rows = [
        b"CANCEL" + head[0].removeprefix(b"INVITE"),
        *kept,
        cseq.replace(b"INVITE", b"CANCEL"),
        b"Content-Length: 0",
    ]
    return b"\r\n".join([*rows, b"", b""])


def is_of_cancel(response: bytes) -> bool:
    """Whether it answers a CANCEL, which shares its branch with the INVITE."""
    return _OF_CANCEL.search(response) is not None


def is_stale(response: bytes) -> bool:
    """Whether a challenge says that only the nonce was too old (RFC 7616 section 3.3)."""
    return _STALE.search(response) is not None


def reply_to(request: bytes) -> bytes:
    """200 to what a server sends unasked within a subscription or call; nothing to an ACK or to noise.

    A call to a user that storm registered gets 480, so that its caller does not wait for us.
    """
    if request.startswith(b"INVITE "):
        status = b"SIP/2.0 480 Temporarily Unavailable"
    elif request.startswith(_ANSWERED):
        status = b"SIP/2.0 200 OK"
    else:
        return b""
    head = request.partition(b"\r\n\r\n")[0]
    rows = [found[0].rstrip() for found in _COPIED.finditer(head)]
    return b"\r\n".join([status, *map(_tagged, rows), b"Content-Length: 0", b"", b""])


def _tagged(row: bytes) -> bytes:
    """A To that has no tag gets ours (section 8.2.6.2)."""
    return row + b";tag=storm" if _TO.match(row) and not _TAG.search(row) else row
