"""A trace as JSON: its keys, and that it can be read again."""

from __future__ import annotations

import json
import re

import pytest

from shiftline.errors import ConfigurationError
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.trace_json import read_trace_json, write_trace_json
from shiftline.sip.transport import Transport


def message(data: bytes, at: float = 1.25) -> TracedMessage:
    return TracedMessage(
        at=at,
        direction=Direction.SENT,
        local=("2001:db8::9", 5070),
        peer=("2001:db8::1", 5060),
        transport=Transport.TLS,
        data=data,
    )


def test_the_keys_are_stable() -> None:
    """Machines find the same keys in every trace."""
    content = json.loads(write_trace_json(Trace([message(b"OPTIONS")], dropped=3), epoch_offset=1e9))
    assert content == {
        "format": "shiftline-trace/1",
        "redacted": True,
        "dropped": 3,
        "epoch_offset": 1e9,
        "messages": [
            {
                "at": 1.25,
                "direction": "sent",
                "local": ["2001:db8::9", 5070],
                "peer": ["2001:db8::1", 5060],
                "transport": "TLS",
                "encoding": "utf-8",
                "message": "OPTIONS",
            }
        ],
    }


@pytest.mark.parametrize("data", [b"", b"\r\n", "Grüße\0".encode(), b"\xff\xfe broken", b"\xed\xa0\x80"])
def test_every_byte_comes_back(data: bytes) -> None:
    """Text stays readable, and what is none comes back all the same."""
    text = write_trace_json(Trace([message(data)], dropped=1), redacted=False, epoch_offset=None)
    trace, offset = read_trace_json(text)
    assert (list(trace), trace.dropped, offset) == ([message(data)], 1, None)


def test_secrets_stay_out_unless_asked_for() -> None:
    """The default is redacted."""
    trace = Trace([message(b'x\r\nAuthorization: Digest realm="r", response="9d5b"\r\n\r\n')])
    assert "9d5b" not in write_trace_json(trace)
    assert "9d5b" in write_trace_json(trace, redacted=False)


VALID = write_trace_json(Trace([message(b"x")]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        VALID.replace("trace/1", "trace/2"),
        VALID.replace('"sent"', '"thrown"'),
        VALID.replace('"TLS"', '"PIGEON"'),
        VALID.replace("5060", "70000"),
        VALID.replace("2001:db8::9", "pbx.example.com"),
        VALID.replace("1.25", "NaN"),
        VALID.replace("1.25", "1e308"),
        VALID.replace('"TLS",', ""),
        VALID.replace("utf-8", "base64"),
        VALID.replace('"x"', "7"),
        VALID.replace('"messages": [', '"messages": [1, '),
    ],
)
def test_what_is_no_trace_is_one_clear_error(text: str) -> None:
    """A file that somebody edited or that is another one's never ends in a traceback."""
    with pytest.raises(ConfigurationError, match="no trace") as told:
        read_trace_json(text)
    assert not re.search("Error|unpack|indices", str(told.value)), "these are words of the language, not ours"


def test_what_is_wrong_with_a_trace_is_told_with_its_message() -> None:
    two = write_trace_json(Trace([message(b"x"), message(b"y")]))
    with pytest.raises(ConfigurationError, match=r"in message 2, '70000' is no port"):
        read_trace_json("70000".join(two.rsplit("5060", 1)))
    with pytest.raises(ConfigurationError, match="JSON is broken in line 8"):
        read_trace_json("".join(two.splitlines(keepends=True)[:7]))
