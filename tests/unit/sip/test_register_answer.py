"""What a registrar's answers mean."""

from __future__ import annotations

import pytest

from shiftline.sip.headers import Headers
from shiftline.sip.message import Response
from shiftline.sip.register_answer import (
    LONGEST_WISH_SECONDS,
    Verdict,
    failure_of,
    granted_seconds,
    minimum_expires,
    retry_after_seconds,
    verdict_on,
)
from shiftline.sip.uri import SipUri

OURS = SipUri(user="trunk", host="127.0.0.2", port=5062)
OTHER = SipUri(user="trunk", host="127.0.0.3", port=5062)


def an_answer(status: int, *rows: tuple[str, str]) -> Response:
    return Response(status, "", Headers(rows))


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.ACCEPTED), (202, Verdict.ACCEPTED), (302, Verdict.REFUSED), (305, Verdict.REFUSED),
     (400, Verdict.REFUSED), (401, Verdict.CREDENTIALS_REFUSED), (403, Verdict.REFUSED),
     (404, Verdict.REFUSED), (407, Verdict.CREDENTIALS_REFUSED), (408, Verdict.FAILED),
     (420, Verdict.REFUSED), (423, Verdict.TOO_BRIEF), (480, Verdict.FAILED), (500, Verdict.FAILED),
     (501, Verdict.REFUSED), (503, Verdict.FAILED), (504, Verdict.FAILED), (505, Verdict.REFUSED),
     (600, Verdict.REFUSED), (603, Verdict.REFUSED)],
)  # fmt: skip
def test_every_status_has_its_meaning(status: int, verdict: Verdict) -> None:
    """The server's troubles pass, its decisions do not."""
    assert verdict_on(an_answer(status)) is verdict


def test_a_refusal_with_a_time_is_a_failure() -> None:
    """403 with Retry-After is a carrier's "too fast" (facts: V21); a redirection stays one."""
    assert verdict_on(an_answer(403, ("Retry-After", "1800"))) is Verdict.FAILED
    assert verdict_on(an_answer(302, ("Retry-After", "1800"))) is Verdict.REFUSED


def test_silence_is_a_failure_with_words() -> None:
    """There is no status to tell."""
    assert verdict_on(None) is Verdict.FAILED
    assert failure_of(None).status is None


def test_a_redirection_says_where_to() -> None:
    """A person can set trunk.address to it; we do not follow."""
    failure = failure_of(an_answer(302, ("Contact", "<sip:other.example.com>, <sip:\x07>")))
    assert failure.status == 302
    assert "to other.example.com)" in failure.why


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("Contact", f"<{OURS}>;expires=120"), ("Expires", "60")], 120),
        ([("Contact", f'"Me" <{OURS}>;expires="90"')], 90),
        ([("Contact", f"<{OTHER}>;expires=20, <{OURS}>;expires=120")], 120),
        ([("Contact", f"<{OURS}>"), ("Expires", "60")], 60),
        ([("Contact", f"<{OTHER}>;expires=20"), ("Expires", "70")], 70),
        ([("Contact", f"<{OURS}>;expires=soon")], 3600),
        ([("Contact", "<nonsense>")], 3600),
        ([], 3600),
        ([("Contact", f"<{OURS}>;expires=0")], 0),
        ([("Expires", "99999999999999")], 3600),
    ],
)
def test_the_granted_time_is_found(rows: list[tuple[str, str]], expected: int) -> None:
    """Our contact's own parameter, else the header, else what we asked for."""
    assert granted_seconds(an_answer(200, *rows), [OURS], asked=3600) == expected


def test_the_shortest_of_our_contacts_counts() -> None:
    """One refresh serves them all."""
    answer = an_answer(200, ("Contact", f"<{OURS}>;expires=120"), ("Contact", f"<{OTHER}>;expires=80"))
    assert granted_seconds(answer, [OURS, OTHER], asked=3600) == 80


@pytest.mark.parametrize(
    ("written", "expected"),
    [("120", 120), ("18 (I'm busy)", 18), ("5;duration=3600", 5), ("soon", 0), ("", 0), ("-1", 0),
     ("9999999999", LONGEST_WISH_SECONDS)],
)  # fmt: skip
def test_a_retry_after_is_read(written: str, expected: float) -> None:
    """With comment and parameters (RFC 3261 section 20.33); nonsense is none."""
    assert retry_after_seconds(an_answer(503, ("Retry-After", written))) == expected


def test_a_min_expires_is_read() -> None:
    """Missing or unreadable is None."""
    assert minimum_expires(an_answer(423, ("Min-Expires", "600"))) == 600
    assert minimum_expires(an_answer(423, ("Min-Expires", "long"))) is None
    assert minimum_expires(an_answer(423)) is None
