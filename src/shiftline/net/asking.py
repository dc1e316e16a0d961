"""One question about one user, by one method: how it is put, and how its answer is read.

A `Method` makes the request, and reads what came of it once a final answer is there. Reading is awaited:
a method whose answer comes in a message of its own (SUBSCRIBE, then NOTIFY) waits for that in `read`.
`METHODS` is the register: a new method is one entry, in the place where ``method = "auto"`` shall try it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from shiftline.connector.families import GENERIC
from shiftline.connector.reading import ABOUT_THE_BOX, REFUSALS, Reading, read_answer
from shiftline.errors import ConfigurationError, MisuseError, SipSyntaxError
from shiftline.governor.controller import Answer
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.wishes import LONGEST_WAIT
from shiftline.net.exchange import Exchange
from shiftline.net.package_method import PACKAGE_METHODS, OpenQuestions
from shiftline.net.resolver import require_no_password
from shiftline.sip.address import Contact
from shiftline.sip.digest import ChallengeOutcome, DigestClient
from shiftline.sip.message import Request, Response
from shiftline.sip.overload import read_overload_control
from shiftline.sip.requests import options, register_query
from shiftline.sip.uri import SipUri, without_password
from shiftline.sip.values import read_seconds

SendRequest = Callable[[Request], Awaitable[Exchange]]
"""Sends one request to where it belongs, and waits for its final answer or a time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who asks, and whom: ``domain`` is the registrar's, ``identity`` stands in From."""

    domain: SipUri
    identity: SipUri
    token: Callable[[], str]
    questions: OpenQuestions
    """Where the methods that subscribe wait for their NOTIFYs."""
    family: str = GENERIC


class Method(Protocol):
    """One way to ask."""

    @property
    def name(self) -> str:
        """What the configuration calls it."""

    @property
    def note(self) -> str:
        """What an operator must know before relying on it; empty if nothing."""

    def request(self, uri: SipUri, speaker: Speaker) -> Request:
        """The question about ``uri``."""

    async def read(self, request: Request, response: Response, speaker: Speaker) -> Reading:
        """What the final answer to the request, as it left, says about the user. Not for refusals."""


@dataclass(frozen=True, slots=True)
class Options:
    """OPTIONS to the agent (RFC 3261 section 11): what would an INVITE get?"""

    name: str = "options"
    note: str = ""

    def request(self, uri: SipUri, speaker: Speaker) -> Request:
        """The question about ``uri``."""
        return options(uri, from_uri=speaker.identity, token=speaker.token)

    async def read(self, request: Request, response: Response, speaker: Speaker) -> Reading:
        """Read the status; an OPTIONS without a user is about the box (facts K19)."""
        if request.uri.user is None:
            return ABOUT_THE_BOX
        return read_answer(self.name, response.status, has_binding=False, family=speaker.family)


@dataclass(frozen=True, slots=True)
class Registration:
    """REGISTER without Contact (RFC 3261 section 10.2.3): which phones are registered?"""

    name: str = "registration"
    note: str = (
        "Many PBXs answer a REGISTER only to the agent's own credentials, and say 401 or 403 to the trunk's."
    )

    def request(self, uri: SipUri, speaker: Speaker) -> Request:
        """The question about ``uri``."""
        return register_query(uri, registrar=speaker.domain, token=speaker.token)

    async def read(self, request: Request, response: Response, speaker: Speaker) -> Reading:
        """Read the status and whether a binding is listed."""
        del request
        bound = any(_is_binding(contact) for contact in response.headers.get_all("Contact"))
        return read_answer(self.name, response.status, has_binding=bound, family=speaker.family)


def _is_binding(text: str) -> bool:
    """Whether this Contact of a registrar's answer is a phone that is still bound."""
    try:
        contact = Contact.parse(text)
    except SipSyntaxError:
        return False
    return contact.address is not None and contact.expires_seconds != 0


_REGISTERED: tuple[Method, ...] = (Options(), Registration(), *PACKAGE_METHODS.values())
METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _REGISTERED})
"""Every method by name, the harmless first: the order in which "auto" tries them."""
AUTO = "auto"


def candidates(method: str) -> tuple[str, ...]:
    """The methods that this word of the configuration means, in the order of trying."""
    if method == AUTO:
        return tuple(METHODS)
    if method not in METHODS:
        raise ConfigurationError(
            f"There is no method {method!r}.", remedy=f"Choose one of: {', '.join((*METHODS, AUTO))}."
        )
    return (method,)


def canary(speaker: Speaker, method: str, user: str | None) -> Request:
    """The cheapest question that the same limiter counts: about the box, and without credentials.

    About ``user`` (a SIP URI), and by ``method``, if the PBX lets no other pass.
    """
    if user is not None:
        return plain_question(method, SipUri.parse(user), speaker)
    return options(speaker.domain, from_uri=speaker.identity, token=speaker.token)


def plain_question(method: str, user: SipUri, speaker: Speaker) -> Request:
    """A question about a user of which only the answer matters: by ``method``, so that the same part of the
    PBX is asked. Where that subscribes an OPTIONS stands in: nobody would wait for its NOTIFY.
    """
    if method in PACKAGE_METHODS:
        return options(user, from_uri=speaker.identity, token=speaker.token)
    return METHODS[method].request(user, speaker)


def address_of(text: str, domain: SipUri | None) -> SipUri:
    """Read a SIP URI, or a bare user of ``domain``. Raises ConfigurationError for anything else.

    Also for one with a password: addresses are printed, traced and reported.
    """
    shown = repr(without_password(text)[:80])
    bare = domain is not None and not any(mark in text for mark in ":@ <>\"'")
    try:
        if bare and domain is not None and text:
            return SipUri(user=text, host=domain.host)
        uri = SipUri.parse(text)
        str(uri)
    except (SipSyntaxError, MisuseError) as error:
        raise ConfigurationError(
            f"{shown} is not a SIP address.", remedy="Write it like sip:4711@pbx.example.com."
        ) from error
    if uri.scheme == "tel":
        raise ConfigurationError(
            f"{shown} names no host to ask.", remedy="Write it like sip:4711@pbx.example.com."
        )
    require_no_password(uri, shown)
    return uri


def classify(digest: DigestClient | None, request: Request, response: Response | None) -> Answer:
    """What an answer to ``request``, as it left, means for admission."""
    if response is None:
        return Answer.SILENT
    if response.status in (401, 407):
        if digest is None:
            return Answer.CREDENTIALS_REFUSED
        outcome = digest.challenged(response, request)
        return Answer.CHALLENGED if outcome is ChallengeOutcome.RETRY else Answer.CREDENTIALS_REFUSED
    if response.status in REFUSALS:
        return Answer.REFUSED
    if digest is not None:
        digest.accepted(response, request)  # it may hand out the next nonce
    # An answer that needed no credentials proves the path just as well (a trunk trusted by address).
    return Answer.PASSED


async def read_final(method: str, request: Request, response: Response, speaker: Speaker) -> Reading:
    """What the final answer says of the user, a refusal of this one question included."""
    if response.status in REFUSALS:
        return read_answer(method, response.status, has_binding=False, family=speaker.family)
    return await METHODS[method].read(request, response, speaker)


def status_of(response: Response | None) -> int | None:
    """The status of an answer; None for silence."""
    return None if response is None else response.status


def feedback_of(response: Response | None) -> Feedback | None:
    """What the PBX says it would rather get (RFC 7339), told to whoever asked for it in Via."""
    control = None if response is None else read_overload_control(response)
    if control is None:
        return None
    return Feedback(
        algorithm=control.algorithm,
        value=control.value,
        validity_seconds=control.validity_seconds,
        sequence=control.sequence,
    )


def retry_after(response: Response | None) -> float | None:
    """The Retry-After of any refusal, in seconds: off-spec on a 403, and honoured all the same."""
    seconds = read_seconds(response.headers.get("Retry-After")) if response is not None else None
    return None if seconds is None else min(float(seconds), LONGEST_WAIT)
