"""A day at one or many trunks: trades come, a controller sends their checks, a limiter has its say.

Trades are shared out evenly among the trunks, and each trunk has agents of its own. Several connectors
may share a trunk, each with its own controller and every n-th check, and none knows of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from shiftline.errors import ConfigurationError
from shiftline.governor.controllers.registry import OURS, controller_named
from shiftline.governor.controllers.start import Start, even
from shiftline.governor.limiters.spec import LimiterSpec
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.arrivals import AGENTS_PER_TRADE, Arrivals
from shiftline.governor.simulation.bank import Case, Draw

LONGEST_DAYS = 7
"""So long an all-knowing sender may need at a trunk; others are given ten times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated. Times are seconds, rates requests per second.

    Raises ConfigurationError, which says what to give instead, for what cannot be simulated.
    """

    throttle: LimiterSpec
    controller: str = OURS
    trades: int = 500
    """Of all trunks together."""
    trunks: int = 1
    connectors: int = 1
    """How many share each trunk."""
    agents: int | None = None
    """Of all trunks together; None: 1.2 for each trade."""
    arrivals: Arrivals = Arrivals.BACKLOG
    answer_seconds: float = 0.04
    refused_seconds: float = 0.002
    learn: bool = True
    max_rate: float = 0.0
    settings: Mapping[str, float] = field(default_factory=dict)
    """Of the controller."""

    def __post_init__(self) -> None:
        if self.trunks < 1 or self.connectors < 1:
            raise ConfigurationError("There must be a trunk and a connector.", remedy="Give 1 or more.")
        if self.trades < self.trunks:
            raise ConfigurationError(
                f"{self.trades} trades cannot be shared out among {self.trunks} trunks.",
                remedy="Give at least as many trades as trunks.",
            )
        if self.agents is not None and self.agents < 2 * self.trunks:
            raise ConfigurationError(
                f"{self.agents} agents are too few for {self.trunks} trunks: a trade takes two.",
                remedy="Give at least two agents for each trunk.",
            )
        if not 0 < self.answer_seconds < inf or not 0 <= self.refused_seconds < inf:
            raise ConfigurationError("An answer takes some time.", remedy="Give more than 0 ms.")
        if not 0 <= self.max_rate < inf:
            raise ConfigurationError(
                f"{self.max_rate} is no rate.", remedy="Give requests per second; 0 means no ceiling."
            )
        controller_named(self.controller, self.start(even))
        self._require_end()

    def _require_end(self) -> None:
        """Nothing gets through a limiter that is always full, and little through one that is very slow."""
        if not self.case().ideal_rate():
            raise ConfigurationError(
                f"Nothing is sure to get through {self.throttle}.",
                remedy="Give a limit that leaves something: more than the others send, 2 or more of pike, "
                "a burst of 1 or more.",
            )
        checks = min(self.agents_of(0), 2 * self.trades_of(0))
        if self.case().ideal(0.0, LONGEST_DAYS * 86_400.0) < checks:
            raise ConfigurationError(
                f"{self.throttle} lets {checks:,} checks through in {LONGEST_DAYS} days at the earliest.",
                remedy="Give fewer trades, more trunks or a faster limit.",
            )

    def start(self, draw: Draw) -> Start:
        """What each controller is told."""
        policy = GovernorPolicy(learn=self.learn, max_rate=self.max_rate)
        return Start(policy=policy, settings=self.settings, draw=draw)

    def trades_of(self, trunk: int) -> int:
        """How many trades a trunk has, counted from 0: the first ones have what cannot be shared evenly."""
        return self.trades // self.trunks + (trunk < self.trades % self.trunks)

    def agents_of(self, trunk: int) -> int:
        """How many agents a trunk has: at least two, for nobody trades with himself."""
        if self.agents is None:
            return max(2, round(AGENTS_PER_TRADE * self.trades_of(trunk)))
        return self.agents // self.trunks + (trunk < self.agents % self.trunks)

    def case(self) -> Case:
        """The trunk that all of them are like."""
        return Case(self.throttle, self.answer_seconds, self.refused_seconds)
