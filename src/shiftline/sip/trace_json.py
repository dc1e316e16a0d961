"""A trace as JSON, for machines and for reading it again later."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from ipaddress import ip_address
from math import isfinite
from typing import Any

from shiftline.errors import ConfigurationError
from shiftline.sip.events import Address
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport

FORMAT = "shiftline-trace/1"


def write_trace_json(trace: Trace, *, redacted: bool = True, epoch_offset: float | None = None) -> str:
    """The trace as one JSON object; every key is always there.

    ``epoch_offset`` is what has to be added to ``at`` to make it seconds since 1970. A message that is no
    UTF-8 stands there in base64, and ``encoding`` says so.
    """
    shown = trace.redacted() if redacted else trace
    content = {
        "format": FORMAT,
        "redacted": redacted,
        "dropped": trace.dropped,
        "epoch_offset": epoch_offset,
        "messages": [_row(message) for message in shown],
    }
    return json.dumps(content, indent=1)


def _row(message: TracedMessage) -> dict[str, Any]:
    try:
        text, encoding = message.data.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = b64encode(message.data).decode(), "base64"
    return {
        "at": round(message.at, 6),
        "direction": message.direction.value,
        "local": list(message.local),
        "peer": list(message.peer),
        "transport": message.transport.value,
        "encoding": encoding,
        "message": text,
    }


def read_trace_json(text: str) -> tuple[Trace, float | None]:
    """The trace that `trace_json` wrote, and its epoch offset. Raises ConfigurationError if it is none."""
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise _unreadable(f"its format is {str(content['format'])[:40]!r}, not {FORMAT!r}")
        messages = [_message(row) for row in content["messages"]]
        offset = content["epoch_offset"]
        trace = Trace(
            messages,
            most_messages=len(messages),
            most_bytes=sum(len(message.data) for message in messages),
            dropped=int(content["dropped"]),
        )
        return trace, None if offset is None else _finite(offset)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _unreadable(f"{type(error).__name__}: {str(error)[:80]}") from error


def _message(row: dict[str, Any]) -> TracedMessage:
    text = row["message"]
    if not isinstance(text, str):
        raise TypeError("a message is no text")
    data = b64decode(text, validate=True) if row["encoding"] == "base64" else text.encode()
    return TracedMessage(
        at=_finite(row["at"]),
        direction=Direction(row["direction"]),
        local=_address(row["local"]),
        peer=_address(row["peer"]),
        transport=Transport(row["transport"]),
        data=data,
    )


def _address(value: Any) -> Address:
    host, port = value
    if not (isinstance(port, int) and 0 <= port <= 65535):
        raise ValueError(f"{port!r} is no port")
    ip_address(host)
    return str(host), port


def _finite(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{value!r} is no time")
    return number


def _unreadable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"This is no trace of Shiftline's: {why}.", remedy="Give a file that a --trace option wrote."
    )
