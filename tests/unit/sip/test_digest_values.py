"""Digest's values: the published examples, rows that hold several challenges, names that are hidden."""

from __future__ import annotations

import pytest

from shiftline.secrets import Secret
from shiftline.sip.digest_values import (
    Challenge,
    DigestAccount,
    account_key,
    claimed_user,
    digest_response,
    hashed_username,
    keyed_response,
    named_user,
    parse_digest,
    split_challenges,
)

MUFASA_2617 = {
    "realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093", "uri": "/dir/index.html",
    "qop": "auth", "nc": "00000001", "cnonce": "0a4f113b",
}  # fmt: skip
MUFASA_7616 = {
    "realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "uri": "/dir/index.html", "qop": "auth", "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
}  # fmt: skip
JASON = {
    "realm": "api@example.org", "nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
    "uri": "/doe.json", "qop": "auth", "nc": "00000001", "algorithm": "SHA-512-256",
    "cnonce": "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
}  # fmt: skip
JASONS_NAME = "J\u00e4s\u00f8n Doe"


@pytest.mark.parametrize(
    ("username", "password", "given", "expected"),
    [
        # RFC 2617 section 3.5
        ("Mufasa", "Circle Of Life", MUFASA_2617, "6629fae49393a05397450978507c4ef1"),
        # RFC 7616 section 3.9.1, MD5 and SHA-256
        ("Mufasa", "Circle of Life", MUFASA_7616 | {"algorithm": "MD5"}, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            "Mufasa", "Circle of Life", MUFASA_7616 | {"algorithm": "sha-256"},
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        # RFC 7616 section 3.9.2 as erratum 4897 corrects it: the print used a draft of SHA-512/256
        (
            JASONS_NAME, "Secret, or not?", JASON,
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
        ),
    ],
)  # fmt: skip
def test_the_published_examples_come_out(
    username: str, password: str, given: dict[str, str], expected: str
) -> None:
    """The digest equals the ones printed in RFC 2617 and RFC 7616."""
    account = DigestAccount(username=username, password=Secret(password))
    assert digest_response(account, "GET", given) == expected


def test_the_published_user_hash_comes_out() -> None:
    """RFC 7616 section 3.9.2, as erratum 4897 corrects it."""
    expected = "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert hashed_username(JASONS_NAME, "api@example.org", "SHA-512-256") == expected


def test_auth_int_covers_the_body() -> None:
    """Another body is another response; with qop auth it is not looked at."""
    account = DigestAccount(username="agent0001", password=Secret("secret"))
    for quality, bodies_differ in (("auth", False), ("auth-int", True)):
        given = MUFASA_7616 | {"qop": quality}
        one, other = (digest_response(account, "NOTIFY", given, body) for body in (b"open", b"closed"))
        assert (one != other) is bodies_differ


def test_a_session_key_depends_on_the_cnonce() -> None:
    """MD5-sess: A1 takes in nonce and cnonce (RFC 7616 section 3.4.2), worked out by hand here."""
    account = DigestAccount(username="u", password=Secret("p"))
    given = {"nonce": "n", "uri": "/", "qop": "auth", "nc": "00000001", "cnonce": "c"}
    key = account_key(account, "r", "MD5-sess")
    assert keyed_response(key, "GET", given | {"algorithm": "MD5-sess"}) == "6e4aac8b22e97762f88ccd0d5ccf5b1d"
    assert keyed_response(key, "GET", given) != keyed_response(key, "GET", given | {"algorithm": "MD5-sess"})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('Digest realm="a", nonce="b"', ['Digest realm="a", nonce="b"']),
        (
            'Digest realm="a, Digest b", nonce="1",algorithm=SHA-256, Digest realm="a", nonce="2"',
            ['Digest realm="a, Digest b", nonce="1", algorithm=SHA-256', 'Digest realm="a", nonce="2"'],
        ),
        ('Negotiate, Basic realm="x", Digest nonce = "1", realm="y"',
         ["Negotiate", 'Basic realm="x"', 'Digest nonce = "1", realm="y"']),
        ('Digest realm = "a", nonce = "b"', ['Digest realm = "a", nonce = "b"']),
        ("", []),
    ],
)  # fmt: skip
def test_a_row_may_hold_several_challenges(row: str, expected: list[str]) -> None:
    """A word with a blank and no equals sign after it begins the next one."""
    assert split_challenges(row) == expected


def test_the_name_is_sent_as_the_challenge_asks() -> None:
    """Hashed, in extended notation, or as it is; only UTF-8 is announced that way."""
    plain = Challenge(realm="r", nonce="n")
    announced = Challenge(realm="r", nonce="n", charset="UTF-8")
    hidden = Challenge(realm="r", nonce="n", charset="UTF-8", userhash=True, algorithm="SHA-256")
    assert named_user("jörg", plain) == {"username": "jörg"}
    assert named_user("jorg", announced) == {"username": "jorg"}
    assert named_user("jörg", announced) == {"username*": "UTF-8''j%C3%B6rg"}
    assert named_user("jörg", hidden) == {"username": hashed_username("jörg", "r", "SHA-256")}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("username*=UTF-8''j%C3%B6rg", "jörg"),
        ("username*=utf-8'de'j%C3%B6rg", "jörg"),
        ("username*=ISO-8859-1''j%F6rg", None),
        ("username*=jorg", None),
        ('username="jorg"', "jorg"),
        ('realm="r"', None),
    ],
)
def test_a_claimed_name_is_read(written: str, expected: str | None) -> None:
    """Extended notation is RFC 5987's; another charset than UTF-8 claims nobody."""
    assert claimed_user(parse_digest(f"Digest {written}")) == expected


def test_no_repr_tells_a_nonce() -> None:
    """A challenge may be logged."""
    challenge = Challenge(realm="lab", nonce="n0nce", opaque="0paque")
    assert "n0nce" not in repr(challenge)
    assert "0paque" not in repr(challenge)
