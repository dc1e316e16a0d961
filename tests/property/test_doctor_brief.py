"""The short way of reading is the long way: credentials with holes in them, exchanges in brief."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.doctor.captures import request, response

from shiftline.diagnosis.exchange import Carried, Challenge, Exchange, brief
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.nonces import NonceBook
from shiftline.diagnosis.probe import Credentials
from shiftline.doctor.reading import logins
from shiftline.doctor.reading.heads import Heads
from shiftline.doctor.reading.holes import holes_in
from shiftline.doctor.reading.sighting import Flow
from shiftline.sip.glance import printable

FLOW = Flow("192.0.2.7", 5060, "198.51.100.1", 5060)
_LOGINS = ("Proxy-Authorization", "Authorization")
_CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")
NAMES = (
    *("username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "qop", "nc", "opaque", "stale"),
    *("Nonce", "RESPONSE", "nonce", "response", "digest-uri", "x"),
)
VALUE = st.text(st.sampled_from('ab09,=*"\\; é'), max_size=8)
PLAIN = st.sampled_from(("MD5", "true", "00000001", "0000002a", "auth", "Digest", "x y", ""))
ORDINARY = 'username="a", realm="lab", nonce="n", uri="sip:h", response="0a"'


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """Credentials or a challenge, written as anybody might."""
    parts = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), VALUE.map(lambda text: f'"{text}"') | PLAIN), max_size=8)
    )
    written = [f"{name}={value}" for name, value in parts]
    if draw(st.booleans()):
        written.insert(draw(st.integers(0, len(written))), ORDINARY)
    between = draw(st.sampled_from((", ", ",", " , ", "  ")))
    return (
        draw(st.sampled_from(("Digest ", "digest  ", "DIGEST ", "Basic "))) + between.join(written)
    ).encode()


@given(rows())
@example(b'Digest nonce="n", response="r", nc=Digest')
@example(b'Digest username="a", digest-uri="sip:h", realm="lab", nonce="n", response="0a"')
@example(b'Digest nonce="n", response="r", nc=0000000a, username="nonce=\'x\'"')
def test_credentials_with_holes_are_the_credentials(row: bytes) -> None:
    holes = holes_in(row, is_login=True)
    if holes is not None:
        found, _, _ = logins.carried(holes.words)
        nonce, count = row[slice(*holes.nonce)], row[slice(*holes.nonce_count)]
        assert (found, printable(nonce), logins.count[count]) == logins.carried(row)


@given(rows())
def test_a_challenge_with_holes_is_the_challenge(row: bytes) -> None:
    holes = holes_in(row, is_login=False)
    if holes is not None:
        found, _ = logins.challenge(holes.words)
        assert (found, printable(row[slice(*holes.nonce)])) == logins.challenge(row)


def test_what_nearly_everybody_writes_is_cut() -> None:
    row = (
        b'Digest username="a", realm="lab", nonce="n1", uri="sip:h", response="0a", algorithm=MD5, '
        b'cnonce="c", opaque="o", qop=auth, nc=00000001'
    )
    holes = holes_in(row, is_login=True)
    assert holes is not None
    assert holes.words == (
        b'Digest username="a", realm="lab", nonce="*", uri="sip:h", response="*", algorithm=MD5, '
        b'cnonce="*", opaque="*", qop=auth, nc=*'
    )


@given(st.lists(rows(), max_size=2), st.booleans())
def test_all_ways_cut_the_same(digests: list[bytes], is_answer: bool) -> None:
    names = _CHALLENGES if is_answer else _LOGINS
    told = zip(names, digests, strict=False)
    extra = "".join(f"{name}: {row.decode().strip()}\r\n" for name, row in told)
    data = response("401 Unauthorized", extra=extra) if is_answer else request(extra=extra)
    common, *changing = Heads().read(FLOW, data)
    heads = Heads()
    for _ in range(7):  # row by row, by a shape, by a stencil
        again, *found = heads.read(FLOW, data)
        assert (again.values, found) == (common.values, changing)


TEXT = st.text(max_size=5)


@given(
    st.none()
    | st.builds(Carried, username=TEXT, realm=TEXT, nonce=TEXT, nonce_count=st.none() | st.integers()),
    st.none() | st.builds(Challenge, realm=TEXT, nonce=TEXT, is_stale=st.booleans()),
    st.dictionaries(st.sampled_from(("server", "date", "contact")), TEXT.filter(bool)),
    st.lists(st.floats(0.0, 9.0), max_size=3).map(tuple),
)
def test_an_exchange_in_brief_is_the_exchange(
    carried: Carried | None, challenge: Challenge | None, hints: dict[str, str], after: tuple[float, ...]
) -> None:
    whole = Exchange(at=1.0, source="192.0.2.7", method="REGISTER", carried=carried, challenge=challenge)
    whole = replace(whole, hints=hints, copies=1 + len(after), copied_after=after, status=401, packet=3)
    one = brief(whole)
    assert one.exchange() == whole
    assert one.places == whole.places


@given(st.none() | st.integers())
@example(-5)
def test_any_nonce_count_can_be_judged(count: int | None) -> None:
    asked = Exchange(at=1.0, source="192.0.2.7", method="REGISTER", status=401)
    book = NonceBook()
    book.judge(brief(replace(asked, challenge=Challenge(realm="lab", nonce="n"))))
    login = Carried(username="a", realm="lab", nonce="n", nonce_count=count)
    found = book.judge(brief(replace(asked, at=1.1, status=200, carried=login)))
    assert found == (Outcome.OK, Credentials.FRESH)
