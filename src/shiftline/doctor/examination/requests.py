"""From a probe to the message: each shape is one departure from the usual request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from shiftline.diagnosis.probe import Account, Aim, Method, Probe, Shape
from shiftline.doctor.examination.case import INVENTED_AGENT, Case
from shiftline.doctor.examination.sending import Way
from shiftline.sip.message import Request
from shiftline.sip.requests import invite, options, register, register_query
from shiftline.sip.uri import SipUri

LARGE_BYTES = 1500
"""Beyond what one Ethernet frame holds, with the headers of IP and UDP."""
BINDING_SECONDS = 60
_PADDING = "X-Padding"
_PACKAGE = "presence"
_OTHER_PACKAGES = {Shape.OTHER_EVENT: "dialog", Shape.THIRD_EVENT: "reg"}

ContactOf = Callable[[Way], SipUri]
"""Where a peer sends requests to us; asked for each way anew, since ports are the driver's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the requests of one case. ``token`` gives a new unguessable token at each call."""

    case: Case
    token: Callable[[], str]
    contact_of: ContactOf
    nobody: str
    """The name of a user who certainly does not exist."""

    def write(self, probe: Probe, way: Way, *, domain: str = "", expires: int = BINDING_SECONDS) -> Request:
        """The request of a probe, without credentials; ``domain`` stands in for the usual one.

        It stands in From, To and the Request-URI: a server compares it with any of them. The datagram goes to
        the server's address all the same, as by a preloaded next hop (RFC 3261 section 8.1.2).
        """
        own = self.identity(probe, domain)
        request = self._bare(probe, way, own, expires)
        if probe.shape is Shape.MINIMAL:
            request.headers.remove("Accept")
            return request
        request.headers.add("User-Agent", self._agent(probe))
        if Shape.WITH_METADATA in probe.changes:
            for name, value in self.case.metadata:
                request.headers.add(name, value)
        if probe.shape is Shape.LARGE:
            request.headers.add(_PADDING, "x" * max(1, LARGE_BYTES - len(bytes(request))))
        return request

    def _agent(self, probe: Probe) -> str:
        if Shape.OTHER_AGENT in probe.changes:
            return self.case.working_agent
        return INVENTED_AGENT if Shape.INVENTED_AGENT in probe.changes else self.case.user_agent

    def identity(self, probe: Probe, domain: str = "") -> SipUri:
        """Who asks: From, and To of a REGISTER."""
        return SipUri(user=self._user(probe), host=domain or self._home(probe))

    def _home(self, probe: Probe) -> str:
        """The usual domain; where several things are changed at once, the first other one that was named."""
        is_changed = probe.shape is Shape.ALL_CHANGED and Shape.OTHER_DOMAIN in probe.changes
        named = (one for one in self.case.other_domains if is_changed and one != self.case.home)
        return next(named, self.case.home)

    def _server(self, own: SipUri) -> SipUri:
        """Who is addressed: the server as it is named, or the other domain, which a port is no part of.

        A REGISTER names the domain alone (RFC 3261 section 10.2).
        """
        server = self.case.server
        if own.host in (self.case.home, server.host):
            return server
        return replace(server, host=own.host, port=server.port if own.host == self.case.address else None)

    def _user(self, probe: Probe) -> str | None:
        account = self.case.account if probe.account is Account.OWN else self.case.known_good
        if probe.account is Account.NOBODY:
            return None
        if probe.account is Account.NONEXISTENT:
            return self.nobody
        if probe.account is Account.OWN:
            if Shape.OTHER_CALLER in probe.changes and self.case.renamed:
                return self.case.renamed
            if self.case.caller:
                return self.case.caller
        return account.username if account else "shiftline"

    def _bare(self, probe: Probe, way: Way, own: SipUri, expires: int) -> Request:
        server, token = self._server(own), self.token
        if probe.method is Method.REGISTER:
            return register_query(own, registrar=server, token=token)
        contact = self._contact(probe, way, own)
        if probe.method is Method.REGISTER_CONTACT:
            return register(own, contact, server, expires, token)
        target = self._target(probe, own)
        if probe.method is Method.INVITE:
            return invite(target, from_uri=own, contact=contact, token=token)
        request = options(target, from_uri=own, token=token)
        if probe.method is Method.SUBSCRIBE:
            self._make_subscribe(request, probe, contact)
        elif probe.shape is not Shape.MINIMAL:
            request.headers.add("Contact", f"<{contact}>")
        return request

    def _target(self, probe: Probe, own: SipUri) -> SipUri:
        server = self._server(own)
        if probe.aim is Aim.INVENTED:
            return replace(server, user=self.nobody)
        if probe.aim is Aim.ABSENT:
            return replace(server, user=self.case.absent)
        if probe.aim is Aim.USER:
            return replace(server, user=self.case.absent or self.nobody)
        if probe.aim is Aim.OTHER_USER:
            return replace(server, user=self.nobody if self.case.absent else f"{self.nobody}2")
        if probe.aim is Aim.PRESENT or (probe.method is Method.SUBSCRIBE and self.case.present):
            return replace(server, user=self.case.present)
        if probe.method is Method.SUBSCRIBE:
            return replace(server, user=own.user)
        return server

    def _contact(self, probe: Probe, way: Way, own: SipUri) -> SipUri:
        contact = replace(self.contact_of(way), user=own.user)
        if probe.shape is Shape.OTHER_CONTACT and self.case.other_address:
            contact = replace(contact, host=self.case.other_address)
        return contact

    def _make_subscribe(self, request: Request, probe: Probe, contact: SipUri) -> None:
        package = _OTHER_PACKAGES.get(probe.shape, _PACKAGE)
        request.method = "SUBSCRIBE"
        request.headers.set("CSeq", "1 SUBSCRIBE")
        request.headers.remove("Accept")
        request.headers.add("Event", package)
        # One change at a time: under another package the message is as long, or a limit of size would differ.
        same_length = "0" * (len(_PACKAGE) - len(package))
        request.headers.set("Call-ID", f"{request.headers.get('Call-ID')}{same_length}")
        request.headers.add("Expires", "0")
        request.headers.add("Contact", f"<{contact}>")
