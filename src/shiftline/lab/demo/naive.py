"""The connector of the incident: it asks about every agent at once and never comes back to a 403.

It speaks correct SIP, answers its challenge and reuses the nonce. All that it lacks is a governor, and
the idea that a refused question says nothing about the agent. A trade with an unanswered agent stays
"Pending Verification".
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shiftline.clock import clock_from_environment
from shiftline.connector.delivering import TARGET
from shiftline.connector.reading import REFUSALS, read_answer
from shiftline.connector.records import AgentProfile, BulkItem, EvaluatedTrade
from shiftline.lab.authorized import send_authorized
from shiftline.lab.org.practice import ADDRESS_FIELD, ADDRESS_SCHEMA, LAB_CLIENT
from shiftline.lab.process import WrittenSecret, run_child, say_ready
from shiftline.net.endpoint import SipEndpoint
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.requests import options
from shiftline.sip.uri import SipUri
from shiftline.trades.decision import DecisionPolicy, decide
from shiftline.trades.model import Evidence, Standing, Verdict
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.settings import GenesysSettings

PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveConfig:
    """Where the PBX and the organisation are, and where to write what became of the trades."""

    pbx: tuple[str, int]
    host: str
    account: str
    password: WrittenSecret
    org_url: str
    business_unit: str
    deny_violations: tuple[str, ...]
    outcome_path: Path


def _token() -> str:
    return secrets.token_hex(8)


class NaiveConnector:
    """One burst, one pass, no second look."""

    def __init__(self, config: NaiveConfig, endpoint: SipEndpoint) -> None:
        self._config = config
        self._endpoint = endpoint
        self._clock = clock_from_environment()
        account = DigestAccount(username=config.account, password=config.password)
        self._digest = DigestClient(account, token=_token)

    async def run(self, wfm: GenesysCloud) -> dict[str, str]:
        """Return verdict or ``pending`` by trade id; approvals and denials are delivered."""
        weeks = [(s.management_unit, s.week_date) for s in await wfm.week_summaries() if s.matched]
        trades = (await wfm.evaluate(weeks)).trades
        agents = sorted({agent for item in trades for agent in item.trade.agents})
        now = self._clock()
        working = {h.agent for h in await wfm.working_hours(agents, now, now + timedelta(seconds=1))}
        standings = await self._standings(await wfm.profiles(agents), working)
        policy = DecisionPolicy(deny_violations=frozenset(self._config.deny_violations))
        outcome, items = {}, []
        for item in trades:
            verdict = _verdict(item, standings, policy)
            outcome[item.trade.external_id] = PENDING if verdict is None else str(verdict)
            if verdict in TARGET:
                items.append(
                    BulkItem(
                        external_id=item.trade.external_id, state=TARGET[verdict], version=item.trade.version
                    )
                )
        if items:
            await wfm.deliver(weeks, items)
        return outcome

    async def _standings(self, profiles: Sequence[AgentProfile], working: set[str]) -> dict[str, Standing]:
        await self._ask(
            str(SipUri(scheme="sip", user=self._config.account, host=self._config.pbx[0], port=None))
        )
        asked = [profile for profile in profiles if profile.address]
        answers = await asyncio.gather(*(self._ask(profile.address or "") for profile in asked))
        evidence = dict(zip((profile.external_id for profile in asked), answers, strict=True))
        standings = {}
        for profile in profiles:
            agent = profile.external_id
            found = evidence.get(agent)
            standings[agent] = Standing(
                agent=agent,
                evidence=None if found is None else _named(found, agent),
                has_address=profile.address is not None,
                scheduled_now=agent in working,
            )
        return standings

    async def _ask(self, address: str) -> Evidence | None:
        uri = SipUri.parse(address)
        identity = SipUri(scheme="sip", user=self._config.account, host=uri.host, port=None)
        request = options(uri, from_uri=identity, token=_token)
        response = (await send_authorized(self._endpoint, self._digest, request, self._config.pbx)).response
        if response is None or response.status in REFUSALS:
            return None
        reading = read_answer("options", response.status, has_binding=False)
        return Evidence(
            agent="", kind=reading.kind, method="options", taken_at=self._clock(), cause=reading.cause
        )


def _named(evidence: Evidence, agent: str) -> Evidence:
    return Evidence(
        agent=agent,
        kind=evidence.kind,
        method=evidence.method,
        taken_at=evidence.taken_at,
        cause=evidence.cause,
    )


def _verdict(item: EvaluatedTrade, standings: dict[str, Standing], policy: DecisionPolicy) -> Verdict | None:
    initiating, receiving = (standings[agent] for agent in item.trade.agents)
    if any(standing.has_address and standing.evidence is None for standing in (initiating, receiving)):
        return None
    return decide(initiating, receiving, item.evaluation, policy).verdict


async def serve(config: NaiveConfig, told_to_end: asyncio.Event) -> None:
    """Make the one pass, write the outcome, and wait to be told to end."""
    settings = GenesysSettings(
        api_url=config.org_url,
        login_url=config.org_url,
        client_id=LAB_CLIENT.id,
        client_secret=LAB_CLIENT.secret,
        business_unit=config.business_unit,
        address_schema=ADDRESS_SCHEMA,
        address_field=ADDRESS_FIELD,
        poll_steps_seconds=(0.2,),
    )

    async def unlimited() -> float:
        return 0.0

    say_ready("")
    async with (
        await SipEndpoint.open(local_host=config.host) as endpoint,
        open_genesys(settings, clock=clock_from_environment(), reserve=unlimited) as wfm,
    ):
        outcome = await NaiveConnector(config, endpoint).run(wfm)
        partial = config.outcome_path.with_suffix(".part")
        partial.write_text(json.dumps(outcome), encoding="utf-8")
        partial.rename(config.outcome_path)
        await told_to_end.wait()


if __name__ == "__main__":
    sys.exit(run_child(NaiveConfig, serve))
