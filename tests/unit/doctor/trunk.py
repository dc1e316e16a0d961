"""A virtual trunk and scripted examinations of it."""

from __future__ import annotations

from pathlib import Path

from shiftline.diagnosis.experiment import Permission, Proposal, Risk, Stop, StopReason
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination import Case, Examination
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.virtual import Road, VirtualPbx
from shiftline.lab.virtual_examination import examine
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount
from shiftline.sip.uri import SipUri

CLEAR = Road()
PASSWORD = Secret("secret")
SERVER = SipUri(host="127.0.0.1", port=5060)
CASE = Case(
    server=SERVER,
    address="127.0.0.1",
    account=DigestAccount(username="shiftline", password=PASSWORD),
    known_good=DigestAccount(username="agent0002", password=PASSWORD),
    present="agent0001",
    absent="agent0003",
    has_second_source=True,
    has_other_transport=True,
    other_address="127.0.0.10",
    other_domains=("lab",),
    subscribes=True,
    metadata=(("X-Tenant", "4711"),),
)
ALL = Permission(risk=Risk.MAY_RING, patience_seconds=400.0)


class Script:
    """Proposes these experiments in this order, whatever came of the ones before."""

    def __init__(self, *names: str) -> None:
        self._names = list(names)

    def __call__(self, examination: Examination, now: float) -> Proposal | Stop:
        del examination
        if not self._names:
            return Stop(reason=StopReason.DECIDED, sentence="The script is over.")
        one = PROGRAMME[self._names.pop(0)]
        return Proposal(
            experiment=one, why="the script", bits=1.0, not_before=now + one.wait_seconds, expected={}
        )


def trunk(
    *faults: str, personality: str = "kamailio", seed: int = 1, road: Road = CLEAR, **wishes: Drawn
) -> VirtualPbx:
    """A virtual PBX with faults of the bank."""
    agents = {"agent0001": Truth.AVAILABLE, "agent0002": Truth.AVAILABLE, "agent0003": Truth.NOT_REGISTERED}
    config = PracticePbxConfig(
        log_path=Path("unused"),
        agents=agents,
        password=PASSWORD,
        personality=personality,
        fault_ids=faults,
        wishes=Wishes(options=wishes),
        seed=seed,
    )
    return VirtualPbx(config, road=road)


def ask(pbx: VirtualPbx, *names: str, case: Case = CASE, permission: Permission = ALL) -> Examination:
    """Do these experiments."""
    return examine(pbx, case, permission, choose=Script(*names))


def outcomes(examination: Examination) -> dict[str, Outcome]:
    """What each showed; what could not be asked is left out."""
    return {trial.experiment: trial.outcome for trial in examination.trials}
