"""What the practice PBX answers to a request, and why: a pipeline of judges in the order of its family.

At each stage the faults of the bank judge first, then what a PBX does there anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

from shiftline.governor.limiters.model import Arrival, Fate, Verdict
from shiftline.lab.pbx.agents import ANSWERS, CALL_DESTINATION, Truth
from shiftline.lab.pbx.answer import Answer
from shiftline.lab.pbx.bank.draw import Settings, Step
from shiftline.lab.pbx.bindings import DEFAULT_EXPIRES_SECONDS, Bindings
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.family_digest import FamilyDigest
from shiftline.lab.pbx.faults import WrongPasswordAnswer
from shiftline.lab.pbx.limiting import Limiting, refusal
from shiftline.lab.pbx.notifier import Notifier, Peer
from shiftline.lab.pbx.personality import Personality
from shiftline.lab.pbx.refusal import Refusal, say
from shiftline.lab.pbx.visit import Stage, Visit
from shiftline.secrets import Secret
from shiftline.sip.digest_server import DigestVerdict
from shiftline.sip.digest_values import claimed_user
from shiftline.sip.message import Request, has_tag

_METHODS = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER"
_CALL = re.compile(CALL_DESTINATION)
_AFTER_DIGEST = frozenset({Stage.DIGEST, Stage.ACCOUNT, Stage.TARGET})

Judge = Callable[[Visit], Answer | None]
"""An answer, or None: the next one judges."""


class Answering:
    """Decides answers; holds bindings, calls and the limiter. ``now`` is monotonic seconds, never falling."""

    def __init__(
        self,
        config: PracticePbxConfig,
        personality: Personality,
        settings: Settings,
        steps: list[Step],
        limiting: Limiting,
        *,
        random: Random,
        token: Callable[[], str],
    ) -> None:
        self._config = config
        self._personality = personality
        self._settings = settings
        self._faults = config.faults
        self._limiting = limiting
        self._digest = FamilyDigest(
            config, personality, settings, password_of=self._password_of, random=random
        )
        self._bindings = Bindings(settings.expires)
        self._calls: set[str] = set()
        self._began: float | None = None
        self._verdict: Verdict | None = None
        self.notifier = Notifier(config, state_of=self._presence, token=token)
        self._judges = self._pipeline(steps)

    def _pipeline(self, steps: list[Step]) -> list[Judge]:
        own: dict[Stage, Judge] = {
            Stage.BAN: self._silence,
            Stage.SOURCE: self._allow_list,
            Stage.DIALOG: self._within_dialog,
            Stage.RATE: self._limit,
            Stage.KEEPALIVE: self._keepalive,
            Stage.DIGEST: self._authenticate,
            Stage.TARGET: self._target,
        }
        judges: list[Judge] = []
        for stage in self._personality.order:
            judges += [self._judge_of(step) for step in steps if step.showing.stage is stage]
            if stage in own:
                judges.append(own[stage])
        return judges

    def visit(
        self, request: Request, peer: Peer, now: float, *, size: int = 0, service_seconds: float = 0.0
    ) -> Visit:
        """A request, not an ACK, as the judges want it.

        ``size`` is in bytes; ``service_seconds`` is what handling it would take, for limiters that mind.
        """
        if self._began is None:
            self._began = now
        credentials = self._digest.credentials(request)
        return Visit(
            request,
            peer,
            now,
            elapsed=now - self._began,
            size=size,
            account=claimed_user(credentials) if credentials else None,
            digest=credentials,
            service_seconds=service_seconds,
        )

    def answer(self, visit: Visit) -> Answer:
        """The answer to it. Raises SipSyntaxError."""
        self._verdict = None
        answer = next(found for judge in self._judges if (found := judge(visit)) is not None)
        verdict = self._verdict
        if verdict and (verdict.wait_seconds or verdict.feedback):
            return replace(answer, wait_seconds=verdict.wait_seconds, feedback=verdict.feedback)
        return answer

    def window_at(self, now: float) -> int | None:
        """The number of the throttle's window that ``now`` falls into; None without a throttle."""
        return self._limiting.window_at(now)

    # Refusals

    def _judge_of(self, step: Step) -> Judge:
        slow = step.showing.stage in _AFTER_DIGEST

        def judge(visit: Visit) -> Answer | None:
            if not step.strikes(visit):
                return None
            return self._refuse(step.showing.refusal, visit, step.id, slow=slow)

        return judge

    def _refuse(self, refusal_: Refusal, visit: Visit, reason: str, *, slow: bool) -> Answer:
        """Say no in the family's words."""
        if refusal_.is_challenge:
            status, header = self._digest.challenge(visit)
            return Answer(status=status, reason=reason, headers=(header,), authenticated=True)
        return Answer(
            status=refusal_.status,
            reason=reason,
            phrase=refusal_.phrases[0] if refusal_.phrases else "",
            headers=self._with_details(refusal_),
            authenticated=slow,
            is_dropped=refusal_.status is None,
        )

    def _with_details(self, refusal_: Refusal) -> tuple[tuple[str, str], ...]:
        if refusal_.status == 489:
            return (*refusal_.headers, *self.notifier.allow_events)
        return refusal_.headers

    # Before authentication

    def _silence(self, visit: Visit) -> Answer | None:  # noqa: ARG002 - it strikes all
        return Answer(status=None, reason="silent") if self._faults.silent else None

    def _allow_list(self, visit: Visit) -> Answer | None:
        listed = self._faults.allow_list
        return None if listed is None or visit.source in listed else Answer(status=403, reason="policy")

    def _limit(self, visit: Visit) -> Answer | None:
        account = visit.account if self._faults.limiter else None
        verdict = self._limiting.judge(
            Arrival(at=visit.now, source=visit.source, account=account, service_seconds=visit.service_seconds)
        )
        if verdict.fate is not Fate.PASS:
            return refusal(verdict)
        self._verdict = verdict
        return None

    def _keepalive(self, visit: Visit) -> Answer | None:
        if visit.method != "OPTIONS":
            return None
        if "options" in self._faults.blind_methods:
            return self._refuse(self._personality.keepalive or say(200), visit, "ok", slow=False)
        if visit.request.uri.user is None and self._personality.keepalive:
            return self._refuse(self._personality.keepalive, visit, "ok", slow=False)
        return None

    def _within_dialog(self, visit: Visit) -> Answer | None:
        request = visit.request
        if request.method == "CANCEL":
            return Answer(status=481)
        if not has_tag(request.headers.get("To") or ""):
            return None
        if request.method == "SUBSCRIBE":
            return self.notifier.refresh(request, visit.now)
        call_id = request.headers.get("Call-ID") or ""
        if request.method == "BYE" and call_id in self._calls:
            self._calls.remove(call_id)
            return Answer(status=200)
        return Answer(status=481)

    # Authentication

    def _password_of(self, user: str) -> Secret | None:
        if user in self._faults.rotated_accounts:
            return Secret(f"rotated-{self._config.password.reveal()}")
        return self._config.password if self._is_known(user) else None

    def _is_known(self, user: str | None) -> bool:
        return user in self._config.accounts or self._config.truth(user) is not Truth.UNKNOWN

    def _authenticate(self, visit: Visit) -> Answer | None:
        verdict = self._digest.verify(visit)
        if verdict is DigestVerdict.OK:
            return None
        if verdict is DigestVerdict.MALFORMED:
            return Answer(status=400, reason="malformed", authenticated=True)
        if verdict in (DigestVerdict.WRONG_PASSWORD, DigestVerdict.UNKNOWN_USER):
            return self._refuse_credentials(visit, verdict)
        stale = verdict is DigestVerdict.STALE
        status, header = self._digest.challenge(visit, stale=stale)
        reason = "stale" if stale else "challenge"
        return Answer(status=status, reason=reason, headers=(header,), authenticated=True)

    def _refuse_credentials(self, visit: Visit, verdict: DigestVerdict) -> Answer:
        for watcher in self._settings.watchers:
            watcher(visit)
        manner = self._personality.wrong_password
        if verdict is DigestVerdict.UNKNOWN_USER:
            manner = self._personality.unknown_user
        if self._faults.wrong_password_answer is WrongPasswordAnswer.FORBID:
            manner = say(403)
        return self._refuse(manner, visit, "wrong-password", slow=True)

    # After it

    def _target(self, visit: Visit) -> Answer:
        request, user, now = visit.request, visit.user, visit.now
        if request.method == "REGISTER":
            return self._register(request, user, now)
        if request.method == "INVITE" and _CALL.search(user or ""):
            return self._accept_call(request)
        if request.method == "SUBSCRIBE" and self._config.event_packages:
            return self.notifier.subscribe(request, visit.peer, now)
        if request.method in ("OPTIONS", "INVITE") and user in self._faults.dead_phones:
            return Answer(status=None, reason="dead-phone", authenticated=True)
        if request.method == "OPTIONS" and user is None:
            return Answer(status=200, authenticated=True)
        if request.method in ("OPTIONS", "INVITE"):
            return Answer(status=self._status_of(self._presence(user, now)), authenticated=True)
        methods = f"{_METHODS}, SUBSCRIBE" if self._config.event_packages else _METHODS
        return Answer(status=405, reason="policy", headers=(("Allow", methods),), authenticated=True)

    def _status_of(self, truth: Truth) -> int:
        if truth is Truth.NOT_REGISTERED:
            return self._personality.unregistered_status
        return ANSWERS[truth]

    def _presence(self, user: str | None, now: float) -> Truth:
        """The agent's truth; an agent who was not registered is available once a client has registered it."""
        truth = self._config.truth(user)
        bound = bool(self._bindings.of(user or "", now))
        return Truth.AVAILABLE if bound and truth is Truth.NOT_REGISTERED else truth

    def _register(self, request: Request, user: str | None, now: float) -> Answer:
        if user is None or not self._is_known(user):
            return Answer(status=404, authenticated=True)
        if "Contact" in request.headers and self._bindings.take(user, request, now) is not None:
            minimum = ("Min-Expires", f"{self._settings.expires.shortest:d}")
            return Answer(status=423, reason="too-brief", headers=(minimum,), authenticated=True)
        if "Contact" in request.headers:
            self.notifier.changed(user, now)
        return Answer(status=200, headers=self._contacts(user, now), authenticated=True)

    def _contacts(self, user: str, now: float) -> tuple[tuple[str, str], ...]:
        """The bindings of ``user`` as a REGISTER's answer lists them (RFC 3261 section 10.3, step 8)."""
        for theirs in self._settings.foreign_contacts:
            contacts = theirs(user, now - (self._began or now))
            if contacts is not None:
                return tuple(
                    ("Contact", f"{contact};expires={DEFAULT_EXPIRES_SECONDS}") for contact in contacts
                )
        bound = self._bindings.of(user, now)
        if bound is None:
            registered = self._config.truth(user).is_registered
            phone = f"<sip:{user}@phone.{self._config.realm}>"
            bound = {phone: now + DEFAULT_EXPIRES_SECONDS} if registered else {}
        return tuple(("Contact", f"{uri};expires={round(ends - now)}") for uri, ends in bound.items())

    def _accept_call(self, request: Request) -> Answer:
        self._calls.add(request.headers.get("Call-ID") or "")
        return Answer(status=200, headers=(("Contact", f"<{request.uri}>"),), authenticated=True)
