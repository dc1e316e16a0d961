"""Runs targets one after the other, each in a process of its own, and sums up."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

TARGETS = {
    "reader": 8192, "values": 2048, "digest": 4096, "multipart": 4096, "packages": 4096, "framing": 2048,
    "redaction": 2048, "machine": 512, "records": 4096,
}  # fmt: skip
"""Each target and the most bytes of an input."""
HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "fuzz"
_MOST_MEGABYTES = 1024
_MOST_SECONDS_PER_INPUT = 5
_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_COVERAGE = re.compile(r"cov: (\d+)")


def fuzz(target: str, seconds: int) -> bool:
    """Run one target; print its figures, and what it found. Whether it found nothing."""
    corpus, findings = WORK / target / "corpus", WORK / target / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    command = [
        sys.executable, "-m", "fuzz.engine", target, str(corpus), str(HERE / "seeds" / target),
        f"-max_total_time={seconds}", f"-max_len={TARGETS[target]}", f"-timeout={_MOST_SECONDS_PER_INPUT}",
        f"-rss_limit_mb={_MOST_MEGABYTES}", f"-artifact_prefix={findings}/", "-print_final_stats=1",
        f"-dict={HERE / 'sip.dict'}",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = sorted(set(findings.iterdir()) - before)
    executions = _EXECUTIONS.search(run.stderr)
    coverage = _COVERAGE.findall(run.stderr)
    print(
        f"{target:10} {int(executions[1]) if executions else 0:>10} inputs  "
        f"{coverage[-1] if coverage else '?':>6} edges  {len(found)} findings",
        flush=True,
    )
    if run.returncode:
        print(run.stdout[-2000:], run.stderr[-4000:], *found, sep="\n")
    return run.returncode == 0 and not found


def main() -> int:
    """Read the command line; 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    quiet = [fuzz(target, options.seconds) for target in options.targets or TARGETS]
    return 0 if all(quiet) else 1


if __name__ == "__main__":
    sys.exit(main())
