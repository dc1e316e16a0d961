"""Two workers on eight trunks, one paused and one killed in the burst: figures and bars."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.durable.burst import Aftermath
from tests.durable.workers import Shared, Takeover, Trial, share

TAKEOVER_SECONDS = 5.0
TRADES = 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTrunks:
    """One trial, told."""

    name: str
    figures: str
    missed: tuple[str, ...]


def shared_trunks(seed: int) -> SharedTrunks:
    """Play the burst of this seed, and judge it."""
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(share(Trial(trades=TRADES, seed=seed), Path(directory)))
    return SharedTrunks(
        name=f"two workers, eight trunks, seed {seed}",
        figures="; ".join((_times("paused", found.paused), _times("killed", found.killed), _end(found))),
        missed=tuple(word for word, short in _bars(found).items() if short),
    )


def _bars(found: Shared) -> dict[str, bool]:
    left, takeovers = found.aftermath, (*found.paused, *found.killed)
    return {
        "an even share": found.shares != [4, 4],
        "every trunk taken over": (len(found.paused), len(found.killed)) != (4, 8),
        "within 5 s of the signal": any(one.since_signal > TAKEOVER_SECONDS for one in takeovers),
        "at most one datagram of the old owner": any(one.strays > 1 for one in takeovers),
        "no trade lost": bool(left.lost),
        "none undecided": bool(left.undecided),
        "exactly one effective decision": bool(left.not_once),
        "none wrong": bool(left.wrong),
        "as the truth has it": left.as_truth < len(left.truth),
    }


def _times(how: str, takeovers: list[Takeover]) -> str:
    seconds = ", ".join(f"{one.seconds:.2f}" for one in takeovers)
    longest = max((one.since_signal for one in takeovers), default=0.0)
    strays = sum(one.strays for one in takeovers)
    return (
        f"{how}: taken over after {seconds} s, at most {longest:.2f} s from the signal, "
        f"{strays} datagrams of the old owner after that"
    )


def _end(found: Shared) -> str:
    left: Aftermath = found.aftermath
    refused = sum(request.reason == "throttled" for request in left.requests)
    return (
        f"refused {refused} of {len(left.requests)}; lost {len(left.lost)}, undecided {len(left.undecided)}, "
        f"wrong {len(left.wrong)}; {left.as_truth} of {len(left.truth)} as the truth has it, after "
        f"{left.seconds:.0f} s"
    )
