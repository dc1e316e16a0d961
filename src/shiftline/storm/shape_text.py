"""Load shapes as a short text, as the command line takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from shiftline.errors import ConfigurationError
from shiftline.storm.shapes import Shape, constant, publish_day, ramp, replay, spike, steps

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
        shape = _PATTERNS[name][1](*map(float, found.groups()))
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
        words = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
        times = [float(word) for word in words if word]
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
    return times
