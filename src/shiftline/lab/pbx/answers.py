"""What the practice PBX answers to a request, and why.

The order is a legacy PBX's: allow list, then the throttle on whatever opens a dialog or stands alone,
then digest, then the agents' truth.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from shiftline.errors import SipSyntaxError
from shiftline.governor.limiters.model import Arrival, Fate
from shiftline.lab.pbx.agents import ANSWERS, CALL_DESTINATION, Truth
from shiftline.lab.pbx.answer import Answer
from shiftline.lab.pbx.bindings import DEFAULT_EXPIRES_SECONDS, Bindings
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import WrongPasswordAnswer
from shiftline.lab.pbx.limiting import Limiting, refusal
from shiftline.lab.pbx.notifier import Notifier, Peer
from shiftline.secrets import Secret
from shiftline.sip.address import NameAddr
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.message import Request, has_tag

_METHODS = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER"
_CALL = re.compile(CALL_DESTINATION)


def target_user(request: Request) -> str | None:
    """The user a request is about: of To for a REGISTER, else of the Request-URI; None if there is none."""
    if request.method != "REGISTER":
        return request.uri.user
    try:
        return NameAddr.parse(request.headers.get("To") or "").uri.user
    except SipSyntaxError:
        return None


class Answering:
    """Decides answers; holds bindings, calls and the limiter. ``now`` is monotonic seconds, never falling."""

    def __init__(self, config: PracticePbxConfig, limiting: Limiting, *, token: Callable[[], str]) -> None:
        self._config = config
        self._faults = config.faults
        self._limiting = limiting
        self._digest = DigestServer(
            config.realm, self._password_of, algorithms=(config.algorithm,), qop=config.qop, token=token
        )
        self._bindings = Bindings(config.expires)
        self._calls: set[str] = set()
        self.notifier = Notifier(config, state_of=self._presence, token=token)

    def answer(self, request: Request, peer: Peer, now: float, service_seconds: float = 0.0) -> Answer:
        """The answer to a request, not an ACK, from ``peer``. Raises SipSyntaxError.

        ``service_seconds`` is what handling it would take, for limiters that mind.
        """
        if self._faults.silent:
            return Answer(status=None, reason="silent")
        if self._faults.allow_list is not None and peer.address[0] not in self._faults.allow_list:
            return Answer(status=403, reason="policy")
        if request.method == "CANCEL":
            return Answer(status=481)
        if has_tag(request.headers.get("To") or ""):
            return self._within_dialog(request, now)
        user = self.username_of(request) if self._faults.limiter else None
        verdict = self._limiting.judge(
            Arrival(at=now, source=peer.address[0], account=user, service_seconds=service_seconds)
        )
        if verdict.fate is not Fate.PASS:
            return refusal(verdict)
        answer = self._answer_to_admitted(request, peer, now)
        if verdict.wait_seconds or verdict.feedback:
            return replace(answer, wait_seconds=verdict.wait_seconds, feedback=verdict.feedback)
        return answer

    def _answer_to_admitted(self, request: Request, peer: Peer, now: float) -> Answer:
        is_about_box = request.uri.user is None or "options" in self._faults.blind_methods
        if request.method == "OPTIONS" and is_about_box:
            return Answer(status=200, phrase="Keepalive")
        return self._refusal_of_credentials(request, now) or self._authenticated(request, peer, now)

    def window_at(self, now: float) -> int | None:
        """The number of the throttle's window that ``now`` falls into; None without a throttle."""
        return self._limiting.window_at(now)

    def username_of(self, request: Request) -> str | None:
        """The digest user a request names, whether or not it is let in."""
        return self._digest.username_of(request)

    def _password_of(self, user: str) -> Secret | None:
        if user in self._faults.rotated_accounts:
            return Secret(f"rotated-{self._config.password.reveal()}")
        if user in self._config.accounts or self._config.truth(user) is not Truth.UNKNOWN:
            return self._config.password
        return None

    def _refusal_of_credentials(self, request: Request, now: float) -> Answer | None:
        verdict = self._digest.verify(request, now)
        if verdict is DigestVerdict.OK:
            return None
        if verdict is DigestVerdict.MALFORMED:
            return Answer(status=400, reason="malformed", authenticated=True)
        wrong = verdict in (DigestVerdict.WRONG_PASSWORD, DigestVerdict.UNKNOWN_USER)
        if wrong and self._faults.wrong_password_answer is WrongPasswordAnswer.FORBID:
            return Answer(status=403, reason="wrong-password", authenticated=True)
        stale = verdict is DigestVerdict.STALE
        challenge = ("WWW-Authenticate", self._digest.challenge(now, stale=stale))
        reason = "wrong-password" if wrong else "stale" if stale else "challenge"
        return Answer(status=401, reason=reason, headers=(challenge,), authenticated=True)

    def _authenticated(self, request: Request, peer: Peer, now: float) -> Answer:
        user = target_user(request)
        if request.method == "REGISTER":
            return self._register(request, user, now)
        if request.method == "INVITE" and _CALL.search(user or ""):
            return self._accept_call(request)
        if request.method == "SUBSCRIBE" and self._config.event_packages:
            return self.notifier.subscribe(request, peer, now)
        if request.method in ("OPTIONS", "INVITE") and user in self._faults.dead_phones:
            return Answer(status=None, reason="dead-phone", authenticated=True)
        if request.method in ("OPTIONS", "INVITE"):
            return Answer(status=ANSWERS[self._presence(user, now)], authenticated=True)
        methods = f"{_METHODS}, SUBSCRIBE" if self._config.event_packages else _METHODS
        return Answer(status=405, reason="policy", headers=(("Allow", methods),), authenticated=True)

    def _presence(self, user: str | None, now: float) -> Truth:
        """The agent's truth; an agent who was not registered is available once a client has registered it."""
        truth = self._config.truth(user)
        bound = bool(self._bindings.of(user or "", now))
        return Truth.AVAILABLE if bound and truth is Truth.NOT_REGISTERED else truth

    def _register(self, request: Request, user: str | None, now: float) -> Answer:
        known = user in self._config.accounts or self._config.truth(user) is not Truth.UNKNOWN
        if user is None or not known:
            return Answer(status=404, authenticated=True)
        if "Contact" in request.headers and self._bindings.take(user, request, now) is not None:
            minimum = ("Min-Expires", f"{self._config.expires.shortest:d}")
            return Answer(status=423, reason="too-brief", headers=(minimum,), authenticated=True)
        if "Contact" in request.headers:
            self.notifier.changed(user, now)
        return Answer(status=200, headers=self._contacts(user, now), authenticated=True)

    def _contacts(self, user: str, now: float) -> tuple[tuple[str, str], ...]:
        """The bindings of ``user`` as a REGISTER's answer lists them (RFC 3261 section 10.3, step 8)."""
        bound = self._bindings.of(user, now)
        if bound is None:
            registered = self._config.truth(user).is_registered
            phone = f"<sip:{user}@phone.{self._config.realm}>"
            bound = {phone: now + DEFAULT_EXPIRES_SECONDS} if registered else {}
        return tuple(("Contact", f"{uri};expires={round(ends - now)}") for uri, ends in bound.items())

    def _accept_call(self, request: Request) -> Answer:
        self._calls.add(request.headers.get("Call-ID") or "")
        return Answer(status=200, headers=(("Contact", f"<{request.uri}>"),), authenticated=True)

    def _within_dialog(self, request: Request, now: float) -> Answer:
        if request.method == "SUBSCRIBE":
            return self.notifier.refresh(request, now)
        call_id = request.headers.get("Call-ID") or ""
        if request.method == "BYE" and call_id in self._calls:
            self._calls.remove(call_id)
            return Answer(status=200)
        return Answer(status=481)
