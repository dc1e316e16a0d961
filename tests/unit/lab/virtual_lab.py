"""A virtual PBX with clients that know how to log in, for the tests of the bank."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT, Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.virtual import VirtualPbx
from shiftline.lab.virtual_client import ClientSettings, VirtualExchange
from shiftline.secrets import Secret
from shiftline.sip.digest import ChallengeOutcome, DigestAccount, DigestClient
from shiftline.sip.events import Address
from shiftline.sip.message import Request
from shiftline.sip.requests import invite, next_attempt, options, register, register_query
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.BUSY,
    "agent0003": Truth.NOT_REGISTERED,
    "agent0004": Truth.UNKNOWN,
}
CONFIG = PracticePbxConfig(log_path=Path("unused"), agents=AGENTS, password=Secret("secret"))
US: Address = ("127.0.0.2", 5062)
SECOND: Address = ("127.0.0.4", 5062)
CAMPAIGN: Address = ("127.0.0.3", 5062)
PLAIN = ClientSettings()
TCP = ClientSettings(transport=Transport.TCP)


def status(exchange: VirtualExchange) -> int | None:
    return exchange.response.status if exchange.response else None


@dataclass
class Caller:
    """One account at one address; a wait of some seconds stands between what it does."""

    pbx: VirtualPbx
    account: str = TRUNK_ACCOUNT
    source: Address = US
    settings: ClientSettings = PLAIN
    pause_seconds: float = 0.2
    digest: DigestClient = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        account = DigestAccount(username=self.account, password=Secret("secret"))
        self.digest = DigestClient(account, token=self.token)

    def token(self) -> str:
        return f"{self.account}{self.source[0]}{next(self._numbers)}"

    def uri(self, user: str | None) -> SipUri:
        return SipUri(scheme="sip", user=user, host="127.0.0.1", port=5060)

    def options(self, user: str | None = "agent0001") -> Request:
        return options(self.uri(user), from_uri=self.uri(self.account), token=self.token)

    def query(self, user: str | None = None) -> Request:
        return register_query(self.uri(user or self.account), registrar=self.uri(None), token=self.token)

    def bind(self, expires: int = 600) -> Request:
        contact = SipUri(scheme="sip", user=self.account, host=self.source[0], port=self.source[1])
        return register(self.uri(self.account), contact, self.uri(None), expires, self.token)

    def subscribe(self, package: str = "presence") -> Request:
        request = self.options()
        request.method = "SUBSCRIBE"
        request.headers.set("CSeq", "1 SUBSCRIBE")
        request.headers.add("Event", package)
        request.headers.add("Expires", "0")
        request.headers.add("Contact", f"<sip:{self.account}@{self.source[0]}:{self.source[1]}>")
        return request

    def call(self) -> Request:
        own = self.uri(self.account)
        return invite(self.uri("call0001"), from_uri=own, contact=own, token=self.token)

    def ask(self, request: Request) -> VirtualExchange:
        """Once, with credentials if there is a nonce for them."""
        self.digest.authorize(request)
        return self.ask_bare(request)

    def ask_bare(self, request: Request) -> VirtualExchange:
        """Once, as it is."""
        self.pbx.run_until(self.pbx.now + self.pause_seconds)
        return self.pbx.exchange(request, self.source, settings=self.settings)

    def log_in(self, request: Request) -> VirtualExchange:
        """As long as the challenges are worth an answer."""
        exchange = self.ask(request)
        while exchange.response is not None and exchange.response.status in (401, 407):
            assert exchange.request is not None
            outcome = self.digest.challenged(exchange.response, exchange.request)
            if outcome is not ChallengeOutcome.RETRY:
                break
            request = next_attempt(request)
            exchange = self.ask(request)
        return exchange


def campaign(pbx: VirtualPbx) -> Caller:
    """The caller that goes on all the time."""
    return Caller(pbx, CAMPAIGN_ACCOUNT, CAMPAIGN, ClientSettings(user_agent="Campaign/1"))
