"""Overload control in Via: what a server would rather get (RFC 7339 section 4, RFC 7415 section 3).

A client that understands it says so in its topmost Via (``oc`` without a value, and the algorithms it
knows); the server answers in the same Via with a number, and how long it holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from shiftline.errors import SipSyntaxError
from shiftline.sip.grammar import read_number
from shiftline.sip.message import Request, Response
from shiftline.sip.via import Via

ADVERTISED = ';oc;oc-algo="loss,rate"'
"""Via parameters of a client that knows both algorithms (section 4.1, 4.2)."""
DEFAULT_VALIDITY_SECONDS = 0.5
"""Without ``oc-validity`` (section 4.3)."""

_ALGORITHMS = ("loss", "rate")
_HAS_VALUE = re.compile(r";\s*oc\s*=", re.IGNORECASE)
_SEQUENCE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,5})?")
_OURS = frozenset({"oc", "oc-algo", "oc-validity", "oc-seq"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadControl:
    """What a server told."""

    algorithm: str
    """``loss``: ``value`` is the percentage to leave out. ``rate``: requests per second that may come."""
    value: int
    validity_seconds: float = DEFAULT_VALIDITY_SECONDS
    """So long it holds from its arrival on; 0 ends it at once (section 4.3)."""
    sequence: float = 0.0
    """What has a lower one than the last is out of date (section 4.4)."""


def read_overload_control(response: Response) -> OverloadControl | None:
    """What the topmost Via of a response tells; None when it tells nothing that can be used."""
    text = _topmost(response)
    if _HAS_VALUE.search(text) is None:
        return None
    try:
        via = Via.parse(text)
    except SipSyntaxError:
        return None  # the transaction has judged this Via already
    algorithm = (via.parameter("oc-algo") or "loss").lower()
    value = read_number(via.parameter("oc") or "")
    if value is None or algorithm not in _ALGORITHMS or (algorithm == "loss" and value > 100):
        return None
    milliseconds = read_number(via.parameter("oc-validity") or "")
    sequence = via.parameter("oc-seq") or ""
    return OverloadControl(
        algorithm=algorithm,
        value=value,
        validity_seconds=DEFAULT_VALIDITY_SECONDS if milliseconds is None else milliseconds / 1000,
        sequence=float(sequence) if _SEQUENCE.fullmatch(sequence) else 0.0,
    )


def algorithms_of(request: Request) -> tuple[str, ...]:
    """The algorithms that the sender of a request knows; none when it does not ask to be told."""
    try:
        via = Via.parse(_topmost(request))
    except SipSyntaxError:
        return ()
    if via.parameter("oc") is None:
        return ()
    named = (via.parameter("oc-algo") or "loss").lower().split(",")
    return tuple(word for word in map(str.strip, named) if word in _ALGORITHMS)


def tell(response: Response, control: OverloadControl) -> None:
    """Put it into the topmost Via of a response to somebody who asked to be told."""
    first, *others = response.headers.get_all("Via")  # several may share a row
    via = Via.parse(first)
    kept = tuple(parameter for parameter in via.parameters if parameter[0] not in _OURS)
    told = (
        ("oc", str(control.value)),
        ("oc-algo", control.algorithm),
        ("oc-validity", str(round(1000 * control.validity_seconds))),
        ("oc-seq", f"{control.sequence:.3f}"),
    )
    response.headers.remove("Via")
    for value in reversed((str(replace(via, parameters=kept + told)), *others)):
        response.headers.prepend("Via", value)


def _topmost(message: Request | Response) -> str:
    return next(iter(message.headers.get_all("Via")), "")
