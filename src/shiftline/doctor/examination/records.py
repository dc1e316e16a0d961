"""From a request and its end to the record that the diagnosis reads."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.diagnosis.exchange import Carried, Challenge, Exchange
from shiftline.diagnosis.outcome import REFUSED_OTHERWISE, Outcome, outcome_of
from shiftline.doctor.examination.sending import Answer, Sending
from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.digest import Challenge as DigestChallenge
from shiftline.sip.digest import parse_digest
from shiftline.sip.digest_values import split_challenges
from shiftline.sip.message import Request, Response
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

TRACE = "trace"
"""What places of an examination are in: the messages of `--trace`, counted from 1."""
HINTS = (
    "server", "user-agent", "retry-after", "warning", "reason", "p-registrar-error", "ms-diagnostics",
    "allow", "unsupported", "min-expires", "date", "contact",
)  # fmt: skip
RECEIVED = "received"
"""The hint that holds the address which the server saw, where Via names another (RFC 3261 section 18.2.1)."""
NO_ADDRESS = "The name of the server has no address."
"""The failure of a request to a name that does not resolve."""
_TLS_WORDS: Mapping[str, Outcome] = {
    "expired": Outcome.TLS_EXPIRED,
    "not valid yet": Outcome.TLS_EXPIRED,
    "another name": Outcome.TLS_NAME,
    "hostname mismatch": Outcome.TLS_NAME,
    "ip address mismatch": Outcome.TLS_NAME,
    "client certificate": Outcome.TLS_CLIENT_CERTIFICATE,
    "accept our certificate": Outcome.TLS_CLIENT_CERTIFICATE,
    "certificate required": Outcome.TLS_CLIENT_CERTIFICATE,
    "no tls that is safe": Outcome.TLS_VERSION,
    "unsupported protocol": Outcome.TLS_VERSION,
    "protocol version": Outcome.TLS_VERSION,
    "not trusted": Outcome.TLS_UNTRUSTED,
    "certificate verify failed": Outcome.TLS_UNTRUSTED,
}
"""What `net.tls` and OpenSSL say, the more exact before the less."""


def exchange_of(sending: Sending, answer: Answer, at: float, transport: Transport, probe: str) -> Exchange:
    """The record of one request; ``at`` is when it left, ``probe`` the id of its experiment."""
    request = answer.request or sending.request
    response = answer.response
    own, target = _address(request, "From"), _address(request, "To")
    contact, via = _address(request, "Contact"), _via(request)
    asked = target if request.method == "REGISTER" else request.uri
    return Exchange(
        at=at,
        source=via.host if via else "",
        source_port=(via.port or 0) if via else 0,
        transport=str(transport),
        method=request.method,
        user=(asked.user if asked else None) or "",
        uri_host=request.uri.host,
        from_user=(own.user if own else None) or "",
        from_host=own.host if own else "",
        contact_host=contact.host if contact else "",
        via_host=via.host if via else "",
        user_agent=request.headers.get("User-Agent") or "",
        call_id=request.headers.get("Call-ID") or "",
        event=request.headers.get("Event") or "",
        size=len(bytes(request)),
        carried=carried_by(request),
        copies=answer.copies,
        status=response.status if response else None,
        reason=response.reason if response else "",
        answered_after=answer.answered_after,
        challenge=_challenge(response) if response else None,
        hints=_hints(response) if response else _heard(sending, answer),
        file=TRACE,
        packet=answer.number,
        probe=probe,
    )


def outcome_of_end(exchange: Exchange, failure: str, *, earlier_nonce: str = "") -> Outcome:
    """What one request shows, failures to send among it.

    A code that no cause of the catalogue lists is another way to refuse, but for a call, which a person may
    decline.
    """
    if failure:
        return outcome_of_failure(failure, exchange.transport)
    if exchange.status in REFUSED_OTHERWISE and exchange.method != "INVITE":
        return Outcome.FORBIDDEN if exchange.carried is None else Outcome.FORBIDDEN_AFTER_CHALLENGE
    return outcome_of(exchange, earlier_nonce=earlier_nonce)


def outcome_of_failure(why: str, transport: str) -> Outcome:
    """What a refusal to send shows: an ICMP message over UDP, a handshake or a connection over the others."""
    if why == NO_ADDRESS:
        return Outcome.DNS_FAILURE
    if transport == Transport.UDP:
        return Outcome.ICMP
    words = why.lower()
    return next((found for word, found in _TLS_WORDS.items() if word in words), Outcome.CONNECTION_REFUSED)


def carried_by(request: Request) -> Carried | None:
    """The credentials of a request, without their response value; None if there are none."""
    for header in ("Authorization", "Proxy-Authorization"):
        for value in request.headers.get_all(header):
            try:
                told = parse_digest(value)
            except SipSyntaxError:
                continue  # another scheme
            return Carried(
                username=told.get("username", ""),
                realm=told.get("realm", ""),
                nonce=told.get("nonce", ""),
                nonce_count=int(told["nc"], 16) if "nc" in told else None,
                algorithm=told.get("algorithm", "MD5"),
            )
    return None


def _challenge(response: Response) -> Challenge | None:
    found = []
    for header in ("WWW-Authenticate", "Proxy-Authenticate"):
        for value in (one for row in response.headers.get_all(header) for one in split_challenges(row)):
            try:
                found.append(DigestChallenge.parse(value))
            except SipSyntaxError:
                continue  # another scheme
    if not found:
        return None
    first = found[0]
    return Challenge(
        realm=first.realm,
        nonce=first.nonce,
        algorithms=tuple(one.algorithm for one in found),
        is_stale=any(one.stale for one in found),
    )


def _heard(sending: Sending, answer: Answer) -> dict[str, str]:
    """What came without a final answer; of a load it tells nothing, for there answers are late."""
    return {"heard": answer.heard} if answer.heard and sending.way.repeats else {}


def _hints(response: Response) -> dict[str, str]:
    hints = {name: value for name in HINTS if (value := ", ".join(response.headers.get_all(name)))}
    if (via := _via(response)) is not None and via.received:
        hints[RECEIVED] = via.received
    # FreeSWITCH calls itself in User-Agent where others have Server.
    if "user-agent" in hints:
        hints.setdefault("server", hints.pop("user-agent"))
    return hints


def _address(request: Request, header: str) -> SipUri | None:
    try:
        return NameAddr.parse(request.headers.get(header) or "").uri
    except SipSyntaxError:
        return None


def _via(message: Request | Response) -> Via | None:
    try:
        return Via.parse((message.headers.get_all("Via") or [""])[0])
    except SipSyntaxError:
        return None
