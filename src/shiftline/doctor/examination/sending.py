"""What goes between an examination and its driver."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.diagnosis.probe import Path, Probe, Shape, Source
from shiftline.sip.message import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Which of our ends a request leaves from. Each way is an endpoint of its own."""

    source: Source = Source.OWN
    path: Path = Path.USUAL
    names_other: bool = False
    """Via names the other address."""
    repeats: bool = True
    """Over UDP, what is not answered is sent again. Not under a load: copies would be a load of their own."""

    @classmethod
    def of(cls, probe: Probe, *, repeats: bool = True) -> Way:
        """The way of a probe."""
        return cls(
            source=probe.source,
            path=probe.path,
            names_other=probe.shape is Shape.OTHER_VIA,
            repeats=repeats,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A request that shall leave now."""

    key: int
    """For `Examination.answered`."""
    request: Request
    way: Way
    timeout_seconds: float
    is_stateless: bool = False
    """It is sent once, and nothing comes back: the ACK of a 2xx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a request ended."""

    response: Response | None = None
    """The final one; None: none came in time, or ``failure`` says why it did not leave."""
    answered_after: float | None = None
    """Seconds from the first copy to the final answer."""
    copies: int = 1
    failure: str = ""
    """The system's word when it refused to send, or a connection broke."""
    heard: str = ""
    """What came to it last that was no final answer, in a few printable words."""
    request: Request | None = None
    """The copy that left, with its Via."""
    number: int = 0
    """Of its first copy in the driver's trace, from 1; 0: there is none."""
