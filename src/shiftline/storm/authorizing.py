"""Answers to digest challenges at the speed of a load engine (RFC 7616; RFC 3261 section 22).

A server's challenges differ in their nonce only. So what is around the nonce is read once, by the same
code as the connector's, and kept as a `_Form`; from then on an answer costs one hash and one join.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from shiftline.errors import SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.digest import Challenge
from shiftline.sip.digest_values import DigestAccount, account_key, keyed_response, named_user
from shiftline.sip.grammar import quote
from shiftline.storm.users import User

_ROWS: Mapping[bytes, tuple[bytes, bytes]] = {
    b"401": (b"\r\nWWW-Authenticate:", b"Authorization"),
    b"407": (b"\r\nProxy-Authenticate:", b"Proxy-Authorization"),
}
_MOST_FORMS = 64
_NONCE = b'nonce="'
_Hash = Callable[[bytes], str]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_QUICK: Mapping[str, _Hash] = {"MD5": _md5, "SHA-256": _sha256}


class _Form:
    """A challenge without its nonce, and what an answer to it is made of."""

    __slots__ = ("_a2", "_hash", "_head", "_tail", "challenge", "cnonce", "header")

    def __init__(self, header: bytes, challenge: Challenge, cnonce: str) -> None:
        self.header = header
        self.challenge = challenge
        self.cnonce = cnonce
        plain = not challenge.userhash and challenge.quality in (None, "auth")
        self._hash = _QUICK.get(challenge.algorithm) if plain else None
        self._head = b'", realm=%s, nonce="' % quote(challenge.realm).encode()
        opaque = f", opaque={quote(challenge.opaque)}" if challenge.opaque is not None else ""
        quality = f', qop=auth, cnonce="{cnonce}", nc=' if challenge.quality else ""
        self._tail = f'", algorithm={challenge.algorithm}{opaque}{quality}'.encode()
        self._a2: dict[tuple[bytes, bytes], bytes] = {}

    def answer(self, user: User, method: bytes, uri: bytes, nonce: bytes, count: int) -> bytes:
        """The whole row, with its line end."""
        if user.form is not self:
            user.key = _key_of(user, self.challenge)
            user.form = self
        if self._hash is None:
            return self._slow_answer(user, method, uri, nonce, count)
        a2 = self._a2.get((method, uri)) or self._learn(method, uri)
        if self.challenge.qop:
            counted = b"%08x" % count
            middle = b":%b:%b:auth:" % (counted, self.cnonce.encode())
            end = counted + b"\r\n"
        else:
            middle, end = b":", b"\r\n"
        digest = self._hash(b"".join((user.key, b":", nonce, middle, a2))).encode()
        return b"".join(
            (
                self.header, b': Digest username="', user.name, self._head, nonce, b'", uri="', uri,
                b'", response="', digest, self._tail, end,
            )
        )  # fmt: skip

    def _learn(self, method: bytes, uri: bytes) -> bytes:
        assert self._hash is not None  # noqa: S101 - only the quick way comes here
        if len(self._a2) >= _MOST_FORMS:
            self._a2.clear()
        a2 = self._a2[method, uri] = self._hash(b"%b:%b" % (method, uri)).encode()
        return a2

    def _slow_answer(self, user: User, method: bytes, uri: bytes, nonce: bytes, count: int) -> bytes:
        """What is rare: session algorithms, hashed user names, auth-int."""
        challenge = self.challenge
        parts = {"realm": challenge.realm, "nonce": nonce.decode(), "uri": uri.decode()}
        plain = {"algorithm": challenge.algorithm}
        if challenge.quality:
            parts["cnonce"] = self.cnonce
            plain |= {"qop": challenge.quality, "nc": f"{count:08x}"}
        if challenge.opaque is not None:
            parts["opaque"] = challenge.opaque
        response = keyed_response(user.key.decode(), method.decode(), {**parts, **plain})
        quoted = {**named_user(user.name.decode(), challenge), **parts, "response": response}
        written = [f"{name}={quote(value)}" for name, value in quoted.items()]
        written += [f"{name}={value}" for name, value in plain.items()]
        if challenge.userhash:
            written.append("userhash=true")
        return b"%b: Digest %b\r\n" % (self.header, ", ".join(written).encode())


class Authorizer:
    """Answers challenges for all users of one process; ``cnonce`` is the process's own."""

    def __init__(self, cnonce: str) -> None:
        self._cnonce = cnonce
        self._forms: dict[bytes, _Form | None] = {}
        self._kept: tuple[_Form, bytes] | None = None
        self._uses = 0

    def answer(self, status: bytes, response: bytes, user: User, method: bytes, uri: bytes) -> bytes | None:
        """The Authorization row for the topmost challenge we can answer; None when there is none.

        The nonce is remembered for `preempt`.
        """
        name, header = _ROWS[status]
        at = response.find(name)
        if at < 0:  # another spelling of the row's name
            at = response.lower().find(name.lower())
        while at >= 0:
            end = response.find(b"\r\n", at + 2)
            start = response.find(_NONCE, at, end) + len(_NONCE)
            stop = response.find(b'"', start, end)
            if start >= len(_NONCE) and stop >= 0:
                around = response[at:start] + response[stop:end]
                form = self._forms[around] if around in self._forms else self._read(header, around)
                if form is not None:
                    nonce = response[start:stop]
                    self._kept, self._uses = (form, nonce), 1
                    return form.answer(user, method, uri, nonce, 1)
            at = response.find(name, end)
        return None

    def preempt(self, user: User, method: bytes, uri: bytes) -> bytes:
        """A row made from the last nonce, with the next count; nothing before there is one."""
        if self._kept is None:
            return b""
        form, nonce = self._kept
        self._uses += 1
        return form.answer(user, method, uri, nonce, self._uses)

    def forget(self) -> None:
        """Have the next flow be challenged: the nonce was refused."""
        self._kept = None

    def _read(self, header: bytes, around: bytes) -> _Form | None:
        if len(self._forms) >= _MOST_FORMS:
            self._forms.clear()
        value = around.partition(b":")[2].decode(errors="replace").replace('nonce=""', 'nonce="x"')
        form: _Form | None = None
        try:
            challenge = Challenge.parse(value)
        except SipSyntaxError:
            pass  # another scheme, or a broken row: there may be a better one below it
        else:
            if challenge.answerable:
                form = _Form(header, challenge, self._cnonce)
        self._forms[around] = form
        return form


def _key_of(user: User, challenge: Challenge) -> bytes:
    account = DigestAccount(username=user.name.decode(), password=user.password or Secret(""))
    return account_key(account, challenge.realm, challenge.algorithm).encode()
