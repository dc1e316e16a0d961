"""The grammar that several SIP headers share: tokens, quoted strings, lists and parameters.

Rules of this file: reading takes time linear in its input, and raises SipSyntaxError only for more
parameters than anyone sends; writing raises MisuseError rather than let a value end its line.
"""

from __future__ import annotations

import re

from shiftline.errors import MisuseError, SipSyntaxError

Parameters = tuple[tuple[str, str | None], ...]
"""Name (lower case) and value (unquoted) of each ``;name=value`` in order; None where there is no value."""

TOKEN = re.compile(r"[A-Za-z0-9!%*_+`'~.-]+")
HOST_PATTERN = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*))"
HOST = re.compile(HOST_PATTERN)

_UNQUOTED_VALUE = re.compile(r"[A-Za-z0-9!%*_+`'~.\-\[\]:]+")
# Possessive throughout, so that a hostile value costs linear time. An open quote or bracket runs to the end.
_QUOTED = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_PLAIN_PARTS = {separator: re.compile(rf"[^{separator}]++") for separator in ",;"}
_PARTS = {
    separator: re.compile(
        rf'(?:[^"<\\{separator}]++|\\(?:.|\Z)|{_QUOTED}|<(?:[^">\\]++|\\.|{_QUOTED})*+(?:>|\\?\Z))++',
        re.DOTALL,
    )
    for separator in ",;"
}
_CLOSED = r'"(?:[^"\\]++|\\.)*+"'
_CLOSED_STRING = re.compile(_CLOSED, re.DOTALL)
_UP_TO_OPEN_QUOTE = re.compile(rf'(?:[^"]++|{_CLOSED})*+', re.DOTALL)
_MOST_PARAMETERS = 512
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
    plain = '"' not in text and "<" not in text
    if plain and separator not in text:
        part = text.strip()
        return [part] if part else []
    patterns = _PLAIN_PARTS if plain else _PARTS
    return [part for raw in patterns[separator].findall(text) if (part := raw.strip())]


def parse_parameters(text: str) -> Parameters:
    """Read ``;name=value;flag`` (RFC 3261 section 7.3.1); names are lowered, values unquoted."""
    if not text:
        return ()
    parameters: list[tuple[str, str | None]] = []
    for part in split_parameters(text):
        name, equals, value = part.partition("=")
        parameters.append((name.rstrip().lower(), unquote(value.strip()) if equals else None))
    return tuple(parameters)


def split_parameters(text: str, separator: str = ";") -> list[str]:
    """The parts of a list of parameters, still unread. Raises SipSyntaxError for more than 512."""
    if text.count(separator) > _MOST_PARAMETERS:
        parts = split_list(text, separator)
        if len(parts) > _MOST_PARAMETERS:
            raise SipSyntaxError(f"There are more than {_MOST_PARAMETERS} parameters in one value.")
        return parts
    return split_list(text, separator)


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


class WithParameters:
    """A header value that ends in ``;name=value`` parameters."""

    __slots__ = ()
    parameters: Parameters

    def parameter(self, name: str) -> str | None:
        """The value of the parameter ``name`` (lower case); "" for a flag, None when absent."""
        return parameter(self.parameters, name)


def read_number(text: str, most: int = 2**32 - 1) -> int | None:
    """Read 1*DIGIT; None for anything else and for what exceeds ``most``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 64):
        return None
    number = int(text)
    return number if number <= most else None


def bracketed(host: str) -> str:
    """A host as URIs, Via and people write it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def quote(text: str) -> str:
    """Write a quoted-string (RFC 3261 section 25.1)."""
    escaped = refuse_unwritable(text, "quoted string").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def without_quoted(text: str) -> tuple[str, bool]:
    """The text without its quoted strings, up to a quote that opens one without an end, if there is one."""
    if '"' not in text:
        return text, False
    whole = _UP_TO_OPEN_QUOTE.match(text)
    end = whole.end() if whole else 0
    return _CLOSED_STRING.sub("", text[:end]), end < len(text)


def unquote(text: str) -> str:
    """Read a quoted-string; text that is not quoted comes back as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    # Pair by pair from the left; no line of a message holds NUL, so it can stand for an escaped backslash.
    return inner.replace("\0", "").replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
