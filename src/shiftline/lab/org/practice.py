"""Everything a running practice org holds besides its model: accounts, limits, jobs, faults and counts."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shiftline.clock import Clock, wall_clock
from shiftline.lab.org.accounts import Accounts, OAuthClient
from shiftline.lab.org.faults import Fault, FaultBoard, FaultName
from shiftline.lab.org.jobs import JobStore
from shiftline.lab.org.limits import SlidingWindow
from shiftline.lab.org.organisation import Organisation
from shiftline.secrets import Secret

LAB_CLIENT = OAuthClient(id="shiftline", secret=Secret("secret"))
"""The client every lab has unless it is told otherwise."""
ADDRESS_SCHEMA = "5d4f0a1c-51b0-4a5e-9f6e-7f1d2a3b4c5d"
ADDRESS_FIELD = "sip_uri_text"
"""The custom attribute that carries an agent's SIP URI: schema id and field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgSettings:
    """How strict and how quick the practice org is. Defaults are Genesys's own figures (section 7.2)."""

    clients: tuple[OAuthClient, ...] = (LAB_CLIENT,)
    trading_per_minute: int = 5
    requests_per_minute: int = 300
    job_reads_count: bool = False
    """Whether a job GET takes from the shift-trading budget; unknown of the real platform."""
    max_request_bytes: int = 512_000
    inline_bytes: int = 1_000_000
    """A larger result comes by ``downloadUrl``."""
    job_seconds: float = 0.2
    """How long a job takes whose POST was answered 202."""
    address_schema: str = ADDRESS_SCHEMA
    address_field: str = ADDRESS_FIELD
    faults: Mapping[FaultName, Fault] = field(default_factory=dict)


class PracticeOrg:
    """A practice org ready to be served.

    ``clock`` is civil time; ``monotonic``, in seconds, runs limits, tokens and jobs.
    """

    def __init__(
        self,
        org: Organisation,
        settings: OrgSettings | None = None,
        *,
        clock: Clock = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        new_token: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self.org = org
        self.settings = settings or OrgSettings()
        self.clock = clock
        self.monotonic = monotonic
        self.new_token = new_token
        self.accounts = Accounts(self.settings.clients, new_token=new_token)
        self.trading_limit = SlidingWindow(self.settings.trading_per_minute)
        self.general_limit = SlidingWindow(self.settings.requests_per_minute)
        self.faults = FaultBoard(self.settings.faults)
        self.jobs = JobStore()
        self.downloads: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        """How many requests came, by method and route."""
        self.statuses: Counter[int] = Counter()
        """How many answers went out, by status; dropped connections have none."""

    def catch_up(self) -> None:
        """Do what time has brought: finish jobs that are due, expire trades whose date has come."""
        self.jobs.finish_due(self.monotonic())
        self.org.expire_due(self.clock())
