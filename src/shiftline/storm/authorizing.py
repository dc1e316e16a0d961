"""Answers to digest challenges at the speed of a load engine (RFC 7616; RFC 3261 section 22).

A server's challenges differ in their nonce only. So what is around the nonce is read once, by the same
code as the connector's, and kept as a `_Form`; from then on an answer costs one hash and two joins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

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
_FIRST_COUNT = b"00000001"


class _Form:
    """A challenge without its nonce, and what an answer to it is made of."""

    def __init__(self, row: tuple[bytes, bytes], header: bytes, challenge: Challenge, cnonce: str) -> None:
        """``row`` is what stands before and after the nonce."""
        self.before, self.after = row
        self._header = header
        self._challenge = challenge
        self._cnonce = cnonce
        plain = not challenge.userhash and challenge.quality in {None, "auth"}
        self._is_quick = plain and challenge.algorithm in {"MD5", "SHA-256"}
        self._hash = hashlib.md5 if challenge.algorithm == "MD5" else hashlib.sha256
        self._head = header + b': Digest username="'
        self._realm = b'", realm=%s, nonce="' % quote(challenge.realm).encode()
        opaque = f", opaque={quote(challenge.opaque)}" if challenge.opaque is not None else ""
        quality = f', qop=auth, cnonce="{cnonce}", nc=' if challenge.quality else ""
        self._tail = f'", algorithm={challenge.algorithm}{opaque}{quality}'.encode()
        self._first_tail = self._tail + (_FIRST_COUNT if quality else b"") + b"\r\n"
        self._known: dict[tuple[bytes, bytes], tuple[bytes, bytes, bytes]] = {}

    def answer(self, user: User, method: bytes, uri: bytes, nonce: bytes, count: int = 1) -> bytes:
        """The whole row, with its line end."""
        if user.form is not self:
            self._give_key(user)
        if not self._is_quick:
            return self._slow_answer(user, method, uri, nonce, count)
        written, a2, ending = self._known.get((method, uri)) or self._learn(method, uri)
        tail = self._first_tail
        if count != 1 and self._challenge.quality:
            counted = b"%08x" % count
            ending = self._ending(counted, a2)
            tail = self._tail + counted + b"\r\n"
        digest = self._hash(b"".join((user.key, nonce, ending)), usedforsecurity=False).hexdigest().encode()
        return b"".join((self._head, user.name, self._realm, nonce, written, digest, tail))

    def _give_key(self, user: User) -> None:
        account = DigestAccount(username=user.name.decode(), password=user.password or Secret(""))
        key = account_key(account, self._challenge.realm, self._challenge.algorithm)
        user.key = f"{key}:".encode()
        user.form = self

    def _learn(self, method: bytes, uri: bytes) -> tuple[bytes, bytes, bytes]:
        """Of one kind of request: how its URI is written, its hash, what is hashed after a first nonce."""
        if len(self._known) >= _MOST_FORMS:
            self._known.clear()
        a2 = self._hash(b"%b:%b" % (method, uri), usedforsecurity=False).hexdigest().encode()
        known = b'", uri="%b", response="' % uri, a2, self._ending(_FIRST_COUNT, a2)
        self._known[method, uri] = known
        return known

    def _ending(self, counted: bytes, a2: bytes) -> bytes:
        if self._challenge.quality:
            return b":%b:%b:auth:%b" % (counted, self._cnonce.encode(), a2)
        return b":" + a2

    def _slow_answer(self, user: User, method: bytes, uri: bytes, nonce: bytes, count: int) -> bytes:
        """What is rare: session algorithms, hashed user names, auth-int."""
        challenge = self._challenge
        parts = {"realm": challenge.realm, "nonce": nonce.decode(), "uri": uri.decode()}
        plain = {"algorithm": challenge.algorithm}
        if challenge.quality:
            parts["cnonce"] = self._cnonce
            plain |= {"qop": challenge.quality, "nc": f"{count:08x}"}
        if challenge.opaque is not None:
            parts["opaque"] = challenge.opaque
        key = user.key.decode().removesuffix(":")
        response = keyed_response(key, method.decode(), {**parts, **plain})
        quoted = {**named_user(user.name.decode(), challenge), **parts, "response": response}
        written = [f"{name}={quote(value)}" for name, value in quoted.items()]
        written += [f"{name}={value}" for name, value in plain.items()]
        if challenge.userhash:
            written.append("userhash=true")
        return b"%b: Digest %b\r\n" % (self._header, ", ".join(written).encode())


class Authorizer:
    """Answers challenges for all users of one source; ``cnonce`` is its own."""

    def __init__(self, cnonce: str) -> None:
        self._cnonce = cnonce
        self._forms: dict[tuple[bytes, bytes], _Form | None] = {}
        self._last: _Form | None = None
        self._nonce = b""
        self._uses = 0

    def answer(self, status: bytes, response: bytes, user: User, method: bytes, uri: bytes) -> bytes | None:
        """The Authorization row for the topmost challenge we can answer; None when there is none.

        The nonce is remembered for `preempt`.
        """
        name, header = _ROWS[status]
        at = response.find(name)
        last = self._last
        if last is not None and response.startswith(last.before, at):
            start = at + len(last.before)
            stop = response.find(b'"', start)
            if response.startswith(last.after, stop):
                self._nonce = nonce = response[start:stop]
                self._uses = 1
                return last.answer(user, method, uri, nonce)
        if at < 0:  # another spelling of the row's name
            at = response.lower().find(name.lower())
        while at >= 0:
            end = response.find(b"\r\n", at + 2) + 2
            start = response.find(_NONCE, at, end) + len(_NONCE)
            stop = response.find(b'"', start, end)
            if start >= len(_NONCE) and stop >= 0:
                form = self._form_of(header, (response[at:start], response[stop:end]))
                if form is not None:
                    self._last, self._nonce, self._uses = form, response[start:stop], 1
                    return form.answer(user, method, uri, self._nonce)
            at = response.find(name, end - 2)
        return None

    def preempt(self, user: User, method: bytes, uri: bytes) -> bytes:
        """A row made from the last nonce, with the next count; nothing before there is one."""
        if self._last is None or not self._nonce:
            return b""
        self._uses += 1
        return self._last.answer(user, method, uri, self._nonce, self._uses)

    def forget(self) -> None:
        """Have the next flow be challenged: the nonce was refused."""
        self._nonce = b""

    def _form_of(self, header: bytes, row: tuple[bytes, bytes]) -> _Form | None:
        if row in self._forms:
            return self._forms[row]
        if len(self._forms) >= _MOST_FORMS:
            self._forms.clear()
        form: _Form | None = None
        value = (row[0].partition(b":")[2] + b"x" + row[1]).decode(errors="replace")
        try:
            challenge = Challenge.parse(value)
        except SipSyntaxError:
            pass  # another scheme, or a broken row: there may be a better one below it
        else:
            if challenge.answerable:
                form = _Form(row, header, challenge, self._cnonce)
        self._forms[row] = form
        return form
