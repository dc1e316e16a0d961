"""What the practice org's process is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftline.lab.org.practice import OrgSettings
from shiftline.lab.scenario import ScenarioSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgProcessConfig:
    """Where to listen, which scenario to hold and how strict to be."""

    scenario: ScenarioSettings
    settings: OrgSettings = field(default_factory=OrgSettings)
    host: str = "127.0.0.1"
    port: int = 0
