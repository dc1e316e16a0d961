"""What may be shown of a SIP message: a copy without its secrets, for ladders, captures and reports.

Whoever has ``response``, ``nonce``, ``realm`` and method can try passwords at home until one fits, and
where a server does not check the nonce count, can send the credentials again. So these go:

- the values of Authorization, Proxy-Authorization, WWW- and Proxy-Authenticate, Authentication-Info and
  its proxy twin, but for the parameters named in `_SHOWN`; of any other scheme than Digest all of it;
- the values of other headers that carry tokens, by name (X-Auth-Token, Cookie, Api-Key);
- ``response=``, ``nonce=``, ``password=`` and their kin wherever else they stand: in a broken header line,
  in a URI, in a body, also as members of JSON and elements of XML;
- the password of a URI (``sip:user:password@host``);
- media keys of a session description (RFC 4568 ``a=crypto``, RFC 4567 ``a=key-mgmt``, ``k=``, ICE passwords).

The user name stays: From and To say it anyway, and without it no trace can be read. A nonce becomes a
label made from its hash, so that one can still see whether it was a new one. Nothing is parsed: a broken
message is redacted by its lines, and rather loses too much. Time is linear in the message.

Rules of this file: never raise; never change a byte of a message without secrets; `redact` twice is
`redact` once.
"""

from __future__ import annotations

import hashlib
import re

_MASK = b"redacted"
_LABEL = re.compile(rb"redacted(?:-[0-9a-f]{8})?")
_NONCES = frozenset({b"nonce", b"nextnonce"})
_SHOWN = frozenset({
    b"username", b"username*", b"userhash", b"realm", b"uri", b"algorithm", b"qop", b"nc", b"stale",
    b"domain", b"charset",
})  # fmt: skip
_HIDDEN = frozenset({b"nonce", b"nextnonce", b"response", b"cnonce", b"rspauth", b"opaque"})
_SHOWN_WITH_EQUALS = frozenset({b"uri", b"domain"})
"""Parameters whose values may rightly hold ``=``; elsewhere it hints at a quote that was never closed."""

_WORDS = (
    rb"response|c?nonce|nextnonce|opaque|rspauth|auts|ha1|password|passwd|pwd|passphrase|secret|client_secret"
    rb"|token|access_token|refresh_token|api_?key|(?:proxy-)?authorization"
)
_HINTS = (
    b"auth", b"auts", b"nonce", b"response", b"opaque", b"ha1", b"pass", b"pwd", b"secret", b"token",
    b"cookie", b"api",
)  # fmt: skip
"""One of these stands in whatever `_ASSIGNED`, `_TAGGED` and `_ROW` find."""
_KEY_HINTS = (b"a=crypto", b"a=key-mgmt", b"a=ice-pwd", b"k=")
# Blanks and folds (RFC 3261 section 25.1), but never the end of the header.
_BLANKS = rb"(?:[ \t]|\r?\n[ \t])*"
_QUOTED = rb'"(?:[^"\\\r\n]|\r(?!\n)|\r?\n[ \t]|\\(?:[^\r\n]|\r(?!\n)))*'
_ASSIGNED = re.compile(
    rb"(?<![A-Za-z0-9])(" + _WORDS + rb")(" + _BLANKS + rb"=" + _BLANKS + rb")"
    rb"((?:" + _QUOTED + rb'"?|[^,;\s>"])+)',
    re.IGNORECASE,
)
# In bodies: "password": "..." and <password>...</password>
_TAGGED = re.compile(
    rb'("(?:' + _WORDS + rb')"\s*:\s*"|<(?:' + _WORDS + rb')>)((?:[^"<\\\r\n]|\\[^\r\n])+)', re.IGNORECASE
)
_DIGEST_NAMES = rb"(?:proxy-|www-)?(?:authorization|authenticate)|(?:proxy-)?authentication-info"
_DIGEST_NAME = re.compile(_DIGEST_NAMES)
_ROW = re.compile(
    rb"((?:^|[\r\n])[ \t]*)"
    rb"(" + _DIGEST_NAMES + rb"|(?:[\w-]{0,40}-)?"
    rb"(?:auth|token|secret|password|cookie2?|api-?key)(?:-[\w-]{0,40})?)"
    rb"(" + _BLANKS + rb":|[ \t])"
    # A line that is no header and not blank goes on with the value: somebody forgot to indent it.
    rb"((?:[^\r\n]|\r(?!\n)|\r?\n(?:[ \t]|(?!\r?\n|[\w.-]{1,64}[ \t]*:|\Z)))*)",
    re.IGNORECASE,
)
_SCHEME = re.compile(_BLANKS + rb"(digest|basic|bearer|ntlm|negotiate)(?![^\s])", re.IGNORECASE)
_PARAMETER = re.compile(
    _BLANKS + rb"(digest[ \t\r\n]+)?" + _BLANKS + rb"([\w*.!%+`'~-]+)(" + _BLANKS + rb"=" + _BLANKS + rb")"
    rb"(" + _QUOTED + rb'"|[^\s,"]+)' + _BLANKS + rb"(?:,|\Z)",
    re.IGNORECASE,
)
_NO_MORE = re.compile(rb"[\s,]*\Z")
_RUN = re.compile(rb'[^\s<>"]+')
_URI = re.compile(rb"(?:sips?:|[a-z]{2,8}://)", re.IGNORECASE)
_NEXT_URI = re.compile(rb"(?<=,)(?=sips?:)", re.IGNORECASE)
_PORT = re.compile(rb"\d{1,5}[;?/]")
_MEDIA_KEY = re.compile(
    rb"((?:^|[\r\n])[ \t]*(?:a=crypto:(?:\d+[ \t]+[\w-]+[ \t]+)?(?:inline:)?|a=key-mgmt:(?:\w+[ \t]+)?"
    rb"|a=ice-pwd:|k=(?:clear|base64|uri):))((?:[^\r\n]|\r(?!\n)|\r?\n[ \t])*)",
    re.IGNORECASE,
)
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"(\n(?:content-length|l)[ \t]*:[ \t]*)(\d{1,9})(?=[ \t]*\r?\n)", re.IGNORECASE)


def redact(data: bytes) -> bytes:
    """A copy of a message, whole or broken, without secrets; Content-Length follows the body."""
    words, shown = data.lower(), data
    if any(hint in words for hint in _HINTS):  # most messages hold none, and cost little
        shown = _ASSIGNED.sub(_without_value, shown)
        shown = _TAGGED.sub(rb"\1" + _MASK, shown)
    if b"@" in shown:
        shown = _RUN.sub(_without_uri_password, shown)
    if any(hint in words for hint in _KEY_HINTS):
        shown = _MEDIA_KEY.sub(_without_rest, shown)
    if any(hint in words for hint in _HINTS):
        shown = _ROW.sub(_without_credentials, shown)
    return data if shown == data else with_length(shown, body_length(shown) - body_length(data))


def _masked(name: bytes, value: bytes) -> bytes:
    """What is shown instead of ``value``, quoted if it was."""
    quoted = value.startswith(b'"')
    bare = value.strip(b'"')
    if _LABEL.fullmatch(bare):
        mask = bare
    elif name in _NONCES:
        mask = _MASK + b"-" + hashlib.sha256(bare).hexdigest()[:8].encode()
    else:
        mask = _MASK
    return b'"' + mask + b'"' if quoted else mask


def _without_value(found: re.Match[bytes]) -> bytes:
    return found[1] + found[2] + _masked(found[1].lower(), found[3])


def _without_rest(found: re.Match[bytes]) -> bytes:
    """Keep the first group; of the second only the blanks around it."""
    value = found[2]
    if not value.strip():
        return found[0]
    end = value[len(value.rstrip()) :]
    return found[1] + _MASK + end


def _without_credentials(found: re.Match[bytes]) -> bytes:
    start, name, colon, value = found[1], found[2].lower(), found[3], found[4]
    inner = value.rstrip()
    if not inner.strip() or (b":" not in colon and not _DIGEST_NAME.fullmatch(name)):
        return found[0]  # a name of another kind without its colon is a word of some text
    end = value[len(inner) :]
    shown = _digest_without_secrets(inner, needs_scheme=not name.endswith(b"-info"))
    if shown is None:
        scheme = _SCHEME.match(inner)
        lead = scheme[0] + b" " if scheme else inner[: len(inner) - len(inner.lstrip())]
        shown = lead + _MASK
    return start + found[2] + colon + shown + end


def _digest_without_secrets(value: bytes, *, needs_scheme: bool) -> bytes | None:
    """A Digest value with the shown parameters only; None when it is not wholly one."""
    parts: list[bytes] = []
    names: set[bytes] = set()
    position = 0
    while not _NO_MORE.match(value, position):
        found = _PARAMETER.match(value, position)
        if found is None or (not parts and needs_scheme and not found[1]):
            return None
        name, text = found[2].lower(), found[4]
        names.add(name)
        if not _may_be_shown(name, text):
            text = _masked(name, text)
        parts += [value[position : found.start(4)], text, value[found.end(4) : found.end()]]
        position = found.end()
    is_digest = names & (_SHOWN | _HIDDEN)  # else a name may be a token itself
    return b"".join([*parts, value[position:]]) if is_digest else None


def _may_be_shown(name: bytes, value: bytes) -> bool:
    if name not in _SHOWN:
        return False
    return b"=" not in value or (name in _SHOWN_WITH_EQUALS and b"," not in value)


def _without_uri_password(found: re.Match[bytes]) -> bytes:
    run = found[0]
    if b"@" not in run or not _URI.search(run):
        return run
    return b"".join([_uri_without_password(uri) for uri in _NEXT_URI.split(run)])


def _uri_without_password(text: bytes) -> bytes:
    """Only ``user:password@`` counts: a colon after the first ``@`` is a port's or a URI header's."""
    scheme = _URI.search(text)
    first = text.find(b"@", scheme.end()) if scheme else -1
    if scheme is None or first < 0:
        return text
    colon = text.find(b":", scheme.end(), first)
    if colon < 0 or text.startswith(b"[", scheme.end()) or _PORT.match(text, colon + 1):
        return text
    # A password with an ``@`` that nobody escaped goes on to the last one before parameters begin.
    host_end = min((at for mark in b";?" if (at := text.find(mark, first)) >= 0), default=len(text))
    last = text.rfind(b"@", first, host_end)
    if text[colon + 1 : last] in (b"", _MASK):
        return text
    return text[: colon + 1] + _MASK + text[last:]


def body_length(data: bytes) -> int:
    """Bytes after the head; 0 where it does not end."""
    end = _END_OF_HEAD.search(data)
    return len(data) - end.end() if end else 0


def with_length(data: bytes, grown: int) -> bytes:
    """Let the first Content-Length grow with the body, so that the copy is framed as the original was."""
    end = _END_OF_HEAD.search(data)
    if not grown or end is None:
        return data
    found = _LENGTH.search(data, 0, end.end())
    if found is None:
        return data
    length = max(0, int(found[2]) + grown)
    return data[: found.start(2)] + str(length).encode() + data[found.end(2) :]
