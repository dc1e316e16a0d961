"""Builders of the requests we send. No session description: a call here carries none, or the one given."""

from __future__ import annotations

from collections.abc import Callable

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq

Token = Callable[[], str]


def _request(
    method: str,
    uri: SipUri,
    *,
    from_uri: SipUri,
    to_uri: SipUri,
    token: Token,
    call_id: str | None,
    cseq: int,
) -> Request:
    headers = Headers([
        ("From", f"<{from_uri}>;tag={token()}"),
        ("To", f"<{to_uri}>"),
        ("Call-ID", call_id or token()),
        ("CSeq", f"{cseq:d} {method}"),
    ])  # fmt: skip
    return Request(method, uri, headers)


def options(uri: SipUri, *, from_uri: SipUri, token: Token) -> Request:
    """OPTIONS: what would an INVITE get (RFC 3261 section 11)?"""
    request = _request("OPTIONS", uri, from_uri=from_uri, to_uri=uri, token=token, call_id=None, cseq=1)
    request.headers.add("Accept", "application/sdp")
    return request


def register_query(
    aor: SipUri, *, registrar: SipUri, token: Token, call_id: str | None = None, cseq: int = 1
) -> Request:
    """REGISTER without Contact: asks for the bindings and changes nothing (RFC 3261 section 10.2.3)."""
    return _request("REGISTER", registrar, from_uri=aor, to_uri=aor, token=token, call_id=call_id, cseq=cseq)


def register(
    aor: SipUri,
    contact: SipUri,
    registrar: SipUri,
    expires: int,
    token: Token,
    *,
    call_id: str | None = None,
    cseq: int = 1,
) -> Request:
    """REGISTER: bind ``contact`` to ``aor`` for ``expires`` seconds, 0 to unbind (RFC 3261 section 10.2).

    Refreshes take the same ``call_id`` and a higher ``cseq``.
    """
    request = _request(
        "REGISTER", registrar, from_uri=aor, to_uri=aor, token=token, call_id=call_id, cseq=cseq
    )
    request.headers.add("Contact", f"<{contact}>")
    request.headers.add("Expires", f"{expires:d}")
    return request


def invite(
    uri: SipUri,
    *,
    from_uri: SipUri,
    contact: SipUri,
    token: Token,
    body: bytes = b"",
    content_type: str = "application/sdp",
) -> Request:
    """INVITE (RFC 3261 section 13.2.1)."""
    request = _request("INVITE", uri, from_uri=from_uri, to_uri=uri, token=token, call_id=None, cseq=1)
    request.headers.add("Contact", f"<{contact}>")
    if body:
        request.headers.add("Content-Type", content_type)
        request.body = body
    return request


def ack(invite: Request, response: Response) -> Request:
    """The ACK of a 2xx (RFC 3261 section 13.2.2.4); goes through `SipAgent.send_stateless`."""
    return _within_dialog("ACK", invite, response, _cseq_number(invite))


def bye(invite: Request, response: Response) -> Request:
    """The caller's BYE (RFC 3261 section 15.1.1), as the first request after the ACK."""
    return _within_dialog("BYE", invite, response, _cseq_number(invite) + 1)


def cancel(invite: Request) -> Request:
    """The CANCEL of an INVITE as it left, within the same branch (RFC 3261 section 9.1).

    `SipAgent.cancel` sends it when that is allowed.
    """
    headers = _within_transaction(invite)
    headers.add("To", invite.headers.get("To") or "")
    headers.add("CSeq", f"{_cseq_number(invite)} CANCEL")
    return Request("CANCEL", invite.uri, headers)


def next_attempt(request: Request) -> Request:
    """A fresh copy to send again after a challenge: same Call-ID, tag and To, next CSeq, no credentials.

    The UAC "MUST increment the CSeq header field value as it would normally when sending an updated
    request" (RFC 3261 section 22.2).
    """
    headers = request.headers.copy()
    for name in ("Via", "Authorization", "Proxy-Authorization"):
        headers.remove(name)
    headers.set("CSeq", f"{_cseq_number(request) + 1} {request.method}")
    return Request(request.method, request.uri, headers, request.body)


def ack_of_failure(invite: Request, response: Response) -> Request:
    """The ACK of a non-2xx answer, within the INVITE's own transaction (RFC 3261 section 17.1.1.3)."""
    headers = _within_transaction(invite)
    headers.add("To", response.headers.get("To") or "")
    headers.add("CSeq", f"{_cseq_number(invite)} ACK")
    return Request("ACK", invite.uri, headers)


def _within_transaction(invite: Request) -> Headers:
    """What ACK and CANCEL have in common with their INVITE: our own Via, its branch among it."""
    copied = [
        (name, value)
        for name, value in invite.headers
        if name in ("From", "Call-ID", "Route", "Max-Forwards")
    ]
    return Headers([("Via", invite.headers.get_all("Via")[0]), *copied])


def _within_dialog(method: str, invite: Request, response: Response, cseq: int) -> Request:
    """A request in the dialog that ``response`` made (RFC 3261 section 12.2.1.1)."""
    headers = Headers()
    for route in reversed(response.headers.get_all("Record-Route")):
        headers.add("Route", route)
    headers.add("From", invite.headers.get("From") or "")
    headers.add("To", response.headers.get("To") or "")
    headers.add("Call-ID", invite.headers.get("Call-ID") or "")
    headers.add("CSeq", f"{cseq} {method}")
    return Request(method, _remote_target(invite, response), headers)


def _remote_target(invite: Request, response: Response) -> SipUri:
    contacts = response.headers.get_all("Contact")
    try:
        return NameAddr.parse(contacts[0]).uri if contacts else invite.uri
    except SipSyntaxError:
        # A 2xx must carry a Contact; where it is unreadable, the address we called is the best guess.
        return invite.uri


def _cseq_number(request: Request) -> int:
    return CSeq.parse(request.headers.get("CSeq") or "").number
