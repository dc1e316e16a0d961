"""Governors and their rivals against limiters, in virtual time: no socket, no wait.

`simulate` plays a whole scenario; docs/howto/simulate.md shows how.
"""

from shiftline.governor.simulation.report import SimulationReport, simulate
from shiftline.governor.simulation.scenario import Scenario

__all__ = ["Scenario", "SimulationReport", "simulate"]
