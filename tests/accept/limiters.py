"""Our governor and driver against real Kamailio behind each of its limiters.

Kamailio and its phones are processes of their own; the driver is the worker's, on a real UDP endpoint,
with a backlog that never ends and no database. What was sent, passed and refused is counted in Kamailio's
own log. Limiters of one round run side by side, as trunks of one worker do.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from random import Random
from statistics import median

from tests.support import started, token

from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.spec import LimiterSpec, parse_limiter
from shiftline.governor.policy import GovernorPolicy
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT, Truth
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri

OUR_HOST = "127.0.0.2"
PASSWORD = Secret("secret")
AGENTS = {f"agent{number:04d}": Truth.AVAILABLE for number in range(1, 101)}
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


class Meeting(StrEnum):
    """How a limiter is met, which decides the bar."""

    COLD = "cold"
    """Its limit is to be found."""
    DECLARED = "declared"
    """An operator has declared a rate."""
    BANNED = "cold, may be banned"
    """Its limit can only be found by a ban: one at most. The efficiency is shown and has no bar."""


FIRST = (
    ("window:50/1s", Meeting.COLD),
    ("red:50/1s", Meeting.COLD),
    ("retry-after:40/2s,seconds=2,key=all", Meeting.COLD),
    ("pike:60/2s,ban=20s", Meeting.DECLARED),
    ("lockout:500/10s,lock=20s", Meeting.DECLARED),
)
"""pipelimit with TAILDROP and with RED, ratelimit, pike with a ban table, tables of counts and locks."""
THEN = (("pike:60/2s,ban=20s", Meeting.BANNED), ("lockout:500/10s,lock=20s", Meeting.BANNED))
Cases = Sequence[tuple[str, Meeting]]
DECLARED = 0.97
"""Of what the limiter takes: an operator leaves a little."""
ANSWER_SECONDS = (0.001, 0.040, 0.150)
LEAST_EFFICIENCY = 0.85
MOST_REFUSED = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run came to, by Kamailio's log."""

    sent: int
    refused: int
    bans: int
    passed: int
    ideal: float
    stopped: str | None
    """The cause for which the governor gave the trunk up, if it did."""

    @property
    def efficiency(self) -> float:
        """Passed requests per request that an all-knowing sender would have got through."""
        return self.passed / self.ideal

    @property
    def refused_share(self) -> float:
        """Refused requests per request."""
        return self.refused / max(1, self.sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """All runs of one limiter at one answer time, a seed each."""

    text: str
    meeting: Meeting
    answer_seconds: float
    runs: Sequence[Run]

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.text}, {self.meeting}, answers of {1000 * self.answer_seconds:.0f} ms"

    @property
    def figures(self) -> str:
        """Every run, and what lies in their middle."""
        efficiencies = [run.efficiency for run in self.runs]
        shares = [run.refused_share for run in self.runs]
        each = ", ".join(f"{run.efficiency:.3f}/{run.refused_share:.2%}" for run in self.runs)
        bans = f"; bans {[run.bans for run in self.runs]}" if self.meeting is Meeting.BANNED else ""
        return (
            f"efficiency median {median(efficiencies):.3f}, worst {min(efficiencies):.3f}; refused median "
            f"{median(shares):.2%}, worst {max(shares):.2%}{bans} ({each}){self._stops}"
        )

    @property
    def _stops(self) -> str:
        causes = sorted({run.stopped for run in self.runs if run.stopped})
        return f"; given up for {', '.join(causes)}" if causes else ""

    @property
    def missed(self) -> tuple[str, ...]:
        """The bars that a run fell short of."""
        if self.meeting is Meeting.BANNED:
            bars = {"at most one ban": all(run.bans <= 1 for run in self.runs)}
        else:
            bars = {
                f"efficiency at least {LEAST_EFFICIENCY}": all(
                    run.efficiency >= LEAST_EFFICIENCY for run in self.runs
                ),
                "refused at most 2 percent": all(run.refused_share <= MOST_REFUSED for run in self.runs),
            }
        bars["never given up"] = all(run.stopped is None for run in self.runs)
        return tuple(bar for bar, holds in bars.items() if not holds)


def rounds(
    cases: Cases, seeds: Sequence[int], *, answers: Sequence[float], seconds: float
) -> Iterator[Round]:
    """Run every limiter at every answer time with every seed, ``seconds`` each; all limiters at a time."""
    for answer_seconds in answers:
        runs = [asyncio.run(_side_by_side(cases, answer_seconds, seed, seconds)) for seed in seeds]
        for number, (text, meeting) in enumerate(cases):
            yield Round(
                text=text,
                meeting=meeting,
                answer_seconds=answer_seconds,
                runs=[each[number] for each in runs],
            )


async def _side_by_side(cases: Cases, answer_seconds: float, seed: int, seconds: float) -> list[Run]:
    async with AsyncExitStack() as stack:
        going = []
        for number, (text, meeting) in enumerate(cases):
            spec = parse_limiter(text)
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            config = KamailioConfig(
                directory=Path(directory),
                agents=AGENTS,
                password=PASSWORD,
                limiter=spec,
                phones_seconds=(answer_seconds, answer_seconds),
                seed=seed,
            )
            pbx = await stack.enter_async_context(started(KamailioPbx(config)))
            # The windows' phase is Kamailio's affair; a start by chance meets each of them anywhere.
            late = Random(f"{seed}/{number}").uniform(0.0, 2.0)
            going.append(_run(pbx, spec, _policy(spec, meeting), late, seconds))
        return list(await asyncio.gather(*going))


async def _run(
    pbx: KamailioPbx, spec: LimiterSpec, policy: GovernorPolicy, late: float, seconds: float
) -> Run:
    await asyncio.sleep(late)
    loop = asyncio.get_running_loop()
    async with await SipEndpoint.open(local_host=OUR_HOST) as ours:
        driver = _driver(ours, pbx, policy)
        try:
            ends_at = loop.time() + seconds
            await _keep_busy(driver, ends_at)
            stopped = driver.stopped_by()
        finally:
            await driver.aclose()
        await asyncio.sleep(0.5)  # what is on its way is still logged
    records = [record for record in pbx.log_records() if record.source == OUR_HOST]
    reasons = Counter(record.reason for record in records)
    return Run(
        sent=len(records),
        refused=reasons["throttled"] + reasons["banned"],
        bans=reasons["throttled"],
        passed=reasons["ok"],
        ideal=spec.ideal_requests(seconds),
        stopped=stopped,
    )


def _policy(spec: LimiterSpec, meeting: Meeting) -> GovernorPolicy:
    if meeting is Meeting.DECLARED:
        return GovernorPolicy(learn=False, max_rate=DECLARED * spec.ideal_rate())
    return GovernorPolicy(learn=True, max_rate=0.0)


def _driver(ours: SipEndpoint, pbx: KamailioPbx, policy: GovernorPolicy) -> TrunkDriver:
    address = TrunkAddress(
        targets=(Target.over_udp(pbx.address),),
        domain=SipUri(host="lab"),
        identity=SipUri(user=TRUNK_ACCOUNT, host="lab"),
        answer_timeout_seconds=4.0,
    )
    return TrunkDriver(
        endpoint=ours,
        address=address,
        digest=DigestClient(DigestAccount(username=TRUNK_ACCOUNT, password=PASSWORD), token=token),
        governor=Governor(policy, asyncio.get_running_loop().time()),
        qualifier=Qualifier(QualificationPolicy(methods=("options",), trust_unqualified=True), NOW),
        clock=lambda: NOW,
        token=token,
        may_send=lambda: True,
    )


async def _keep_busy(driver: TrunkDriver, ends_at: float) -> None:
    """Claim checks as the worker does: as many as the driver has room for, whenever it brings evidence."""
    loop, numbers = asyncio.get_running_loop(), count(1)
    names = sorted(AGENTS)
    while loop.time() < ends_at and driver.stopped_by() is None:
        wanted = [next(numbers) for _ in range(driver.room())]
        driver.submit([_check(number, names[number % len(names)]) for number in wanted])
        await driver.gathered(min(0.1, max(0.0, ends_at - loop.time())))


def _check(number: int, agent: str) -> DueCheck:
    return DueCheck(id=number, agent=agent, address=f"sip:{agent}@lab", needed_by=NOW)
