"""``make accept``: every acceptance line on real processes, as a table with figures.

``--only demos|shared|password|kills|limiters|workers|bank|simulate|doctor|storm|million|tshark|incident|
test`` runs a part, ``--seeds 1,2,3`` chooses the days and the kills, ``--pbx`` one PBX, ``--limits 20,50``
some of the bursts; ``--quick`` runs the limiters once, for 40 seconds, and some of the bank and of the
doctor's trunks. The whole takes more than two hours on two cores. Exit code 1 if any line falls short.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.accept.doctor import examinations
from tests.accept.incident import incidents
from tests.accept.limiters import ANSWER_SECONDS, FIRST, THEN, rounds
from tests.accept.simulated import banks, thousand_trunks
from tests.accept.storm import answers
from tests.accept.storm_figures import figures_of_storm
from tests.accept.workers import shared_trunks
from tests.durable.burst import Aftermath, Ordeal, endure, random_moments

from shiftline.lab.demo.stage import OUR_HOST, WorkerSettings
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.pbx.faults import Faults, Throttle, WrongPasswordAnswer

TRUNK_ACCOUNT = "shiftline"
BURSTS = {20: 500, 50: 500, 200: 4000}  # trades by the hidden limit per second
PBXS = ("practice", "kamailio")
ROOT = Path(__file__).parents[2]
TEST_LIMIT_SECONDS = 600.0
RING = re.compile(r"^[a-z]+ +[0-9]+ (error|failed|passed|skipped)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is run."""

    seeds: list[int]
    pbxs: list[str]
    limits: list[int]
    quick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured line: what was run, what came out, and which bars it missed."""

    name: str
    figures: str
    missed: tuple[str, ...]


def _demo(*arguments: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "out.json"
        command = [sys.executable, "-m", "shiftline", "demo", "--exit", "--json", str(out), *arguments]
        try:
            ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired:
            return {"broken": ["it did not end within 900 s"]}  # one line of the table, and not its end
        if not out.exists():
            return {"broken": (ran.stderr or ran.stdout).strip().splitlines()[-1:]}
        figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return figures


def _judge(
    name: str, figures: dict[str, Any], **bars: Callable[[dict[str, Any], dict[str, Any]], bool]
) -> Line:
    if "broken" in figures:
        return Line(name=name, figures=str(figures["broken"]), missed=("it did not run",))
    before, after = figures["before"], figures["after"]
    share = after["refused"] / max(after["checks_sent"], 1)
    shown = (
        f"before: stuck {before['stuck']}, campaign refused {before['campaign']['refused']}; "
        f"after: {after['approved']}/{after['denied']}/{after['referred']}, stuck {after['stuck']}, "
        f"wrong {after['wrong']}, refused {after['refused']} of {after['checks_sent']} ({share:.2%}), "
        f"efficiency {after['efficiency']:.3f}, campaign refused {after['campaign']['refused']}, "
        f"overshoot windows {after['overshoot_windows']}"
    )
    missed = tuple(bar.replace("_", " ") for bar, holds in bars.items() if not holds(before, after))
    return Line(name=name, figures=shown, missed=missed)


def _is_truth(_: dict[str, Any], after: dict[str, Any]) -> bool:
    return all(after[word] == after["truth"][word] for word in ("approved", "denied", "referred"))


def _is_clean(_: dict[str, Any], after: dict[str, Any]) -> bool:
    return bool(after["stuck"] == 0 and after["wrong"] == 0)


def demos(choice: Choice) -> Iterator[Line]:
    """The burst against the hidden limit, cold, on both PBXs."""
    for pbx in choice.pbxs:
        for limit in choice.limits:
            trades = BURSTS[limit]
            for seed in choice.seeds:
                arguments = [
                    "--pbx",
                    pbx,
                    "--limit",
                    str(limit),
                    "--trades",
                    str(trades),
                    "--seed",
                    str(seed),
                ]
                yield _judge(
                    f"demo {pbx}, limit {limit}, {trades} trades, seed {seed}",
                    _demo(*arguments),
                    equals_truth=_is_truth,
                    none_stuck_or_wrong=_is_clean,
                    refused_at_most_2_percent=lambda _, a: a["refused"] <= 0.02 * a["checks_sent"],
                    efficiency_at_least_085=lambda _, a: a["efficiency"] >= 0.85,
                    before_shows_the_incident=lambda b, _: b["stuck"] > 0.5 * b["trades"],
                    campaign_untouched=lambda _, a: a["campaign"]["refused"] == 0,
                )


def shared(choice: Choice) -> Iterator[Line]:
    """A limit that the campaign shares: declared, and learned.

    The incident's burst fills one window of the limit. How many campaign calls fall into what is left of
    it is chance, so that they are counted over all days.
    """
    for pbx in choice.pbxs:
        before: list[int] = []
        for seed in choice.seeds:
            arguments = ["--pbx", pbx, "--limit-key", "trunk", "--seed", str(seed)]
            declared = _demo(*arguments, "--max-rate", "40")
            yield _judge(
                f"shared limit {pbx}, declared 40/s, seed {seed}",
                declared,
                equals_truth=_is_truth,
                none_stuck_or_wrong=_is_clean,
                campaign_untouched=lambda _, a: a["campaign"]["refused"] == 0,
            )
            learned = _demo(*arguments)
            yield _judge(
                f"shared limit {pbx}, learning, seed {seed}",
                learned,
                equals_truth=_is_truth,
                none_stuck_or_wrong=_is_clean,
                at_most_one_overshoot_window=lambda _, a: a["overshoot_windows"] <= 1,
            )
            before += [run["before"]["campaign"]["refused"] for run in (declared, learned) if "before" in run]
        yield Line(
            name=f"shared limit {pbx}, before",
            figures=f"campaign calls refused in each run: {before}",
            missed=() if sum(before) else ("shows campaign refusals",),
        )


def password(_: Choice) -> Iterator[Line]:
    """A wrong password on the trunk, as both families of PBXs answer it."""
    for answer in WrongPasswordAnswer:
        faults = Faults(
            throttle=Throttle(limit=50),
            rotated_accounts=frozenset({TRUNK_ACCOUNT}),
            wrong_password_answer=answer,
        )
        left = _endure(
            Ordeal(
                trades=500,
                pbx_faults=faults,
                worker=WorkerSettings(deny_violations=()),
                expires_after_seconds=(60.0, 180.0),
            )
        )
        ours = [request for request in left.requests if request.source == OUR_HOST]
        carried = sum(request.carried_credentials for request in ours)
        named = sum(any("credentials.wrong-password" in r for r in row.reasons) for row in left.rows)
        late = sum(row.decided_at is None or row.decided_at > row.refer_by for row in left.rows)
        missed = [
            word
            for word, wrong in {
                "fewer than 20 requests": len(ours) >= 20,
                "at most 2 with credentials": carried > 2,
                "every trade referred": any(row.verdict != "refer" for row in left.rows) or bool(left.lost),
                "with its cause": named < len(left.rows),
                "by refer-by": late > 0,
            }.items()
            if wrong
        ]
        figures = (
            f"{len(ours)} requests, {carried} with credentials; {len(left.rows)} of 500 trades referred, "
            f"{named} name the cause, {late} late"
        )
        yield Line(name=f"wrong password, {answer}", figures=figures, missed=tuple(missed))


def _ordeals(seeds: list[int]) -> dict[str, Ordeal]:
    """The bursts with kills, each on the next of the days and so at moments of its own."""
    alone, dropping, without_database = islice(cycle(seeds), 3)
    moments = {seed: tuple(random_moments(20, seed=seed)) for seed in seeds}
    return {
        f"20 worker kills, seed {alone}": Ordeal(trades=500, seed=alone, worker_kills=moments[alone]),
        f"20 worker kills, org drops after commit, seed {dropping}": Ordeal(
            trades=500,
            seed=dropping,
            worker_kills=moments[dropping],
            org_faults={FaultName.DROP_AFTER_COMMIT: Fault(probability=0.5, seed=dropping)},
        ),
        f"20 worker kills, PostgreSQL killed, seed {without_database}": Ordeal(
            trades=500,
            seed=without_database,
            worker_kills=moments[without_database],
            database_kills=(moments[without_database][9] + 1.0,),
        ),
    }


def kills(choice: Choice) -> Iterator[Line]:
    """Twenty kills in one burst, alone, with lost answers, and with PostgreSQL killed in the middle."""
    for name, ordeal in _ordeals(choice.seeds).items():
        left = _endure(ordeal)
        missed = [
            word
            for word, faults in {
                "every kill": len(ordeal.worker_kills) + len(ordeal.database_kills) - left.kills,
                "no trade lost": left.lost,
                "none undecided": left.undecided,
                "exactly one effective decision": left.not_once,
                "no decision sent again": left.sent_again,
                "none wrong": left.wrong,
                "as the truth has it": len(left.truth) - left.as_truth,
            }.items()
            if faults
        ]
        figures = (
            f"{left.kills} kills in {ordeal.worker_kills[-1]:.0f} s, settled after {left.seconds:.0f} s; "
            f"lost {len(left.lost)}, undecided {len(left.undecided)}, not decided exactly once "
            f"{len(left.not_once)}, sent again {len(left.sent_again)}, wrong {len(left.wrong)}; "
            f"{left.as_truth} of {len(left.truth)} as the truth has it"
        )
        yield Line(name=name, figures=figures, missed=tuple(missed))


def limiters(choice: Choice) -> Iterator[Line]:
    """Our driver and governor at real Kamailio's limiters, a minute a run, ten seeds or those given."""
    seeds = choice.seeds or [*range(1, 11)]
    if choice.quick:
        found = [rounds((*FIRST, *THEN), seeds[:1], answers=(0.040,), seconds=40.0)]
    else:
        found = [
            rounds(FIRST, seeds, answers=ANSWER_SECONDS, seconds=60.0),
            rounds(THEN, seeds, answers=(0.040,), seconds=120.0),
        ]
    for one in chain.from_iterable(found):
        yield Line(name=one.name, figures=one.figures, missed=one.missed)


def workers(choice: Choice) -> Iterator[Line]:
    """Two workers share eight trunks; in the burst one is paused and resumed, then the other is killed."""
    for seed in choice.seeds or [1, 2, 3]:
        found = shared_trunks(seed)
        yield Line(name=found.name, figures=found.figures, missed=found.missed)


def bank(choice: Choice) -> Iterator[Line]:
    """What is asked of the governor in virtual time, on the bank it was tuned on and on another."""
    for one in banks(quick=choice.quick):
        yield Line(name=one.name, figures=one.figures, missed=one.missed)


def simulate(choice: Choice) -> Iterator[Line]:
    """A provider's publish day: a million trades on a thousand trunks."""
    for one in thousand_trunks(quick=choice.quick):
        yield Line(name=one.name, figures=one.figures, missed=one.missed)


def doctor(choice: Choice) -> Iterator[Line]:
    """`shiftline doctor run` against a sample of the bank, and against real Kamailio with each fault."""
    for found in examinations(choice.seeds, quick=choice.quick):
        yield Line(name=found.name, figures=found.figures, missed=found.missed)


def storm(choice: Choice) -> Iterator[Line]:
    """500 concurrent REGISTERs for a minute at each of Kamailio's limiters: limiter or capacity?"""
    for one in answers(20.0 if choice.quick else 60.0):
        yield Line(name=f"storm, {one.name}", figures=one.figures, missed=one.missed)


def million(_: Choice) -> Iterator[Line]:
    """A million registrations from a hundred thousand users: does storm's memory stay flat?"""
    for one in figures_of_storm("million"):
        yield Line(name=f"storm, {one.name}", figures=one.figures, missed=one.missed)


def tshark(_: Choice) -> Iterator[Line]:
    """Storm's latencies, and what tshark measures of the same runs."""
    for one in figures_of_storm("tshark"):
        yield Line(name=f"storm, {one.name}", figures=one.figures, missed=one.missed)


def the_incident(choice: Choice) -> Iterator[Line]:
    """`shiftline doctor read` of recordings of the incident, and `doctor run` against PBXs that have it."""
    for found in incidents(choice.seeds, quick=choice.quick):
        yield Line(name=found.name, figures=found.figures, missed=found.missed)


def test(_: Choice) -> Iterator[Line]:
    """``make test`` as a newcomer runs it: a fresh clone of what is committed, set-up and all."""
    with tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "shiftline"
        _run("git", "clone", "--quiet", str(ROOT), str(clone), cwd=ROOT)
        began = time.monotonic()
        ran = _run("make", "test", cwd=clone)
        seconds = time.monotonic() - began
    rings = [" ".join(line.split()) for line in ran.stdout.splitlines() if RING.match(line)]
    missed = {
        "passes": ran.returncode != 0,
        "in under 10 minutes": seconds >= TEST_LIMIT_SECONDS,
        "says how many tests of each ring ran": not rings,
    }
    yield Line(
        name="make test on a fresh clone",
        figures=f"exit code {ran.returncode} after {seconds:.0f} s; {', '.join(rings)}",
        missed=tuple(word for word, wrong in missed.items() if wrong),
    )


def _run(program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which(program) or program, *arguments], check=False, capture_output=True, text=True, cwd=cwd
    )


def _endure(ordeal: Ordeal) -> Aftermath:
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(endure(ordeal, Path(directory)))


PARTS = {
    "demos": demos,
    "shared": shared,
    "password": password,
    "kills": kills,
    "limiters": limiters,
    "workers": workers,
    "bank": bank,
    "simulate": simulate,
    "doctor": doctor,
    "storm": storm,
    "million": million,
    "tshark": tshark,
    "incident": the_incident,
    "test": test,
}


def main() -> int:
    """Run the parts, show each line as it comes and the table at the end."""
    parser = argparse.ArgumentParser(prog="make accept", description=__doc__)
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    numbers: Callable[[str], list[int]] = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--seeds", type=numbers)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--limits", default="20,50,200", type=numbers)
    parser.add_argument("--pbx", choices=PBXS, action="append")
    asked = parser.parse_args()
    choice = Choice(
        seeds=asked.seeds or [], pbxs=asked.pbx or [*PBXS], limits=asked.limits, quick=asked.quick
    )
    usual = replace(choice, seeds=asked.seeds or [1, 2, 3])
    console = Console(highlight=False)
    lines = []
    for part in asked.only or PARTS:
        for line in PARTS[part](choice if part == "limiters" else usual):
            lines.append(line)
            word = "[red]short[/]" if line.missed else "[green]holds[/]"
            console.print(f"{word}  {line.name}: {line.figures} {', '.join(line.missed)}", soft_wrap=True)
    table = Table("line", "", "missed", title="Acceptance")
    for line in lines:
        table.add_row(line.name, "short" if line.missed else "holds", ", ".join(line.missed))
    console.print(table)
    return int(any(line.missed for line in lines))


if __name__ == "__main__":
    sys.exit(main())
