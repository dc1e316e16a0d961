"""``make bench``: figures in one run, as ratios; wall-clock times are never asserted anywhere.

``--only NAME...`` measures some of them. Each module here says what it measures, and runs by itself as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import digest, doctor, doctor_read, governor, registrations, sip_agent, sip_parse, storm

BENCHES: dict[str, Callable[[], None]] = {
    "governor": governor.main,
    "sip-parse": sip_parse.main,
    "digest": digest.main,
    "sip-agent": sip_agent.main,
    "registrations": registrations.run_short,
    "storm": storm.run_short,
    "doctor": doctor.main,
    "doctor-read": doctor_read.main,
}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--only", nargs="+", choices=tuple(BENCHES), default=tuple(BENCHES))
    for name in parser.parse_args().only:
        BENCHES[name]()


if __name__ == "__main__":
    main()
