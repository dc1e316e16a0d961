"""A secret shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import asdict, dataclass

import pytest

from shiftline.secrets import Secret

PLAIN = "hunter2-plain"


@dataclass(frozen=True)
class Account:
    user: str
    password: Secret


def test_reveal_is_the_one_way_to_the_value() -> None:
    """What went in comes out, unchanged, when it is asked for."""
    assert Secret(PLAIN).reveal() == PLAIN


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(PLAIN)),
        str(Secret(PLAIN)),
        f"{Secret(PLAIN)}",
        f"{Secret(PLAIN)!r:>40}",
        "%s" % Secret(PLAIN),  # noqa: UP031 - the logging module formats like this
        repr(Account("trunk", Secret(PLAIN))),
        repr({"password": Secret(PLAIN)}),
        repr(asdict(Account("trunk", Secret(PLAIN)))),
    ],
)
def test_no_rendering_shows_it(shown: str) -> None:
    """Not alone, not inside a value, not in a copy of that value."""
    assert PLAIN not in shown
    assert "***" in shown


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever logs the object by accident logs three stars."""
    logging.getLogger("test").error("signing in with %s and %r", Secret(PLAIN), Secret(PLAIN))
    assert PLAIN not in caplog.text


def test_an_exception_that_carries_it_does_not_show_it() -> None:
    """Arguments of exceptions are rendered by repr."""
    rendered = "".join(traceback.format_exception(KeyError(Secret(PLAIN))))
    assert PLAIN not in rendered
    assert "***" in rendered


def test_it_has_no_attributes_to_dump() -> None:
    """``vars`` and the JSON encoder find nothing to write."""
    with pytest.raises(TypeError):
        vars(Secret(PLAIN))
    with pytest.raises(TypeError):
        json.dumps(Secret(PLAIN))


def test_equal_values_are_equal_and_hash_alike() -> None:
    """One secret used for two purposes can be found without revealing either."""
    assert Secret(PLAIN) == Secret(PLAIN)
    assert len({Secret(PLAIN), Secret(PLAIN), Secret("other")}) == 2
    assert Secret(PLAIN) != Secret("other")


def test_a_plain_text_is_never_equal_to_it() -> None:
    """A comparison with the bare value is a defect and does not succeed by luck."""
    assert Secret(PLAIN) != PLAIN


@pytest.mark.parametrize("value", ["größe", "\udcff\udc80", ""])
def test_any_text_may_be_secret(value: str) -> None:
    """Also what the environment hands over from bytes that are not UTF-8."""
    assert Secret(value) == Secret(value)
    assert Secret(value) != Secret(value + "x")
    assert Secret(value).reveal() == value


def test_an_empty_secret_is_false() -> None:
    """A password that was not set can be told by truth alone."""
    assert not Secret("")
    assert Secret(" ")
