"""The bank of the doctor: one trunk with a fault, examined in virtual time, and what came of it.

What the doctor is told is the same in every case, so that nothing leaks: what somebody who runs a trunk
knows or can ask for. Where a fault draws a value that such a person would know (the domain that is served,
the address that is listed), the lab is told to draw that one. In a plain bank the doctor is told nothing of
the kind, and the seed draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from shiftline.diagnosis.as_json import as_json
from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.doctor.examination import Case, Examination
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, Truth
from shiftline.lab.pbx.bank.build import BANK
from shiftline.lab.pbx.bank.wishes import Wishes
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.personalities import FAMILIES
from shiftline.lab.virtual import PBX_ADDRESS, Road, VirtualPbx
from shiftline.lab.virtual_examination import examine
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

PASSWORD = Secret("secret")
AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.AVAILABLE,
    "agent0003": Truth.NOT_REGISTERED,
    "agent0004": Truth.BUSY,
}
LISTED_ADDRESS = "127.0.0.10"
"""The address that the operator has on the lists: the phones'."""
SERVED_DOMAIN = "lab"
OTHER_CALLER = "+13125550100"
WORKING_AGENT = "PureCloud/2.1"
METADATA = tuple((name, "4711") for name in ("X-Agent-ID", "X-Genesys-Agent", "X-Queue", "X-Tenant"))
KNOWN: Mapping[str, str] = {
    "allowed_contacts": LISTED_ADDRESS,
    "domain": SERVED_DOMAIN,
    "allowed_agents": "PureCloud",
    "identity": OTHER_CALLER,
    "verified": OTHER_CALLER,
    "package": "presence",
}
"""Drawn values that a person would know, and the package that is in use: another one is not missed."""
LOSSES = (0.0, 0.0, 0.0, 0.002, 0.01)
"""Shares of datagrams that a road loses, one by the seed."""
TWO_FAULTS = (
    ("throttle.source", "credentials.wrong-password"),
    ("acl.partial", "registrar.max-contacts"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankCase:
    """One trunk."""

    faults: tuple[str, ...]
    """Empty: healthy."""
    personality: str
    seed: int
    allow: Risk = Risk.MAY_TRIP
    is_clear: bool = False
    """The road is short and loses nothing."""
    is_plain: bool = False
    """The doctor is told no more than an address and two accounts, as whoever runs it for the first time."""

    @property
    def name(self) -> str:
        """As it is filtered by."""
        return f"{' + '.join(self.faults) or HEALTHY} {self.personality} {self.seed}"

    @property
    def truth(self) -> tuple[str, ...]:
        """What a right diagnosis names."""
        return self.faults or (HEALTHY,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What came of one case; small enough to come from another process."""

    case: BankCase
    shows: str
    """How the fault showed itself."""
    verdict: str | None
    confidence: float
    sets: tuple[tuple[str, ...], ...]
    """Of each finding: the cause, and what it cannot be told from."""
    confidences: tuple[float, ...]
    causes: Mapping[str, float]
    requests: int
    stop: str
    seconds: float
    """Of virtual time."""
    asked: tuple[str, ...] = field(repr=False)
    """Each experiment with its outcome."""
    marks: tuple[str, ...] = field(repr=False)
    json: Mapping[str, object] = field(repr=False)


def bank(
    causes: Sequence[str],
    personalities: Sequence[str],
    seeds: Sequence[int],
    allow: Risk = Risk.MAY_TRIP,
    *,
    is_plain: bool = False,
) -> Iterator[BankCase]:
    """Every cause that a personality can show, for each seed; and healthy trunks."""
    for personality in personalities:
        for seed in seeds:
            shown = [(cause,) for cause in causes if personality in BANK[cause].shown]
            for faults in ((), *shown):
                yield BankCase(
                    faults=faults, personality=personality, seed=seed, allow=allow, is_plain=is_plain
                )


def two_faults(
    personalities: Sequence[str], seeds: Sequence[int], *, is_plain: bool = False
) -> Iterator[BankCase]:
    """The pairs that have to be told."""
    for personality in personalities:
        for seed in seeds:
            for pair in TWO_FAULTS:
                if all(personality in BANK[cause].shown for cause in pair):
                    yield BankCase(faults=pair, personality=personality, seed=seed, is_plain=is_plain)


def pbx_of(case: BankCase) -> VirtualPbx:
    """The trunk of a case; delays and losses come from the seed."""
    config = PracticePbxConfig(
        log_path=Path("unused"),
        agents=AGENTS,
        password=PASSWORD,
        personality=case.personality,
        fault_ids=case.faults,
        wishes=Wishes(options={} if case.is_plain else dict(KNOWN)),
        seed=case.seed,
    )
    if case.is_clear:
        return VirtualPbx(config)
    random = Random(f"road/{case.name}")
    shortest = random.uniform(0.0002, 0.02)
    road = Road(
        shortest_seconds=shortest,
        longest_seconds=shortest * random.uniform(1.2, 3.0),
        loss=random.choice(LOSSES),
        seed=case.seed,
    )
    return VirtualPbx(config, road=road)


def knowledge(case: BankCase) -> Case:
    """What the doctor is told, the same for all; a trunk with a fault of TLS is one over TLS.

    A plain run has the address, the account and one that is known to be good, and what a doctor on the
    loopback has by itself.
    """
    is_tls = any(cause.startswith("tls.") for cause in case.faults)
    host, port = PBX_ADDRESS
    plain = Case(
        server=SipUri(host=host, port=port),
        address=host,
        transport=Transport.TLS if is_tls else Transport.UDP,
        account=DigestAccount(username=TRUNK_ACCOUNT, password=PASSWORD),
        known_good=DigestAccount(username="agent0002", password=PASSWORD),
        has_second_source=True,
        has_other_transport=True,
    )
    if case.is_plain:
        return plain
    return replace(
        plain,
        present="agent0001",
        absent="agent0003",
        other_address=LISTED_ADDRESS,
        other_domains=(SERVED_DOMAIN,),
        other_caller=OTHER_CALLER,
        working_agent=WORKING_AGENT,
        subscribes=True,
        metadata=METADATA,
    )


def run_case(case: BankCase) -> Examined:
    """Examine one trunk."""
    pbx = pbx_of(case)
    began = pbx.now
    examination = examine(pbx, knowledge(case), Permission(risk=case.allow), seed=case.seed)
    return _result(case, examination, pbx, began)


def _result(case: BankCase, examination: Examination, pbx: VirtualPbx, began: float) -> Examined:
    found: Diagnosis = examination.diagnosis()
    return Examined(
        case=case,
        shows="; ".join(f"{one.shows} {dict(one.drawn)}" for one in pbx.truth),
        verdict=found.cause,
        confidence=found.confidence,
        sets=tuple((one.cause, *one.indistinguishable_from) for one in found.findings),
        confidences=tuple(one.confidence for one in found.findings),
        causes=dict(examination.belief.causes),
        requests=examination.requests_sent,
        stop=str(examination.stop.reason) if examination.stop else "",
        seconds=pbx.now - began,
        asked=tuple(f"{one.experiment}={one.outcome}({one.requests})" for one in examination.done),
        marks=tuple(sorted(f"{mark.kind}: {mark.text}" for mark in examination.marks)),
        json=as_json(found),
    )


def known_personalities() -> tuple[str, ...]:
    """The families, in their order."""
    return FAMILIES
