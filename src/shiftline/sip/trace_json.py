"""A trace as JSON, for machines and for reading it again later."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from ipaddress import ip_address
from typing import Any

from shiftline.errors import ConfigurationError
from shiftline.sip.events import Address
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport

FORMAT = "shiftline-trace/1"
_LATEST = 253_402_214_400.0
"""The last day that a calendar has, in seconds since 1970."""


class _NotAsWrittenError(ValueError):
    """A value that no trace has; its words are for people."""


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
        messages = [_message(number, row) for number, row in enumerate(content["messages"], start=1)]
        offset = content["epoch_offset"]
        trace = Trace(
            messages,
            most_messages=len(messages),
            most_bytes=sum(len(message.data) for message in messages),
            dropped=int(content["dropped"]),
        )
        return trace, None if offset is None else _moment(offset)
    except json.JSONDecodeError as error:
        raise _unreadable(f"its JSON is broken in line {error.lineno}") from error
    except _NotAsWrittenError as error:
        raise _unreadable(str(error)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _unreadable("it has not the keys of one, or other values than it should") from error


def _message(number: int, row: dict[str, Any]) -> TracedMessage:
    """Message ``number``, counted from 1, of a trace. Raises _NotAsWrittenError, which says which it was."""
    try:
        return _as_written(row)
    except _NotAsWrittenError as error:
        raise _NotAsWrittenError(f"in message {number}, {error}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _NotAsWrittenError(f"message {number} is not as a trace has it") from error


def _as_written(row: dict[str, Any]) -> TracedMessage:
    text = row["message"]
    if not isinstance(text, str):
        raise _NotAsWrittenError("the message is no text")
    data = b64decode(text, validate=True) if row["encoding"] == "base64" else text.encode()
    return TracedMessage(
        at=_moment(row["at"]),
        direction=Direction(row["direction"]),
        local=_address(row["local"]),
        peer=_address(row["peer"]),
        transport=Transport(row["transport"]),
        data=data,
    )


def _address(value: Any) -> Address:
    host, port = value
    if not (isinstance(port, int) and 0 <= port <= 65535):
        raise _NotAsWrittenError(f"{str(port)[:40]!r} is no port")
    ip_address(host)
    return str(host), port


def _moment(value: Any) -> float:
    """Seconds, since 1970 or since a start; no infinity, and nothing beyond all calendars."""
    number = float(value)
    if not abs(number) <= _LATEST:
        raise _NotAsWrittenError(f"{str(value)[:40]!r} is no time")
    return number


def _unreadable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"This is no trace of Shiftline's: {why}.", remedy="Give a file that a --trace option wrote."
    )
