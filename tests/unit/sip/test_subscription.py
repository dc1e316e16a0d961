"""The subscriber's machine: set-up in either order, refresh, leaving, refusals, and whose NOTIFY it is."""

from __future__ import annotations

from itertools import count

import pytest

from shiftline.errors import MisuseError
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, response_to
from shiftline.sip.refresh import GUARD_SECONDS, Window
from shiftline.sip.subscription import Subscription, SubscriptionPlan
from shiftline.sip.subscription_events import Accepted, End, Ended, Notified, SubscriptionEvent
from shiftline.sip.subscription_states import Phase
from shiftline.sip.uri import SipUri
from shiftline.sip.values import EventType, SubscriptionState

AGENT = SipUri(user="agent0001", host="pbx.lab")
US = SipUri(user="shiftline", host="127.0.0.2", port=5062)


class Talk:
    """A subscription and the notifier it talks to, on a wire without loss."""

    def __init__(
        self,
        expires_seconds: int = 600,
        event: EventType | None = None,
        windows: tuple[Window, ...] = (),
    ) -> None:
        numbers = count(1)
        self.subscription = Subscription(
            SubscriptionPlan(
                target=AGENT,
                from_uri=US,
                contact=US,
                event=event or EventType(package="presence"),
                expires_seconds=expires_seconds,
                accept=("application/pidf+xml",),
            ),
            token=lambda: f"token{next(numbers)}",
            windows=lambda _: windows,
        )
        self.now = 1000.0
        self.sent: list[Request] = []
        self._number = 0

    def start(self) -> Request:
        self.subscription.start(self.now)
        return self.next_request()

    def next_request(self) -> Request:
        (request,) = self.subscription.requests_to_send()
        self.sent.append(request)
        return request

    def answer(self, status: int, *rows: tuple[str, str]) -> None:
        response = response_to(self.sent[-1], status, to_tag="pbx")
        for name, value in rows:
            response.headers.add(name, value)
        self.subscription.answered(self.sent[-1], response, self.now)

    def notify(self, state: str = "active;expires=600", *, tag: str = "pbx", **other: str) -> int:
        """Deliver the next NOTIFY of the notifier; ``other`` replaces headers, underscore for hyphen."""
        self._number += 1
        rows = {
            "From": f"<{AGENT}>;tag={tag}",
            "To": f"<{US}>;tag=token2",
            "Call-ID": "token1",
            "CSeq": f"{self._number} NOTIFY",
            "Event": str(self.subscription.plan.event),
            "Subscription-State": state,
            "Contact": "<sip:notifier@pbx.lab:5070>",
        }
        rows |= {name.replace("_", "-"): value for name, value in other.items()}
        request = Request("NOTIFY", US, Headers([row for row in rows.items() if row[1]]))
        return self.subscription.notified(request, self.now)

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.subscription.next_timer()) is not None and due <= end:
            self.now = max(due, self.now)
            self.subscription.handle_timer(self.now)
        self.now = end

    def events(self) -> list[SubscriptionEvent]:
        events = []
        while event := self.subscription.next_event():
            events.append(event)
        return events

    def ended(self) -> Ended:
        (ended,) = [event for event in self.events() if isinstance(event, Ended)]
        return ended


def test_the_first_subscribe_says_what_is_wanted() -> None:
    """RFC 6665 section 4.1.2.1: Event, Expires, Contact and Accept; no To tag before there is a dialog."""
    request = Talk(event=EventType(package="dialog", parameters=(("id", "7"),))).start()
    headers = request.headers
    assert (request.method, str(request.uri)) == ("SUBSCRIBE", "sip:agent0001@pbx.lab")
    assert (headers.get("Event"), headers.get("Expires")) == ("dialog;id=7", "600")
    assert (headers.get("To"), headers.get("CSeq")) == (f"<{AGENT}>", "1 SUBSCRIBE")
    assert (headers.get("Contact"), headers.get("Accept")) == (f"<{US}>", "application/pidf+xml")


@pytest.mark.parametrize("first", ["answer", "notify"])
def test_answer_and_notify_come_in_either_order(first: str) -> None:
    """ "NOTIFY ... can be received before the response to the SUBSCRIBE" (section 4.1.2.4)."""
    talk = Talk()
    talk.start()
    if first == "answer":
        talk.answer(200, ("Expires", "600"))
        assert talk.notify() == 200
    else:
        assert talk.notify() == 200
        talk.answer(200, ("Expires", "600"))
    assert talk.subscription.phase is Phase.ACTIVE
    assert {type(event) for event in talk.events()} == {Accepted, Notified}


def test_a_notify_is_enough() -> None:
    """The answer may be lost: the NOTIFY proves that the SUBSCRIBE arrived."""
    talk = Talk()
    request = talk.start()
    talk.notify()
    talk.subscription.answered(request, None, talk.now)
    assert talk.subscription.phase is Phase.ACTIVE
    talk.pass_time(570)
    assert talk.next_request().headers.get("Expires") == "600"


def test_an_answer_alone_is_not_enough() -> None:
    """Timer N, 64*T1: without a NOTIFY the subscription has failed (section 4.1.2.4)."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "600"))
    talk.pass_time(31.9)
    assert talk.subscription.phase is Phase.NOTIFY_WAIT
    talk.pass_time(0.2)
    assert talk.ended() == Ended(why=End.NO_NOTIFY)
    assert talk.subscription.next_timer() is None


def test_requests_within_the_dialog_follow_it() -> None:
    """To tag, target and route come from the NOTIFY, the route as written (RFC 3261, 12.1.1)."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "60"))
    talk.notify("active;expires=60", Record_Route="<sip:edge.lab;lr>, <sip:core.lab;lr>")
    talk.pass_time(31)
    refresh = talk.next_request()
    assert refresh.headers.get_all("Route") == ["<sip:edge.lab;lr>", "<sip:core.lab;lr>"]
    assert str(refresh.uri) == "sip:notifier@pbx.lab:5070"
    assert refresh.headers.get("To") == f"<{AGENT}>;tag=pbx"
    assert refresh.headers.get("CSeq") == "2 SUBSCRIBE"


def test_a_route_that_only_the_answer_gives_is_reversed() -> None:
    """A notifier of RFC 3265 may leave Record-Route out of the NOTIFY; here we are the UAC."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "60"), ("Record-Route", "<sip:core.lab;lr>, <sip:edge.lab;lr>"))
    talk.notify("active;expires=60")
    talk.pass_time(31)
    assert talk.next_request().headers.get_all("Route") == ["<sip:edge.lab;lr>", "<sip:core.lab;lr>"]


@pytest.mark.parametrize(("granted", "after"), [(3600, 3568.0), (60, 30.0), (6, 5.0)])
def test_a_refresh_comes_before_the_end(granted: int, after: float) -> None:
    """With room for a whole transaction, or half-way; the notifier may shorten what we asked for."""
    talk = Talk(expires_seconds=3600)
    talk.start()
    talk.answer(200, ("Expires", str(granted)))
    talk.notify("active")
    talk.pass_time(after - 0.1)
    assert talk.subscription.requests_to_send() == []
    talk.pass_time(0.2)
    assert talk.next_request().headers.get("Expires") == "3600"


def test_a_refresh_keeps_clear_of_a_publish_window() -> None:
    """It would have been due inside, and the subscription would not outlast it: so it leaves before."""
    talk = Talk(windows=((1400.0, 5000.0),))
    talk.start()
    talk.answer(200, ("Expires", "600"))
    talk.notify("active;expires=600")
    assert talk.subscription.next_timer() == 1400.0 - GUARD_SECONDS


def test_a_refresh_stays_in_a_window_that_is_longer_than_the_grant() -> None:
    """A subscription that lapsed would cost more than its refresh."""
    talk = Talk(windows=((900.0, 5000.0),))
    talk.start()
    talk.answer(200, ("Expires", "600"))
    talk.notify("active;expires=600")
    assert talk.subscription.next_timer() == 1000.0 + 568.0


def test_a_refresh_must_be_answered_by_a_notify() -> None:
    """Timer N runs for a refresh as well (section 4.1.2.2)."""
    talk = Talk()
    talk.start()
    talk.notify("active;expires=600")
    talk.answer(200, ("Expires", "600"))
    talk.pass_time(570)
    talk.next_request()
    talk.answer(200, ("Expires", "600"))
    talk.pass_time(33)
    assert talk.ended().why is End.NO_NOTIFY


@pytest.mark.parametrize("status", [404, 405, 481, 489, 501])
def test_some_refusals_of_a_refresh_end_the_subscription(status: int) -> None:
    """The statuses of RFC 5057 section 5.1 (RFC 6665 section 4.1.2.2)."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "60"))
    talk.notify("active;expires=60")
    talk.pass_time(31)
    talk.next_request()
    talk.answer(status)
    ended = talk.ended()
    assert (ended.why, ended.status) == (End.REFUSED, status)


def test_other_refusals_of_a_refresh_leave_it_until_it_expires() -> None:
    """It is tried again half-way to the end, and then the time granted is over."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "600"))
    talk.notify("active;expires=600")
    tries = 0
    while talk.subscription.next_timer() is not None:
        talk.pass_time(1)
        if sent := talk.subscription.requests_to_send():
            tries += 1
            talk.sent += sent
            talk.answer(503)
    assert talk.ended().why is End.EXPIRED
    assert 2 <= tries <= 4
    assert talk.now == pytest.approx(1600.0, abs=1.0)


def test_an_interval_too_brief_is_taken_once() -> None:
    """423 with Min-Expires is asked again with it (section 4.1.2.1); a second 423 is a refusal."""
    talk = Talk(expires_seconds=60)
    talk.start()
    talk.answer(423, ("Min-Expires", "300"))
    again = talk.next_request()
    assert (again.headers.get("Expires"), again.headers.get("CSeq")) == ("300", "2 SUBSCRIBE")
    talk.answer(423, ("Min-Expires", "3000"))
    assert (talk.ended().status, talk.subscription.requests_to_send()) == (423, [])


@pytest.mark.parametrize(
    "rows", [[], [("Min-Expires", "soon")], [("Min-Expires", "60")], [("Min-Expires", "999999")]]
)
def test_an_interval_that_makes_no_sense_is_a_refusal(rows: list[tuple[str, str]]) -> None:
    """No Min-Expires, an unreadable one, no longer one, or one above a day."""
    talk = Talk(expires_seconds=60)
    talk.start()
    talk.answer(423, *rows)
    assert talk.ended().why is End.REFUSED


@pytest.mark.parametrize("status", [403, 404, 405, 480, 481, 489, 501, 503])
def test_a_refusal_of_the_first_subscribe_is_the_end(status: int) -> None:
    """Whatever the status: there is nothing that could stand without it."""
    talk = Talk()
    talk.start()
    talk.answer(status)
    assert talk.ended() == Ended(why=End.REFUSED, status=status)


def test_silence_is_the_end() -> None:
    """No answer and no NOTIFY."""
    talk = Talk()
    request = talk.start()
    talk.subscription.answered(request, None, talk.now)
    assert talk.ended() == Ended(why=End.UNANSWERED)


@pytest.mark.parametrize(
    "reason", ["deactivated", "probation", "rejected", "timeout", "giveup", "noresource", "invariant"]
)
def test_the_notifier_ends_it_with_a_reason(reason: str) -> None:
    """The reason and its retry-after are handed on (section 4.1.3)."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "600"))
    assert talk.notify(f"terminated;reason={reason};retry-after=9") == 200
    state = SubscriptionState.parse(f"terminated;reason={reason};retry-after=9")
    assert talk.ended() == Ended(why=End.CLOSED_BY_NOTIFIER, state=state)
    assert talk.notify() == 481


def test_a_fetch_is_one_question_and_one_notify() -> None:
    """Expires 0 (section 4.4.3); a notifier that calls the fetch active is told 481 next time."""
    talk = Talk(expires_seconds=0)
    assert talk.start().headers.get("Expires") == "0"
    talk.answer(202)
    assert talk.notify("active;expires=3600") == 200
    assert talk.ended().why is End.COMPLETE
    assert talk.subscription.next_timer() is None
    assert talk.notify() == 481


def test_leaving_asks_for_the_last_state() -> None:
    """Expires 0 within the dialog; the NOTIFY that follows is the end (section 4.1.2.3)."""
    talk = Talk()
    talk.start()
    talk.answer(200, ("Expires", "600"))
    talk.notify()
    talk.subscription.leave(talk.now)
    assert talk.next_request().headers.get("Expires") == "0"
    talk.subscription.leave(talk.now)
    assert talk.subscription.requests_to_send() == []
    talk.answer(200, ("Expires", "0"))
    assert talk.notify("active;expires=1") == 200
    assert talk.subscription.phase is Phase.LEAVING
    talk.notify("terminated;reason=timeout")
    assert talk.ended().why is End.COMPLETE


def test_leaving_before_the_first_notify_leaves_the_rest_to_481() -> None:
    """There is no dialog yet to unsubscribe in."""
    talk = Talk()
    talk.start()
    talk.subscription.leave(talk.now)
    assert talk.ended().why is End.COMPLETE
    assert talk.notify() == 481


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Call_ID": "other"}, 481),
        ({"To": f"<{US}>;tag=other"}, 481),
        ({"To": f"<{US}>"}, 481),
        ({"From": f"<{AGENT}>"}, 481),
        ({"From": f"<{AGENT}>;tag=fork"}, 481),
        ({"From": f'<{AGENT}>;tag="a b"'}, 481),
        ({"Event": "dialog"}, 489),
        ({"Event": "presence;id=1"}, 489),
        ({"Event": ""}, 400),
        ({"Subscription_State": ""}, 400),
        ({"CSeq": "1 NOTIFY"}, 500),
    ],
)
def test_only_its_own_notify_is_taken(headers: dict[str, str], status: int) -> None:
    """Call-ID, both tags, package and id must be ours; what is older than we know is refused."""
    talk = Talk()
    talk.start()
    talk.notify()
    talk.notify()
    talk.events()
    assert talk.notify(**headers) == status
    assert talk.events() == []


def test_a_notify_sent_twice_is_taken_once() -> None:
    """The same CSeq again is answered again and tells nothing new."""
    talk = Talk()
    talk.start()
    talk.notify(CSeq="5 NOTIFY")
    assert talk.notify(CSeq="5 NOTIFY") == 200
    assert len(talk.events()) == 1


def test_nothing_is_taken_before_the_start() -> None:
    """And a subscription starts once."""
    talk = Talk()
    assert talk.notify() == 481
    talk.start()
    with pytest.raises(MisuseError):
        talk.subscription.start(talk.now)


def test_pending_is_not_active() -> None:
    """The notifier has not yet decided; later it does."""
    talk = Talk()
    talk.start()
    phases = []
    for state in ("pending;expires=600", "active;expires=600"):
        talk.notify(state)
        phases.append(talk.subscription.phase)
    assert phases == [Phase.PENDING, Phase.ACTIVE]


def test_a_challenge_raises_the_count() -> None:
    """The request that was answered may be a later attempt of ours; the next one goes on from there."""
    talk = Talk()
    first = talk.start()
    attempt = Request(first.method, first.uri, first.headers.copy())
    attempt.headers.set("CSeq", "4 SUBSCRIBE")
    talk.subscription.answered(attempt, Response(200, "OK", Headers([("Expires", "60")])), talk.now)
    talk.notify("active;expires=60")
    talk.pass_time(31)
    assert talk.next_request().headers.get("CSeq") == "5 SUBSCRIBE"
