"""Recordings of the lab: what a capture at the PBX's port holds of an hour in which something was wrong.

Everything is drawn from the seed, and runs in virtual time. Beside the capture lies the truth: the faults
with what was drawn for them, the publish window, and who sent what.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT, Truth
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx_log import RequestRecord
from shiftline.lab.recording_actors import Actor
from shiftline.lab.virtual import START, Road, VirtualPbx
from shiftline.net.capture import write_pcap, write_private
from shiftline.secrets import Secret
from shiftline.sip.events import Address
from shiftline.sip.trace import TracedMessage

PUBLISHED_AT = datetime(2024, 5, 24, 19, 30, tzinfo=UTC)
"""A Friday, 14:30 in Chicago."""
TIME_ZONE = "America/Chicago"
CONNECTOR, SECOND = "127.0.0.2", "127.0.0.4"
"""The connector has two addresses; every third of its checks comes from the second."""
CAMPAIGN, PHONES, DESK = "127.0.0.3", "127.0.0.10", "127.0.0.6"
_PASSWORD = Secret("secret")
_WINDOW_SECONDS = 120.0
_RETRY_SECONDS = 45.0
_DRAIN_SECONDS = 15.0
_SHARED = "credentials.shared-lockout"
_IN_MID_HOUR = frozenset({"credentials.rotated", "schedule.time-of-day", "ban.user"})
"""Faults that are known by what went well before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What happens. The burst of checks begins with the publish; ``road_loss`` is a share of datagrams."""

    personality: str = "practice"
    fault_ids: tuple[str, ...] = ()
    seed: int = 1
    wishes: Wishes | None = None
    """None: what makes the faults show in such an hour (`usual_wishes`)."""
    phones: int = 30
    trades: int = 60
    """Each asks for the checks of two agents."""
    seconds: float = 360.0
    published_after_seconds: float = 150.0
    burst_per_second: float | None = None
    """How fast the connector sends them; None: three times a throttle that was drawn, or 60."""
    calls_per_second: float = 0.3
    desk_shares_account: bool | None = None
    """The ticket desk logs in to the trunk's account, with the password of last year. None: if that is the
    fault."""
    road_loss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A capture, the PBX's own log of it, and the truth."""

    messages: list[TracedMessage]
    records: list[RequestRecord] = field(repr=False)
    truth: dict[str, object]
    epoch_offset: float
    """Added to a message's time it gives seconds since 1970."""

    def write(self, path: Path) -> tuple[Path, Path]:
        """Write ``path`` with the endings .pcap and .json, whole or not at all.

        The capture holds the digests of the lab's own password. Raises ConfigurationError where it cannot
        be written.
        """
        capture, truth = path.with_suffix(".pcap"), path.with_suffix(".json")
        write_pcap(capture, self.messages, epoch_offset=self.epoch_offset, redacted=False)
        write_private(truth, f"{json.dumps(self.truth, indent=2)}\n".encode())
        return capture, truth


def record(scene: Scene) -> Recording:
    """Play a scene in virtual time. Raises ConfigurationError for faults that its personality cannot show."""
    stage = _Stage(scene)
    stage.arrange()
    stage.pbx.run_until(START + scene.seconds + _DRAIN_SECONDS)
    return stage.recording()


def usual_wishes(scene: Scene) -> Wishes:
    """The desk's failures lock an account, the burst earns a ban, some faults begin in the middle."""
    options: dict[str, Drawn] = {}
    if _SHARED in scene.fault_ids:
        options["others_every_seconds"] = 0.0
    if "ban.source" in scene.fault_ids:
        options["in_force_seconds"] = 0.0
    begins = scene.published_after_seconds * 0.7 if _IN_MID_HOUR & {*scene.fault_ids} else 0.0
    if "schedule.time-of-day" in scene.fault_ids:
        options["begins_after_seconds"] = begins
    return Wishes(since_seconds=begins, options=options)


def incident(seed: int = 1, personality: str = "chan_sip", *, trades: int = 500) -> Scene:
    """The incident: a throttle, a weekly publish, a burst of checks, a campaign and a ticket desk."""
    return Scene(
        personality=personality,
        fault_ids=("throttle.source",),
        seed=seed,
        trades=trades,
        phones=60,
        seconds=900.0,
        published_after_seconds=420.0,
        calls_per_second=0.5,
    )


class _Stage:
    """One scene being played."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._random = Random(f"scene/{scene.seed}/{scene.personality}")
        self._agents = {
            f"agent{number:04d}": self._random.choice([*Truth][:3])
            for number in range(1, 2 * scene.trades + 1)
        }
        self._messages: list[TracedMessage] = []
        self._epoch_offset = PUBLISHED_AT.timestamp() - START - scene.published_after_seconds
        config = PracticePbxConfig(
            log_path=Path("unused"),
            agents=self._agents,
            password=_PASSWORD,
            personality=scene.personality,
            fault_ids=scene.fault_ids,
            wishes=scene.wishes or usual_wishes(scene),
            seed=scene.seed,
        )
        self.pbx = VirtualPbx(
            config,
            road=Road(
                shortest_seconds=self._random.uniform(0.0002, 0.002),
                longest_seconds=self._random.uniform(0.003, 0.015),
                loss=scene.road_loss,
                seed=scene.seed,
            ),
            epoch_offset=self._epoch_offset,
            on_message=self._messages.append,
        )
        self._actors: list[Actor] = []

    def arrange(self) -> None:
        """Set what everybody will do, and when."""
        self._phones()
        self._campaign()
        self._desk()
        self._connector()

    def _actor(
        self,
        name: str,
        account: str,
        source: Address,
        user_agent: str,
        *,
        call_id_shape: str = "{token}",
        password: Secret = _PASSWORD,
    ) -> Actor:
        actor = Actor(
            name=name,
            pbx=self.pbx,
            account=account,
            source=source,
            password=password,
            random=Random(f"{self._scene.seed}/{name}"),
            user_agent=user_agent,
            call_id_shape=call_id_shape,
        )
        self._actors.append(actor)
        return actor

    def _every(self, seconds: float, jitter: float = 0.2) -> Iterator[float]:
        """Moments of the scene, one each so many seconds, each a little early or late."""
        at = START + self._random.uniform(0.0, min(seconds, self._scene.seconds))
        while at < START + self._scene.seconds:
            yield at
            at += seconds * self._random.uniform(1.0 - jitter, 1.0 + jitter)

    def _phones(self) -> None:
        """Agents' phones behind one gateway refresh their registrations."""
        for number, user in enumerate([*self._agents][: self._scene.phones]):
            phone = self._actor(user, user, (PHONES, 6000 + number), "PolycomVVX-VVX_401-UA/5.9.6")
            for at in self._every(120.0):
                phone.ask(phone.bind(7200), at)

    def _campaign(self) -> None:
        campaign = self._actor(
            "campaign", CAMPAIGN_ACCOUNT, (CAMPAIGN, 5060), "Campaign/7.1", call_id_shape="{token}@dialer"
        )
        for at in self._every(1.0 / self._scene.calls_per_second, jitter=0.9):
            number = self._random.randrange(10_000)
            campaign.ask(campaign.call(f"call{number:04d}"), at, hold_seconds=self._random.uniform(5.0, 40.0))

    def _desk(self) -> None:
        """The ticket desk looks whether its own line is there, once a minute."""
        shares = self._scene.desk_shares_account
        if shares is None:
            shares = _SHARED in self._scene.fault_ids
        desk = self._actor(
            "desk",
            TRUNK_ACCOUNT if shares else [*self._agents][-1],
            (DESK, 5080),
            "ServiceDesk-Bridge/2.1",
            call_id_shape="SD-{token}-0001",
            password=Secret("of last year") if shares else _PASSWORD,
        )
        for at in self._every(20.0 if shares else 60.0):
            desk.ask(desk.query(), at)

    def _connector(self) -> None:
        """A few checks all the time, its own registration, and the burst."""
        first, second = (
            self._actor(f"connector {host}", TRUNK_ACCOUNT, (host, 5062), "WFM-Connector/3.2")
            for host in (CONNECTOR, SECOND)
        )
        users = [*self._agents]
        for number, at in enumerate(self._every(4.0)):
            actor = second if number % 3 == 2 else first
            actor.ask(actor.options(self._random.choice(users)), at)
        for at in self._every(30.0):
            first.ask(first.options(None), at)
        for at in self._every(60.0):
            first.ask(first.bind(600), at)
            first.ask(first.query(), at + 7.0)
            package = ("presence", "dialog", "reg")[self._random.randrange(3)]
            first.ask(first.subscribe(self._random.choice(users), package), at + 11.0)
        self._burst(first)

    def _burst(self, connector: Actor) -> None:
        """Two checks a trade, all at once, and once more a little later: nobody told it what 403 means."""
        rate = self._scene.burst_per_second or self._fitting_rate()
        begin = START + self._scene.published_after_seconds + self._random.uniform(2.0, 8.0)
        checks = max(2 * self._scene.trades, round(rate * self._fitting_seconds()))
        users = [*self._agents]
        for round_ in range(2):
            at = begin + round_ * (_RETRY_SECONDS + checks / rate)
            for number in range(checks):
                connector.ask(connector.options(users[number % len(users)]), at)
                at += self._random.expovariate(rate)

    def _fitting_rate(self) -> float:
        """Fast enough to meet a throttle that was drawn."""
        limits = [float(str(one.drawn["limit"])) for one in self.pbx.truth if "limit" in one.drawn]
        return max(60.0, *(3.0 * limit for limit in limits)) if limits else 60.0

    def _fitting_seconds(self) -> float:
        """Long enough to see a few of its windows."""
        windows = [
            float(str(one.drawn["window_seconds"])) for one in self.pbx.truth if "window_seconds" in one.drawn
        ]
        return 2.5 * max(windows) + 3.0 if windows else 2.0

    def recording(self) -> Recording:
        """What was played."""
        published = PUBLISHED_AT.timestamp()
        truth: dict[str, object] = {
            "personality": self._scene.personality,
            "seed": self._scene.seed,
            "faults": [fault.to_json() for fault in self.pbx.truth],
            "publish": {
                "time_zone": TIME_ZONE,
                "begins_at": published,
                "ends_at": published + _WINDOW_SECONDS,
            },
            "requests": len(self.pbx.records),
            "refused_by_fault": dict(Counter(r.reason for r in self.pbx.records if "." in r.reason)),
            "actors": self._told(),
        }
        return Recording(
            messages=self._messages,
            records=self.pbx.records,
            truth=truth,
            epoch_offset=self._epoch_offset,
        )

    def _told(self) -> list[dict[str, object]]:
        """Each of them; the phones as one."""
        others = [actor for actor in self._actors if actor.source[0] != PHONES]
        rows = [_row(actor.name, actor, actor.outcomes) for actor in others]
        phones = [actor for actor in self._actors if actor.source[0] == PHONES]
        if phones:
            total = sum((phone.outcomes for phone in phones), Counter[str]())
            rows.append({**_row("phones", phones[0], total), "account": f"{len(phones)} of their own"})
        return rows


def _row(name: str, actor: Actor, outcomes: Counter[str]) -> dict[str, object]:
    return {
        "name": name,
        "source": actor.source[0],
        "account": actor.account,
        "user_agent": actor.user_agent,
        "outcomes": dict(outcomes),
    }
