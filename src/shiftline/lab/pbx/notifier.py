"""The notifier's side of the practice PBX (RFC 6665 section 4.2): subscriptions in, NOTIFYs out, no I/O.

It tells the truth about each agent, unless the PBX was made blind for a package. The next NOTIFY of a
subscription leaves when the one before it was answered: two under way at once could change places.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shiftline.errors import SipSyntaxError
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.answer import Answer
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.package_bodies import BODIES, list_body
from shiftline.sip.address import NameAddr
from shiftline.sip.events import Address
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request
from shiftline.sip.packages.resource_list import OPTION_TAG
from shiftline.sip.transport import Transport
from shiftline.sip.values import CSeq, EventType, read_seconds

_DEFAULT_EXPIRES_SECONDS = 3600
_LONGEST_EXPIRES_SECONDS = 7200
_MEMBERS_WITH_STATE = 20
"""In one list notification, so that it fits a datagram together with the names of about 1,000 agents."""


class Peer(NamedTuple):
    """Where a SUBSCRIBE came from, and where its NOTIFYs go."""

    address: Address
    transport: Transport = Transport.UDP


@dataclass(slots=True, kw_only=True)
class _Watcher:
    """One subscription; ``users`` are the agents it is about, in the list's order."""

    call_id: str
    local: str
    remote: str
    contact: NameAddr
    routes: list[str]
    package: str
    event: str
    """The Event header as written: the watcher compares it byte by byte."""
    users: tuple[str, ...]
    is_list: bool
    peer: Peer
    expires_at: float
    remote_number: int
    number: int = 0
    version: int = 0
    in_flight: bool = False
    waiting: deque[Request] = field(default_factory=deque)


class Notifier:
    """All subscriptions of a practice PBX. ``now`` is monotonic seconds, never falling."""

    def __init__(
        self,
        config: PracticePbxConfig,
        *,
        state_of: Callable[[str | None, float], Truth],
        token: Callable[[], str],
    ) -> None:
        self._config = config
        self._state_of = state_of
        self._token = token
        self._watchers: dict[str, _Watcher] = {}
        self._outbox: list[tuple[Request, Peer]] = []
        self._list_is_over = False

    @property
    def allow_events(self) -> tuple[tuple[str, str], ...]:
        """The Allow-Events header, when there are any."""
        packages = ", ".join(sorted(self._config.event_packages))
        return (("Allow-Events", packages),) if packages else ()

    def subscribe(self, request: Request, peer: Peer, now: float) -> Answer:
        """Answer a SUBSCRIBE outside a dialog. Raises SipSyntaxError."""
        event = EventType.parse(request.headers.get("Event") or "")
        user = request.uri.user or ""
        is_list = user == self._config.list_user
        if event.package not in self._config.event_packages or (is_list and self._list_is_over):
            return Answer(status=489, reason="policy", headers=self.allow_events, authenticated=True)
        if is_list and OPTION_TAG not in request.headers.get_all("Supported"):
            require = (("Require", OPTION_TAG),)
            return Answer(status=421, phrase="Extension Required", headers=require, authenticated=True)
        if not is_list and self._truth(event.package, user, now) is Truth.UNKNOWN:
            return Answer(status=404, authenticated=True)
        seconds, refusal = self._granted(request)
        if refusal:
            return refusal
        tag = self._token()
        watcher = _Watcher(
            call_id=request.headers.get("Call-ID") or "",
            local=f"{request.headers.get('To')};tag={tag}",
            remote=request.headers.get("From") or "",
            contact=_contact_of(request),
            routes=request.headers.get_all("Record-Route"),
            package=event.package,
            event=request.headers.get("Event") or "",
            users=tuple(self._config.agents) if is_list else (user,),
            is_list=is_list,
            peer=peer,
            expires_at=now + seconds,
            remote_number=_number_of(request),
        )
        self._watchers[watcher.call_id] = watcher
        self._tell_all(watcher, now)
        return self._accepted(request, seconds, tag)

    def refresh(self, request: Request, now: float) -> Answer:
        """Answer a SUBSCRIBE within a dialog: again, for longer, or no more. Raises SipSyntaxError."""
        watcher = self._watchers.get(request.headers.get("Call-ID") or "")
        if watcher is None or request.headers.get("To") != watcher.local or watcher.expires_at <= now:
            return Answer(status=481)
        if _number_of(request) <= watcher.remote_number:
            return Answer(status=500)
        watcher.remote_number = _number_of(request)
        seconds, refusal = self._granted(request)
        if refusal:
            return refusal
        watcher.expires_at = now + seconds
        self._tell_all(watcher, now)
        return self._accepted(request, seconds, None)

    def changed(self, user: str, now: float) -> None:
        """Tell everyone who watches ``user``."""
        for watcher in self._watchers.values():
            if user in watcher.users and watcher.expires_at > now:
                self._tell(watcher, (user,), now, full=not watcher.is_list)

    def answered(self, call_id: str, status: int | None, now: float) -> None:
        """A NOTIFY was answered, or not (None). 481 and silence end the subscription (section 4.2.2)."""
        watcher = self._watchers.get(call_id)
        if watcher is None:
            return
        watcher.in_flight = False
        over = watcher.expires_at <= now and not watcher.waiting
        if status is None or status == 481 or over:
            del self._watchers[call_id]
        else:
            self._send_next(watcher)

    def expire(self, now: float) -> None:
        """Tell those whose time has run out, and forget them once they know."""
        for watcher in list(self._watchers.values()):
            if watcher.expires_at <= now and not watcher.in_flight and not watcher.waiting:
                self._tell(watcher, watcher.users[:1], now, full=not watcher.is_list)

    def next_timer(self) -> float | None:
        """When to call `expire`."""
        ends = [one.expires_at for one in self._watchers.values() if not one.in_flight and not one.waiting]
        return min(ends, default=None)

    def notifies_to_send(self) -> list[tuple[Request, Peer]]:
        """Hand over what is to leave now."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def _granted(self, request: Request) -> tuple[int, Answer | None]:
        wish = read_seconds(request.headers.get("Expires"))
        seconds = min(_DEFAULT_EXPIRES_SECONDS if wish is None else wish, _LONGEST_EXPIRES_SECONDS)
        least = self._config.least_subscription_seconds
        if 0 < seconds < least:
            headers = (("Min-Expires", str(least)),)
            return 0, Answer(status=423, reason="policy", headers=headers, authenticated=True)
        return seconds, None

    def _accepted(self, request: Request, seconds: int, tag: str | None) -> Answer:
        headers = [("Expires", str(seconds)), ("Contact", f"<{request.uri}>")]
        headers += [("Record-Route", route) for route in request.headers.get_all("Record-Route")]
        return Answer(status=200, headers=tuple(headers), authenticated=True, to_tag=tag)

    def _truth(self, package: str, user: str, now: float) -> Truth:
        return Truth.AVAILABLE if package in self._config.faults.blind_methods else self._state_of(user, now)

    def _tell_all(self, watcher: _Watcher, now: float) -> None:
        if not watcher.is_list:
            self._tell(watcher, watcher.users, now, full=True)
            return
        # The first says who is on the list, with the states that fit; the others follow as partial ones.
        self._tell(watcher, watcher.users[:_MEMBERS_WITH_STATE], now, full=True)
        for start in range(_MEMBERS_WITH_STATE, len(watcher.users), _MEMBERS_WITH_STATE):
            if watcher.expires_at <= now:
                return  # a fetch has one NOTIFY, and a list may be taken away
            self._tell(watcher, watcher.users[start : start + _MEMBERS_WITH_STATE], now, full=False)

    def _tell(self, watcher: _Watcher, users: tuple[str, ...], now: float, *, full: bool) -> None:
        media_type, write = BODIES[watcher.package]
        states = {
            user: write(self._aor(user), self._truth(watcher.package, user, now), watcher.version)
            for user in users
        }
        if watcher.is_list:
            content_type, body = self._list(watcher, states, media_type, full=full)
        else:
            content_type, body = media_type, states[users[0]]
        watcher.version += 1
        watcher.waiting.append(self._notify(watcher, content_type, body, now))
        if not watcher.in_flight:
            self._send_next(watcher)

    def _list(
        self, watcher: _Watcher, states: Mapping[str, bytes], media_type: str, *, full: bool
    ) -> tuple[str, bytes]:
        users = watcher.users if full else tuple(states)
        members = [(self._aor(user), states.get(user)) for user in users]
        uri = self._aor(self._config.list_user)
        return list_body(uri, members, media_type, watcher.version, full=full)

    def _aor(self, user: str) -> str:
        return f"sip:{user}@{self._config.realm}"

    def _notify(self, watcher: _Watcher, content_type: str, body: bytes, now: float) -> Request:
        left = round(watcher.expires_at - now)
        state = f"active;expires={left:d}" if left > 0 else "terminated;reason=timeout"
        watcher.number += 1
        if watcher.is_list and watcher.number == self._config.faults.list_notifies:
            state, watcher.expires_at, self._list_is_over = "terminated;reason=deactivated", now, True
        headers = Headers([("Route", route) for route in watcher.routes])
        for name, value in (
            ("From", watcher.local),
            ("To", watcher.remote),
            ("Call-ID", watcher.call_id),
            ("CSeq", f"{watcher.number:d} NOTIFY"),
            ("Contact", f"<{self._aor(watcher.users[0])}>"),
            ("Event", watcher.event),
            ("Subscription-State", state),
            ("Content-Type", content_type),
        ):
            headers.add(name, value)
        if watcher.is_list:
            headers.add("Require", OPTION_TAG)
        return Request("NOTIFY", watcher.contact.uri, headers, body)

    def _send_next(self, watcher: _Watcher) -> None:
        if watcher.waiting:
            watcher.in_flight = True
            self._outbox.append((watcher.waiting.popleft(), watcher.peer))


def _contact_of(request: Request) -> NameAddr:
    contacts = request.headers.get_all("Contact")
    if not contacts:
        raise SipSyntaxError("A SUBSCRIBE must carry a Contact.")
    return NameAddr.parse(contacts[0])


def _number_of(request: Request) -> int:
    return CSeq.parse(request.headers.get("CSeq") or "").number
