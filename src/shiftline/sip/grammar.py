"""The grammar that several SIP headers share: tokens, quoted strings, lists and parameters.

Rules of this file: reading never raises and takes time linear in its input; writing raises MisuseError
rather than let a value end its line.
"""

from __future__ import annotations

import re

from shiftline.errors import MisuseError

Parameters = tuple[tuple[str, str | None], ...]
"""Name (lower case) and value (unquoted) of each ``;name=value`` in order; None where there is no value."""

TOKEN = re.compile(r"[A-Za-z0-9!%*_+`'~.-]+")
HOST_PATTERN = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*))"
HOST = re.compile(HOST_PATTERN)

_UNQUOTED_VALUE = re.compile(r"[A-Za-z0-9!%*_+`'~.\-\[\]:]+")
_MARKS = re.compile(r'\\.|[",;<>]', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# Lone surrogates other than those that stand for undecodable bytes have no bytes at all.
_UNWRITABLE = re.compile("[\r\n\0\ud800-\udc7f\udd00-\udfff]")


def refuse_unwritable(value: str, what: str) -> str:
    """Return ``value``. Raises MisuseError for CR, LF, NUL (they inject headers) and half surrogates."""
    if _UNWRITABLE.search(value):
        raise MisuseError(
            f"A {what} holds a line break, NUL or half a character.",
            remedy="Clean the value before it is sent.",
        )
    return value


def require_token(value: str, what: str) -> str:
    """Return ``value`` unless it is no token (RFC 3261 section 25.1)."""
    if not TOKEN.fullmatch(value):
        raise MisuseError(
            f"The {what} {value!r} is not a SIP token.", remedy="Use letters, digits and -.!%*_+`'~"
        )
    return value


def split_list(text: str, separator: str = ",") -> list[str]:
    """Split at ``separator`` outside quotes and angle brackets; parts are stripped, empty parts dropped."""
    if '"' not in text and "<" not in text:
        return [part for raw in text.split(separator) if (part := raw.strip())]
    parts: list[str] = []
    start = 0
    quoted = angled = False
    for mark in _MARKS.finditer(text):
        char = mark[0]
        if quoted:
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            angled = char == "<"
        elif char == separator and not angled:
            parts.append(text[start : mark.start()])
            start = mark.end()
    parts.append(text[start:])
    return [part for raw in parts if (part := raw.strip())]


def parse_parameters(text: str) -> Parameters:
    """Read ``;name=value;flag`` (RFC 3261 section 7.3.1); names are lowered, values unquoted."""
    parameters: list[tuple[str, str | None]] = []
    for part in split_list(text, ";"):
        name, equals, value = part.partition("=")
        parameters.append((name.rstrip().lower(), unquote(value.strip()) if equals else None))
    return tuple(parameters)


def format_parameters(parameters: Parameters) -> str:
    """Write ``;name=value``, quoting values that need it. Raises MisuseError for an illegal name."""
    written = []
    for name, value in parameters:
        require_token(name, "parameter name")
        if value is None:
            written.append(f";{name}")
        elif _UNQUOTED_VALUE.fullmatch(value):
            written.append(f";{name}={value}")
        else:
            written.append(f";{name}={quote(value)}")
    return "".join(written)


def parameter(parameters: Parameters, name: str) -> str | None:
    """The value of the first parameter called ``name`` (lower case); "" for a flag, None when absent."""
    for candidate, value in parameters:
        if candidate == name:
            return value or ""
    return None


def quote(text: str) -> str:
    """Write a quoted-string (RFC 3261 section 25.1)."""
    escaped = refuse_unwritable(text, "quoted string").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote(text: str) -> str:
    """Read a quoted-string; text that is not quoted comes back as it is."""
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text
