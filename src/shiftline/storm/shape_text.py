"""Load shapes as a short text, as the command line takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

from shiftline.errors import ConfigurationError
from shiftline.storm.manners import LONGEST_SECONDS
from shiftline.storm.shapes import Shape, constant, publish_day, ramp, replay, spike, steps

MOST_MOMENTS = 5_000_000
"""Flows of a shape whose moments are written out one by one, here and in each engine."""
_CAPTURES = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)
"""What pcap files begin with, of microseconds and nanoseconds in either order of bytes, and pcapng files."""
_NUMBER = r"(\d+(?:\.\d+)?)"
FORMS: Mapping[str, str] = {
    "constant": "constant:RATE",
    "ramp": "ramp:FROM-TO/SECONDSs",
    "step": "step:RATE,RATE,.../SECONDSs",
    "spike": "spike:BASE-PEAK@ATs/SECONDSs",
    "publish-day": "publish-day:FLOWS/SECONDSs",
    "replay": "replay:FILE",
}
"""How each is written; rates are flows per second."""
_PATTERNS: Mapping[str, tuple[re.Pattern[str], Callable[..., Shape]]] = {
    "constant": (re.compile(_NUMBER), constant),
    "ramp": (re.compile(rf"{_NUMBER}-{_NUMBER}/{_NUMBER}s"), ramp),
    "spike": (re.compile(rf"{_NUMBER}-{_NUMBER}@{_NUMBER}s/{_NUMBER}s"), spike),
    "publish-day": (re.compile(rf"{_NUMBER}/{_NUMBER}s"), publish_day),
}
_STEPS = re.compile(rf"({_NUMBER}(?:,{_NUMBER})*)/{_NUMBER}s")


def parse_shape(text: str) -> Shape:
    """Read a shape. Raises ConfigurationError with all forms for anything else."""
    name, _, rest = text.partition(":")
    if name == "replay":
        return replay(read_times(Path(rest)))
    if name == "step" and (found := _STEPS.fullmatch(rest)):
        shape = steps([float(rate) for rate in found[1].split(",")], float(found[found.re.groups]))
    elif name in _PATTERNS and (found := _PATTERNS[name][0].fullmatch(rest)):
        figures = [float(text) for text in found.groups()]
        if name == "publish-day":
            _require_few(figures[0], text)
        shape = _PATTERNS[name][1](*figures)
    else:
        raise ConfigurationError(
            f"{text!r} is no load shape.", remedy=f"Write one of: {', '.join(FORMS.values())}."
        )
    if shape.highest_rate <= 0.0:
        raise ConfigurationError(f"The load shape {text!r} sends nothing.", remedy="Give a rate above 0.")
    return shape


def read_times(path: Path) -> list[float]:
    """The moments in a file: seconds, one a line; ``#`` begins a comment.

    ``tshark -r FILE -Y sip.Method==REGISTER -T fields -e frame.time_epoch`` writes such a file. Raises
    ConfigurationError for one that cannot be read or has no moment.
    """
    try:
        data = path.read_bytes()
        _require_no_capture(path, data)
        words = [line.partition("#")[0].strip() for line in data.decode("utf-8-sig").splitlines()]
        times = [_moment(word) for word in words if word]
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigurationError(
            f"The file {path} is no list of moments: {error}.", remedy="Write seconds, one number a line."
        ) from error
    if not times:
        raise ConfigurationError(
            f"The file {path} has no moment.", remedy="Write seconds, one number a line."
        )
    _require_few(len(times), str(path))
    if max(times) - min(times) > LONGEST_SECONDS:
        raise ConfigurationError(
            f"The moments of {path} are more than {LONGEST_SECONDS:,.0f} s apart.",
            remedy="Give fewer of them.",
        )
    return times


def _moment(word: str) -> float:
    moment = float(word)
    if not isfinite(moment):
        raise ValueError(f"{word!r} is no moment")
    return moment


def _require_few(flows: float, text: str) -> None:
    if flows > MOST_MOMENTS:
        raise ConfigurationError(
            f"{text} has {flows:,.0f} flows, more than storm takes of such a shape ({MOST_MOMENTS:,}).",
            remedy="Ask for fewer, or for a rate.",
        )


def _require_no_capture(path: Path, data: bytes) -> None:
    if data.startswith(_CAPTURES):
        raise ConfigurationError(
            f"{path} is a capture; a replay wants its moments.",
            remedy=f"Write them: tshark -r {path} -Y 'sip.Method == \"REGISTER\"' -T fields"
            " -e frame.time_epoch > times.txt",
        )
