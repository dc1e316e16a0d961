"""The log: secrets redacted, tracebacks without locals."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from shiftline.telemetry import configure_logging


@pytest.fixture(autouse=True)
def own_configuration() -> Iterator[None]:
    """The log goes to the test's captured output, and back afterwards."""
    yield
    structlog.reset_defaults()


def fail() -> None:
    bearer = str(12345 * 3)
    raise LookupError(f"{len(bearer)} digits")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_defect_is_shown_without_what_its_variables_held(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """The place and the kind of the fault are enough."""
    configure_logging(as_json=as_json)
    try:
        fail()
    except LookupError:
        structlog.get_logger().exception("defect", step="poll")
    words = capsys.readouterr().err
    assert "LookupError: 5 digits" in words
    assert "in fail" in words
    assert "37035" not in words


def test_secrets_are_redacted_by_the_name_of_their_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever their case."""
    configure_logging(as_json=True)
    structlog.get_logger().info("call", Authorization="Bearer x", access_token="y", user="ada")
    line = json.loads(capsys.readouterr().err)
    assert (line["Authorization"], line["access_token"], line["user"]) == ("***", "***", "ada")
