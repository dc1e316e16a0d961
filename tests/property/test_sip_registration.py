"""Registrations under any answers and any windows: they hold, they end, and they keep their rules."""

from __future__ import annotations

from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st

from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response
from shiftline.sip.refresh import (
    EARLIEST_SHARE,
    GUARD_SECONDS,
    LEAD_SECONDS,
    LEAD_SHARE,
    Window,
    keep_clear,
    plan_refresh,
)
from shiftline.sip.registration import Binding, Registration, Unregistered
from shiftline.sip.registration_table import RegistrationState
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq

CONTACT = SipUri(user="trunk", host="127.0.0.2", port=5062)
BINDING = Binding(aor=SipUri(user="trunk", host="lab"), registrar=SipUri(host="lab"), contacts=(CONTACT,))
TIMES = st.floats(-5000, 10_000)
GRANTS = st.integers(1, 7200)
JITTERS = st.floats(0.0, 1.0, exclude_max=True)
WINDOWS = st.lists(
    st.tuples(st.floats(-4000, 9000), st.floats(1, 4000)).map(lambda w: (w[0], w[0] + w[1])), max_size=4
)
ANSWERS = st.sampled_from([200, 200, 200, 302, 401, 403, 404, 408, 423, 500, 503, 603, None])


def a_registration(jitter: float, windows: list[Window]) -> Registration:
    tokens = count(1)
    return Registration(
        BINDING,
        digest=None,
        token=lambda: f"t{next(tokens)}",
        jitter=lambda: jitter,
        windows=lambda _: windows,
    )


def ok(seconds: int) -> Response:
    return Response(200, "OK", Headers([("Contact", f"<{CONTACT}>;expires={seconds}")]))


@given(granted=GRANTS, windows=WINDOWS, jitter=JITTERS)
def test_a_refresh_is_in_a_window_only_where_no_other_moment_is(
    granted: int, windows: list[Window], jitter: float
) -> None:
    """Never outside the granted time, never near a window while some moment of it is clear of all."""
    refresh = plan_refresh(granted, 0.0, windows, jitter)
    earliest = EARLIEST_SHARE * granted
    latest = granted - min(granted / 2, max(LEAD_SECONDS, LEAD_SHARE * granted))
    assert earliest <= refresh.at <= latest
    # The first clear moment, if there is one, is the beginning or follows the end of a window.
    moments = [earliest, *(closes + GUARD_SECONDS for _, closes in windows)]
    clear = [
        moment
        for moment in moments
        if earliest <= moment <= latest
        and not any(opens - GUARD_SECONDS < moment < closes + GUARD_SECONDS for opens, closes in windows)
    ]
    if clear:
        assert not refresh.in_window
        assert not any(opens <= refresh.at <= closes for opens, closes in windows)


@given(window=WINDOWS, moments=st.tuples(TIMES, TIMES, TIMES), spread=st.floats(0.0, 1e4))
def test_a_moved_refresh_stays_between_its_bounds(
    window: list[Window], moments: tuple[float, float, float], spread: float
) -> None:
    """However windows and wish lie, and untouched where its moment is clear."""
    earliest, wish, latest = sorted(moments)
    moved = keep_clear(wish, earliest, latest, window, spread)
    assert earliest <= moved.at <= latest
    if not any(opens - GUARD_SECONDS <= wish <= closes + GUARD_SECONDS for opens, closes in window):
        assert moved.at == wish


@given(grants=st.lists(GRANTS, min_size=1, max_size=12), windows=WINDOWS, jitter=JITTERS,
       delay=st.floats(0.0, 0.4))  # fmt: skip
def test_a_registration_never_lapses_while_answers_come(
    grants: list[int], windows: list[Window], jitter: float, delay: float
) -> None:
    """Each refresh is answered before the binding that it renews has ended."""
    registration = a_registration(jitter, windows)
    registration.start(0.0)
    for granted in grants:
        due = registration.next_due()
        assert due is not None
        assert registration.until is None or due + delay < registration.until
        registration.answered(registration.request(due), ok(granted), due + delay)
        assert registration.state is RegistrationState.REGISTERED


@given(answers=st.lists(ANSWERS, max_size=30), minima=st.integers(0, 9000), jitter=JITTERS,
       stop_after=st.integers(0, 30))  # fmt: skip
def test_any_answers_keep_the_rules_and_a_stop_ends_it(
    answers: list[int | None], minima: int, jitter: float, stop_after: int
) -> None:
    """One REGISTER at a time, rising CSeq in one call, no busy loop, and an end after at most a few more."""
    registration = a_registration(jitter, [])
    registration.start(0.0)
    sent: list[tuple[float, Request]] = []
    for number, status in enumerate([*answers, *[None] * 8]):
        if number == min(stop_after, len(answers)):
            registration.stop(sent[-1][0] if sent else 0.0)
        due = registration.next_due()
        if due is None:
            continue
        request = registration.request(due)
        assert registration.next_due() is None
        sent.append((due, request))
        rows = [("Min-Expires", f"{minima}"), ("Contact", f"<{CONTACT}>;expires=100")]
        answer = None if status is None else Response(status, "", Headers(rows))
        registration.answered(request, answer, due)
    assert registration.state is RegistrationState.UNREGISTERED
    assert registration.next_due() is None
    events = []
    while (event := registration.next_event()) is not None:
        events.append(event)
    assert isinstance(events[-1], Unregistered)
    assert len({request.headers.get("Call-ID") for _, request in sent}) <= 1
    numbers = [CSeq.parse(request.headers.get("CSeq") or "").number for _, request in sent]
    assert numbers == list(range(1, len(sent) + 1))
    assert all(later >= earlier for (earlier, _), (later, _) in pairwise(sent))
