"""Experiments: what may be asked of a PBX, at which risk and price, and who may say so.

Rules of this file: an experiment is data; nothing here sends. Whether one may be done is decided by the
permission, by what there is to do it with, and by the stop rules in `choose`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Load, Probe


class Risk(IntEnum):
    """What a question may do to its target, from nothing on. The words are those of ``--allow``."""

    PASSIVE = 0
    """Nothing is sent."""
    HARMLESS = 1
    """A request that a healthy trunk sends all day."""
    COUNTS_AS_FAILURE = 2
    """A failed login in the target's books."""
    MAY_TRIP = 3
    """May set off a throttle or a ban, or displace a binding."""
    MAY_RING = 4
    """A phone may ring."""

    @property
    def word(self) -> str:
        """As the command line spells it, such as ``may-trip``."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of(cls, word: str) -> Risk:
        """The class of a word; raises KeyError for a word that is none."""
        return cls[word.upper().replace("-", "_")]


class Means(StrEnum):
    """What a run has to work with, beyond the server's address."""

    CREDENTIALS = "credentials"
    KNOWN_GOOD_ACCOUNT = "known-good-account"
    """Another account of the same PBX, with its password (``--known-good``)."""
    SECOND_SOURCE = "second-source"
    """A second address of this machine (``--source``)."""
    OTHER_TRANSPORT = "other-transport"
    METADATA = "metadata"
    """Headers that production sends and a plain request lacks."""
    WORKING_AGENT = "working-agent"
    """The User-Agent of a client that is known to work. Without it one is invented, which a list of what is
    liked may refuse as well."""
    OTHER_CALLER = "other-caller"
    """Another name or number that From may have to carry."""
    OTHER_HOST = "other-host"
    """Another name of the server than the usual one, maybe guessed: its address, or a realm it sent."""
    SERVED_DOMAIN = "served-domain"
    """A domain that the PBX is said to serve, besides the usual one."""
    CONTROLS = "controls"
    """A user known to be there and one known to be absent."""
    SUBSCRIPTIONS = "subscriptions"
    """The trunk's checks are subscriptions. Where they are not, a refused SUBSCRIBE is no fault: most
    registrars have no use for it (K20)."""
    OTHER_ADDRESS = "other-address"
    """A public address to write in Via and Contact, besides the local one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """How a load is put on: ``requests`` of them, at ``rate`` a second, ``at_once`` together.

    It ends with the first refusal, once the refused are told from the lost.
    """

    rate: float
    requests: int
    at_once: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One question that may be asked. Its answer is a `Trial` with the same probe."""

    id: str
    """Such as ``p3.credentials``; the number is that of the facts' list of experiments."""
    title: str
    """What is done, for the progress line: "register as the trunk does"."""
    reads: str
    """What the answer tells, for the explanation."""
    probe: Probe
    risk: Risk
    cost: int
    """Requests at most, repetitions by the transport not counted."""
    needs: frozenset[Means] = frozenset()
    after: tuple[str, ...] = ()
    """Experiments that must be done before, for what they bring (a nonce, a rate at which it flips)."""
    after_outcomes: frozenset[Outcome] = frozenset()
    """What one of ``after`` must have brought; empty: anything."""
    wait_seconds: float = 0.0
    """Silence to keep before it."""
    plan: LoadPlan | None = None
    unless: str = ""
    """An experiment in whose place this one is asked: not where that one was, or can be."""

    @property
    def credentialed(self) -> int:
        """Requests that carry credentials, at most."""
        if self.probe.credentials is Credentials.NONE:
            return 0
        return self.plan.requests if self.plan is not None else 1

    @property
    def name(self) -> str:
        """What it is, within a sentence: a load without how it ends."""
        return f'"{self.title.partition(", until")[0]}"'

    @property
    def is_load(self) -> bool:
        """Whether it puts on more than one request at a time."""
        return self.plan is not None or self.probe.load is Load.DURING


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What the person who runs the doctor allows, and what there is to work with."""

    risk: Risk = Risk.HARMLESS
    means: frozenset[Means] = frozenset()
    patience_seconds: float = 60.0
    """The longest silence that an experiment may ask for."""
    spent: frozenset[Means] = frozenset()
    """What there is and may not be used now: a login of an account that bears no more."""

    def without(self, spent: frozenset[Means]) -> Permission:
        """The same while these may not be used."""
        return replace(self, means=self.means - spent, spent=spent) if spent else self

    def permits(self, experiment: Experiment) -> bool:
        """Whether the experiment is within all of it."""
        return (
            experiment.risk <= self.risk
            and experiment.needs <= self.means
            and experiment.wait_seconds <= self.patience_seconds
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An experiment that was done. Times are of the driver's clock, in seconds."""

    experiment: str
    """Its id; empty: a login of an earlier run."""
    at: float
    outcome: Outcome | None
    """None: it could not be asked as it should be, and tells nothing."""
    requests: int
    refused_credentials: int = 0
    """How many of its requests carried credentials and were answered 401, 407 or 403, or not at all. Not
    counted: credentials that the same server has accepted in this run."""
    account: Account = Account.OWN
    why_not: str = ""
    """Why it was not asked, where there is no outcome."""
    heard: str = ""
    """What came, where the outcome does not say: "999 Odd", or what came without any final answer."""
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to do next, and why."""

    experiment: Experiment
    why: str
    """One sentence: which causes it would tell apart."""
    bits: float
    """Information expected from it."""
    not_before: float
    """Earliest moment, on the clock of ``now``."""
    expected: Mapping[Outcome, float]
    """How likely each outcome is, as things stand."""
    beside: tuple[Experiment, ...] = ()
    """What is asked under the same load, one after the other: it is put on once for all."""


class StopReason(StrEnum):
    """Why nothing more is asked."""

    DECIDED = "decided"
    NOTHING_TELLS = "nothing-tells"
    """Nothing that is allowed would tell the remaining causes apart."""
    BUDGET = "budget"
    BANNED = "banned"
    """The PBX seems to have banned us; anything more would prolong it."""
    GONE = "gone"
    """It answered, and then no more, from no source."""
    CREDENTIALS_SPENT = "credentials-spent"
    """Two requests with refused credentials in 15 minutes are enough (no account is locked by us)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The end of the questions."""

    reason: StopReason
    sentence: str
