"""Lists, parameters and quoted strings."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError
from shiftline.sip.grammar import format_parameters, parameter, parse_parameters, quote, split_list, unquote


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b,c", ["a", "b", "c"]),
        (",a,, b ,", ["a", "b"]),
        ('"Smith, John" <sip:a@h>, <sip:b,c@h>', ['"Smith, John" <sip:a@h>', "<sip:b,c@h>"]),
        (r'"a\",b", c', [r'"a\",b"', "c"]),
        ('"never closed, a', ['"never closed, a']),
        ("", []),
    ],
)
def test_a_list_is_split_outside_quotes_and_brackets(text: str, parts: list[str]) -> None:
    """A comma separates only where it stands outside quotes and angle brackets."""
    assert split_list(text) == parts


def test_parameters_are_lowered_and_unquoted() -> None:
    """Names are blind to case, values lose their quotes, flags have no value."""
    text = r';Branch=z9hG4bK1 ; rport;note="a;b=\"c\"" ; empty='
    assert parse_parameters(text) == (
        ("branch", "z9hG4bK1"),
        ("rport", None),
        ("note", 'a;b="c"'),
        ("empty", ""),
    )


def test_a_parameter_value_that_is_no_token_is_quoted() -> None:
    """What would end a parameter is written inside quotes."""
    written = format_parameters((("a", "x;y"), ("b", None), ("c", "[::1]:5060"), ("d", "")))
    assert written == ';a="x;y";b;c=[::1]:5060;d=""'


def test_an_absent_parameter_differs_from_a_flag() -> None:
    """A flag reads as an empty text, an absent parameter as None."""
    assert parameter((("rport", None),), "rport") == ""
    assert parameter((("rport", None),), "received") is None


def test_an_illegal_parameter_name_is_refused() -> None:
    """A name that is no token never reaches the wire."""
    with pytest.raises(MisuseError):
        format_parameters((("a b", "c"),))


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b"])
def test_a_line_break_cannot_be_quoted(text: str) -> None:
    """CR, LF and NUL have no place even inside quotes."""
    with pytest.raises(MisuseError, match="line break"):
        quote(text)


@pytest.mark.parametrize("text", ["", '"', "\\", 'a"b\\c', "é, ü"])
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    """A quoted text reads back as it was."""
    assert unquote(quote(text)) == text


def test_text_without_quotes_is_left_alone() -> None:
    """Unquoting takes only a whole quoted-string."""
    assert [unquote(text) for text in ("a", '"', '"a', 'a"')] == ["a", '"', '"a', 'a"']
