"""A recording being played: everybody's programme, arranged in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT, Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.recording_actors import Actor
from shiftline.lab.recording_scene import SHARED_LOCKOUT, Scene, usual_wishes
from shiftline.lab.virtual import START, Road, VirtualPbx
from shiftline.secrets import Secret
from shiftline.sip.events import Address
from shiftline.sip.message import Request
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
_RELOADED, _RELOAD_GAP_SECONDS = 80, 0.125
_WORDY_SHARE, _PLAIN_SHARE = 0.35, 0.25
METADATA = ("X-Agent-ID", "X-Genesys-Agent", "X-Queue", "X-Tenant")
"""What the second address's checks carry, and the first one's lack."""


class Stage:
    """One scene; `play` it once."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._random = Random(f"scene/{scene.seed}/{scene.personality}")
        self._agents = {
            f"agent{number:04d}": self._random.choice([*Truth][:3])
            for number in range(1, 2 * scene.trades + 1)
        }
        self.messages: list[TracedMessage] = []
        """What the tap at the PBX's port has seen."""
        self.epoch_offset = PUBLISHED_AT.timestamp() - START - scene.published_after_seconds
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
            epoch_offset=self.epoch_offset,
            on_message=self.messages.append,
        )
        self._actors: list[Actor] = []

    def play(self) -> None:
        """Let everything happen."""
        self._phones()
        self._campaign()
        self._desk()
        self._neighbour()
        self._connector()
        self.pbx.run_until(START + self._scene.seconds + _DRAIN_SECONDS)

    def _actor(
        self,
        name: str,
        account: str,
        source: Address,
        user_agent: str,
        *,
        call_id_shape: str = "{token}",
        password: Secret = _PASSWORD,
        via: Address | None = None,
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
            via=via,
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
            shares = SHARED_LOCKOUT in self._scene.fault_ids
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

    def _neighbour(self) -> None:
        """A queue display behind the connector's address: it polls, and reloads all once it is published."""
        if self._scene.neighbour_every_seconds is None:
            return
        users = [*self._agents]
        display = self._actor("queue display", users[-2], (CONNECTOR, 5070), "QueueBoard/1.9")
        for at in self._every(self._scene.neighbour_every_seconds):
            display.ask(display.options(self._random.choice(users)), at)
        published = START + self._scene.published_after_seconds
        for number in range(_RELOADED):
            request = display.query() if number % 2 else display.options(users[number % len(users)])
            display.ask(request, published + 4.0 + number * _RELOAD_GAP_SECONDS)

    def _connector(self) -> None:
        """A few checks all the time, its own registration, and the burst."""
        first, second = (
            self._actor(f"connector {host}", TRUNK_ACCOUNT, (host, 5062), "WFM-Connector/3.2", via=via)
            for host, via in ((CONNECTOR, None), (SECOND, self._second_via()))
        )
        users = [*self._agents]
        for number, at in enumerate(self._every(4.0)):
            actor = second if number % 3 == 2 else first
            actor.ask(self._check(actor, self._random.choice(users), "OPTIONS"), at)
        for at in self._every(30.0):
            first.ask(first.options(None), at)
        for number, at in enumerate(self._every(40.0)):
            first.ask(first.bind(600), at)
            first.ask(first.query(), at + 7.0)
            package = ("presence", "dialog", "reg")[number % 3]
            first.ask(first.subscribe(self._random.choice(users), package), at + 11.0)
        self._burst(first, users)

    def _second_via(self) -> Address | None:
        """Behind a box that names a listed address, if the PBX looks there; else nothing special."""
        return (PHONES, 5062) if "acl.via-source" in self._scene.fault_ids else None

    def _check(self, actor: Actor, user: str, method: str) -> Request:
        """A check as it comes from production: some have much to say of the agent, some little.

        What comes from the second address always names the agent, as its export has the custom attributes.
        """
        request = actor.query(user) if method == "REGISTER" else actor.options(user)
        if actor.source[0] == SECOND:
            for name in METADATA:
                request.headers.add(name, user)
        if self._random.random() < _WORDY_SHARE:
            words = "skill=sales;" * self._random.randrange(15, 100)
            request.headers.add("X-Custom-Attributes", words)
        if self._random.random() < _PLAIN_SHARE:
            request.headers.remove("Accept")
        return request

    def _burst(self, connector: Actor, users: list[str]) -> None:
        """Two checks a trade, all at once, and once more a little later: nobody told it what 403 means."""
        rate = self._scene.burst_per_second or self._fitting_rate()
        begin = START + self._scene.published_after_seconds + self._random.uniform(2.0, 8.0)
        checks = max(2 * self._scene.trades, round(rate * self._fitting_seconds()))
        at_once = round(3.0 * max(self._drawn("places"), default=1.0 / 3.0))
        for round_ in range(2):
            at = begin + round_ * (_RETRY_SECONDS + checks / rate)
            for number in range(checks):
                connector.ask(self._check(connector, users[number % len(users)], self._burst_method()), at)
                if number % at_once == 0:
                    at += self._random.expovariate(rate / at_once)

    def _burst_method(self) -> str:
        """By which method it asks: the one that a throttle of one method is for."""
        if "throttle.registration-rate" in self._scene.fault_ids:
            return "REGISTER"
        methods = [one.drawn["method"] for one in self.pbx.truth if one.id == "throttle.method"]
        return str(methods[0]) if methods else "OPTIONS"

    def _drawn(self, name: str) -> list[float]:
        """What was drawn of that name."""
        return [float(str(one.drawn[name])) for one in self.pbx.truth if name in one.drawn]

    def _fitting_rate(self) -> float:
        """Fast enough to meet a throttle that was drawn."""
        return max([60.0, *(3.0 * limit for limit in self._drawn("limit"))])

    def _fitting_seconds(self) -> float:
        """Long enough to see a few of its windows."""
        return 2.5 * max(self._drawn("window_seconds"), default=0.0) + 3.0

    def truth(self) -> dict[str, object]:
        """What was drawn and what was done, as JSON has it."""
        published = PUBLISHED_AT.timestamp()
        return {
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
