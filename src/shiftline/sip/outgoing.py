"""What the agent adds to a request of its user's before it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.events import Address, Datagram, address_text
from shiftline.sip.grammar import refuse_unwritable
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request
from shiftline.sip.transport import Transport
from shiftline.sip.values import CSeq
from shiftline.sip.via import MAGIC_COOKIE

LARGEST_DATAGRAM = 1300
"""Bytes. A larger request goes over TCP where the path's MTU is unknown (RFC 3261 section 18.1.1)."""

_ADDED = frozenset({"Max-Forwards", "User-Agent"})


class Outgoing:
    """Stamps copies of requests with our Via, and Max-Forwards and User-Agent where they lack."""

    def __init__(
        self,
        *,
        local: Address,
        streams: Mapping[Transport, Address],
        token: Callable[[], str],
        user_agent: str,
        via_parameters: str = "",
        moves_large: bool = True,
    ) -> None:
        """``via_parameters`` is written into every Via of ours, such as ``;oc``.

        An empty ``user_agent`` adds none. With ``moves_large`` and a TCP stream, see `moves`.
        """
        self._token = token
        self._moves_large = moves_large and Transport.TCP in streams
        self._user_agent = refuse_unwritable(user_agent, "User-Agent")
        told = f";rport{refuse_unwritable(via_parameters, 'Via')};branch="
        self._via = {
            transport: f"SIP/2.0/{transport} {address_text(streams.get(transport, local))}{told}"
            for transport in Transport
        }

    def new_branch(self) -> str:
        """A branch that no other transaction has, as far as the tokens go."""
        return MAGIC_COOKIE + self._token()

    def stamp(self, request: Request, transport: Transport, branch: str) -> Request:
        """The copy that leaves; the request itself stays as it is, any Via of its own apart."""
        rows = [("Via", self._via[transport] + branch)]
        rows += [row for row in request.headers if row[0] != "Via"]
        lacking = request.headers.missing(_ADDED)
        if "Max-Forwards" in lacking:
            rows.append(("Max-Forwards", "70"))
        if self._user_agent and "User-Agent" in lacking:
            rows.append(("User-Agent", self._user_agent))
        return Request(request.method, request.uri, Headers.of_checked_rows(rows), request.body)

    def moves(self, data: bytes, transport: Transport) -> bool:
        """Whether a request of these bytes is too large for UDP, and has TCP to move to."""
        return self._moves_large and transport is Transport.UDP and len(data) > LARGEST_DATAGRAM

    def stateless(self, request: Request, destination: Address, transport: Transport) -> Datagram:
        """What leaves once, with no transaction."""
        branch = self.new_branch()
        data = bytes(self.stamp(request, transport, branch))
        if self.moves(data, transport):
            transport = Transport.TCP
            data = bytes(self.stamp(request, transport, branch))
        return Datagram(data, destination, transport)


def require_our_cseq(request: Request) -> None:
    """Raise MisuseError without a CSeq that fits: no answer could be matched and no ACK built."""
    try:
        method = CSeq.parse(request.headers.get("CSeq") or "").method
    except SipSyntaxError as error:
        raise MisuseError("The request to send has no readable CSeq.") from error
    if method != request.method:
        raise MisuseError("The CSeq names another method than the request.")
