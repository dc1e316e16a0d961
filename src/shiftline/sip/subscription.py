"""The subscriber's side of one subscription (RFC 6665 section 4.1), without I/O.

The driver's part: after each call, send what `requests_to_send` gives, bring every final answer to
`answered` and every NOTIFY to `notified` (and answer it with the status returned), take events from
`next_event` until it is None, and call `handle_timer` when `next_timer` has come. ``now`` is a monotonic
time in seconds.

A NOTIFY may come before the answer to its SUBSCRIBE, and each of them may be lost or doubled; every
subscription ends with exactly one `Ended`, which is its last event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response
from shiftline.sip.refresh import EARLIEST_SHARE, Window, keep_clear, no_windows
from shiftline.sip.subscription_dialog import SubscriptionDialog
from shiftline.sip.subscription_events import Accepted, End, Ended, Notified, SubscriptionEvent
from shiftline.sip.subscription_states import PHASES, Given, Phase
from shiftline.sip.transactions import Timers
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq, EventType, SubscriptionState, read_seconds

SHORTEST_WAIT_SECONDS = 5.0
"""Refreshes are no closer than this, whatever is granted; a failed one comes again after half of the rest."""
LONGEST_INTERVAL_SECONDS = 86_400
"""A Min-Expires above a day is no wish that we follow."""


_STATES = {"active": Given.ACTIVE, "pending": Given.PENDING, "terminated": Given.TERMINATED}
_ENDS_A_SUBSCRIPTION = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlan:
    """What to subscribe to. ``expires_seconds`` 0 is a fetch: one question, one NOTIFY (section 4.4.3)."""

    target: SipUri
    from_uri: SipUri
    contact: SipUri
    event: EventType
    expires_seconds: int = 3600
    accept: tuple[str, ...] = ()
    supported: tuple[str, ...] = ()


class Subscription:
    """One subscription from its first SUBSCRIBE to its end."""

    def __init__(
        self,
        plan: SubscriptionPlan,
        *,
        token: Callable[[], str],
        timers: Timers | None = None,
        windows: Callable[[float], Sequence[Window]] = no_windows,
    ) -> None:
        """``token`` gives a new unguessable token at each call: Call-ID and tag are the key to our door.

        ``windows`` gives the publish windows as seen from a time; refreshes keep clear of them.
        """
        self.plan = plan
        self.phase = Phase.INIT
        self._dialog = SubscriptionDialog(call_id=token(), local_tag=token(), target=plan.target)
        self._wait_seconds = (timers or Timers()).give_up
        self._windows = windows
        self._wished_seconds = plan.expires_seconds
        self._in_flight = False
        self._was_told_an_interval = False
        self._is_leaving = False
        self._state: SubscriptionState | None = None
        self._timer_n: float | None = None
        self._refresh_at: float | None = None
        self._expires_at: float | None = None
        self._outbox: list[Request] = []
        self._events: deque[SubscriptionEvent] = deque()

    @property
    def call_id(self) -> str:
        """Names the dialog among all others; NOTIFYs are sorted by it."""
        return self._dialog.call_id

    # The user's side

    def start(self, now: float) -> None:
        """Send the first SUBSCRIBE. Raises MisuseError the second time."""
        if self.phase is not Phase.INIT:
            raise MisuseError("This subscription was started before.", remedy="Make another one.")
        self._step(Given.SUBSCRIBE)
        self._subscribe(self._wished_seconds, now)

    def leave(self, now: float) -> None:
        """Unsubscribe (section 4.1.2.3); harmless when there is nothing to leave."""
        self._end(Given.LEAVE, End.COMPLETE)
        if self.phase is Phase.LEAVING and not self._is_leaving:
            self._is_leaving = True
            self._subscribe(0, now)

    def requests_to_send(self) -> list[Request]:
        """Hand over what is to leave, each through a transaction of its own."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def next_event(self) -> SubscriptionEvent | None:
        """The next event, oldest first; None when there is none."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> float | None:
        """When to call `handle_timer`; None when nothing waits."""
        if self.phase is Phase.TERMINATED:
            return None
        timers = (self._timer_n, self._refresh_at, self._expires_at)
        return min((timer for timer in timers if timer is not None), default=None)

    # What happens to it

    def answered(self, request: Request, response: Response | None, now: float) -> None:
        """Take the final answer to the SUBSCRIBE that left last, None for silence.

        ``request`` is the one that left: after a challenge its CSeq is higher than that of ours.
        """
        self._dialog.catch_up(request)
        if not self._in_flight or self.phase is Phase.TERMINATED:
            return
        self._in_flight = False
        if response is None:
            self._fail(Given.UNANSWERED, None, now)
        elif 200 <= response.status < 300:
            self._accept(response, now)
        elif not self._takes_the_interval(response, now):
            gone = response.status in _ENDS_A_SUBSCRIPTION
            self._fail(Given.GONE if gone else Given.REFUSED, response.status, now)

    def notified(self, request: Request, now: float) -> int:
        """Take a NOTIFY and return the status to answer it with (section 4.1.3).

        200 for ours, 481 for another dialog's or one that is over, 489 for another package's, 400 when it
        cannot be read, 500 when it is older than what is known (RFC 3261 section 12.2.2).
        """
        if self.phase in (Phase.INIT, Phase.TERMINATED) or not self._dialog.owns(request):
            return 481
        try:
            event = EventType.parse(request.headers.get("Event") or "")
            state = SubscriptionState.parse(request.headers.get("Subscription-State") or "")
            number = CSeq.parse(request.headers.get("CSeq") or "").number
        except SipSyntaxError:
            return 400
        if not event.matches(self.plan.event):
            return 489
        if self._dialog.is_older(number):
            return 500
        if self._dialog.take_notify(request, number):
            self._take_state(request, state, now)
        return 200

    def handle_timer(self, now: float) -> None:
        """Fire what is due: Timer N, the end of the time granted, the refresh before it."""
        if self._timer_n is not None and self._timer_n <= now:
            self._timer_n = None
            self._end(Given.NO_NOTIFY, End.NO_NOTIFY)
        if self._expires_at is not None and self._expires_at <= now:
            self._expires_at = None
            self._end(Given.EXPIRED, End.COMPLETE if self.phase is Phase.LEAVING else End.EXPIRED)
        if self._refresh_at is not None and self._refresh_at <= now:
            self._refresh_at = None
            if self.phase in (Phase.PENDING, Phase.ACTIVE) and not self._in_flight:
                self._subscribe(self._wished_seconds, now)

    # Inside

    def _step(self, given: Given) -> bool:
        """Go on to the next phase; False when the table lists none."""
        follows = PHASES.get((self.phase, given))
        if follows is None:
            return False
        self.phase = follows
        return True

    def _end(self, given: Given, why: End, status: int | None = None) -> None:
        if self._step(given) and self.phase is Phase.TERMINATED:
            self._events.append(Ended(why=why, status=status, state=self._state))

    def _subscribe(self, expires_seconds: int, now: float) -> None:
        plan = self.plan
        rows = [
            ("Contact", f"<{plan.contact}>"),
            ("Event", str(plan.event)),
            ("Expires", f"{expires_seconds:d}"),
        ]
        rows += [("Accept", ", ".join(plan.accept))] if plan.accept else []
        rows += [("Supported", ", ".join(plan.supported))] if plan.supported else []
        rows.append(("Allow-Events", plan.event.package))
        self._outbox.append(self._dialog.request("SUBSCRIBE", plan.from_uri, plan.target, Headers(rows)))
        self._in_flight = True
        # "starts Timer N, set to 64*T1, when it sends the SUBSCRIBE request" (section 4.1.2.2)
        self._timer_n = now + self._wait_seconds

    def _accept(self, response: Response, now: float) -> None:
        self._dialog.take_answer(response)
        granted = read_seconds(response.headers.get("Expires"))
        wished = 0 if self.phase is Phase.LEAVING else self._wished_seconds
        # A 200 must carry Expires (section 4.2.1.1); without it we have what we asked for.
        seconds = min(granted, wished) if granted is not None else wished
        self._set_expiry(seconds, now)
        self._events.append(Accepted(expires_seconds=seconds))

    def _takes_the_interval(self, response: Response, now: float) -> bool:
        """Ask again with the notifier's Min-Expires (section 4.1.2.1), once."""
        least = read_seconds(response.headers.get("Min-Expires"))
        stays = self.phase in (Phase.NOTIFY_WAIT, Phase.PENDING, Phase.ACTIVE) and self._wished_seconds > 0
        if response.status != 423 or self._was_told_an_interval or not stays:
            return False
        if least is None or not self._wished_seconds < least <= LONGEST_INTERVAL_SECONDS:
            return False
        self._was_told_an_interval = True
        self._wished_seconds = least
        self._subscribe(least, now)
        return True

    def _fail(self, given: Given, status: int | None, now: float) -> None:
        why = End.UNANSWERED if given is Given.UNANSWERED else End.REFUSED
        self._end(given, End.COMPLETE if self.phase is Phase.LEAVING else why, status)
        if self.phase in (Phase.PENDING, Phase.ACTIVE):
            self._timer_n = None  # it stands as if the refresh had never been sent
            if self._expires_at is not None and self._expires_at - now > 2 * SHORTEST_WAIT_SECONDS:
                self._refresh_at = now + (self._expires_at - now) / 2

    def _take_state(self, request: Request, state: SubscriptionState, now: float) -> None:
        self._state = state
        self._events.append(Notified(request=request, state=state))
        if self.plan.expires_seconds == 0:
            # One NOTIFY is the answer to a fetch, even if the notifier forgets to call it terminated;
            # a further one meets 481, which makes it forget the subscription.
            self._end(Given.TERMINATED, End.COMPLETE)
            return
        # A state that is no word of the standard's counts as active: the subscription is not over.
        given = _STATES.get(state.value, Given.ACTIVE)
        if given is Given.TERMINATED:
            leaving = self.phase is Phase.LEAVING
            self._end(given, End.COMPLETE if leaving else End.CLOSED_BY_NOTIFIER)
        elif self.phase is not Phase.LEAVING:
            self._timer_n = None
            self._step(given)
            if state.expires_seconds is not None:
                self._set_expiry(state.expires_seconds, now)
            elif self._expires_at is None:  # before the 200, and without a word: what we asked for
                self._set_expiry(self._wished_seconds, now)

    def _set_expiry(self, seconds: int, now: float) -> None:
        """Refresh with room for a whole transaction, or half-way when that is more than is granted.

        Earlier, where that falls into a publish window and some earlier time does not.
        """
        if self.phase in (Phase.LEAVING, Phase.TERMINATED) or self.plan.expires_seconds == 0:
            return
        self._expires_at = now + seconds
        wish = now + max(seconds / 2, seconds - self._wait_seconds, SHORTEST_WAIT_SECONDS)
        earliest = min(wish, now + max(EARLIEST_SHARE * seconds, SHORTEST_WAIT_SECONDS))
        self._refresh_at = keep_clear(wish, earliest, wish, self._windows(now)).at
