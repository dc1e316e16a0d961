"""The message reader and its notes."""

from __future__ import annotations

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.inspection import inspect
from shiftline.sip.message import parse_message


def one(data: bytes) -> None:
    """Both readers agree, a refusal has its reason among the notes, and what is written can be read."""
    reading = inspect(data)
    assert reading.data == data
    assert len(reading.notes) <= 64
    assert all(note.offset is None or 0 <= note.offset <= len(data) for note in reading.notes)
    try:
        message = parse_message(data)
    except SipSyntaxError:
        assert reading.errors
    else:
        assert reading.message == message
        assert reading.headers is reading.message.headers
    if reading.message is not None:
        try:
            written = bytes(reading.message)
        except MisuseError:  # escaped, its address is too long to be written
            return
        again = parse_message(written)
        assert bytes(again) == written
