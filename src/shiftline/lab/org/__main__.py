"""The practice org as a process of its own: ``python -m shiftline.lab.org --config FILE``.

Start it with ``Child.start("shiftline.lab.org", OrgProcessConfig(...), directory)``; it says
``ready http://HOST:PORT``. Civil time comes from `shiftline.clock`.
"""

from __future__ import annotations

import asyncio
import sys

from shiftline.clock import clock_from_environment
from shiftline.lab.org.practice import PracticeOrg
from shiftline.lab.org.process_config import OrgProcessConfig
from shiftline.lab.org.server import serve
from shiftline.lab.process import run_child, say_ready
from shiftline.lab.scenario import build_scenario


async def _serve(config: OrgProcessConfig, told_to_end: asyncio.Event) -> None:
    practice = PracticeOrg(
        build_scenario(config.scenario).org, config.settings, clock=clock_from_environment()
    )
    async with serve(practice, config.host, config.port) as url:
        say_ready(url)
        await told_to_end.wait()


if __name__ == "__main__":
    sys.exit(run_child(OrgProcessConfig, _serve))
