"""Who speaks in a recording of the lab: phones, the connector, the campaign, a ticket desk.

Each is a SIP client of the virtual laboratory that answers challenges as such programs do: it keeps its
nonce, and gives up at a refusal. What they do is arranged in `recordings`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from shiftline.lab.virtual import VirtualPbx
from shiftline.lab.virtual_client import ClientSettings, VirtualExchange
from shiftline.secrets import Secret
from shiftline.sip.digest import ChallengeOutcome, DigestAccount, DigestClient
from shiftline.sip.events import Address
from shiftline.sip.message import Request
from shiftline.sip.requests import ack, bye, invite, next_attempt, options, register, register_query
from shiftline.sip.uri import SipUri

_PATIENCE_SECONDS = 8.0


@dataclass
class Actor:
    """One program with one account at one address. Times are seconds of the virtual clock."""

    name: str
    pbx: VirtualPbx
    account: str
    source: Address
    password: Secret
    random: Random
    user_agent: str
    call_id_shape: str = "{token}"
    """Programs can be told apart by their Call-IDs; ``{token}`` is the part that is new each time."""
    via: Address | None = None
    """What its Via names in place of its own address."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How its requests ended, challenges that were met left out: by status, or ``silence``."""
    first_at: float | None = None
    digest: DigestClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        account = DigestAccount(username=self.account, password=self.password)
        self.digest = DigestClient(account, token=self.token)
        self.settings = ClientSettings(user_agent=self.user_agent, via=self.via)

    def token(self) -> str:
        """A new one."""
        return f"{self.random.getrandbits(48):012x}"

    # What it may send

    def uri(self, user: str | None) -> SipUri:
        """Somebody at the PBX."""
        host, port = self.pbx.address
        return SipUri(scheme="sip", user=user, host=host, port=port)

    def own_contact(self) -> SipUri:
        """Where it can be reached."""
        return SipUri(scheme="sip", user=self.account, host=self.source[0], port=self.source[1])

    def options(self, user: str | None) -> Request:
        """A check of an agent."""
        return options(self.uri(user), from_uri=self.uri(self.account), token=self.token)

    def query(self, user: str = "") -> Request:
        """A REGISTER without Contact, for its own address or somebody's."""
        return register_query(self.uri(user or self.account), registrar=self.uri(None), token=self.token)

    def bind(self, expires: int) -> Request:
        """A registration of its own."""
        return register(self.uri(self.account), self.own_contact(), self.uri(None), expires, self.token)

    def subscribe(self, user: str, package: str) -> Request:
        """A fetch of an agent's state (RFC 6665 section 4.4.3)."""
        request = self.options(user)
        request.method = "SUBSCRIBE"
        request.headers.set("CSeq", "1 SUBSCRIBE")
        for name, value in (("Event", package), ("Expires", "0"), ("Contact", f"<{self.own_contact()}>")):
            request.headers.add(name, value)
        return request

    def call(self, user: str) -> Request:
        """A call."""
        contact = self.own_contact()
        return invite(self.uri(user), from_uri=self.uri(self.account), contact=contact, token=self.token)

    # Sending it

    def ask(self, request: Request, at: float, *, hold_seconds: float = 0.0) -> None:
        """Send it at that time, and again with credentials when challenged; a call is held and ended."""
        request.headers.set("Call-ID", self.call_id_shape.format(token=self.token()))
        self.pbx.call_at(at, lambda: self._send(request, hold_seconds))

    def _send(self, request: Request, hold_seconds: float) -> None:
        if self.first_at is None:
            self.first_at = self.pbx.now
        self.digest.authorize(request)
        self.pbx.send(
            request,
            self.source,
            settings=self.settings,
            timeout_seconds=_PATIENCE_SECONDS,
            when_done=lambda exchange: self._ended(request, exchange, hold_seconds),
        )

    def _ended(self, request: Request, exchange: VirtualExchange, hold_seconds: float) -> None:
        response = exchange.response
        if self._is_worth_another(exchange):
            self._send(next_attempt(request), hold_seconds)
            return
        self.outcomes[str(response.status) if response else "silence"] += 1
        if response is None or exchange.request is None:
            return
        if request.method != "INVITE" or response.status != 200:
            return
        self.pbx.send_stateless(ack(exchange.request, response), self.source, self.settings)
        self.pbx.send(
            bye(exchange.request, response), self.source, self.pbx.now + hold_seconds, settings=self.settings
        )

    def _is_worth_another(self, exchange: VirtualExchange) -> bool:
        response, request = exchange.response, exchange.request
        if response is None or request is None or response.status not in (401, 407):
            return False
        return self.digest.challenged(response, request) is ChallengeOutcome.RETRY
