"""Kamailio that answers OPTIONS to itself, as its stock configuration does: alive is not available."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.support import started, token

from shiftline.connector.families import FAMILIES, GENERIC
from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.process import end_process, leashed
from shiftline.net.asking import Speaker
from shiftline.net.checkup import Checkup
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.package_method import OpenQuestions
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.requests import options
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence, EvidenceKind

pytestmark = pytest.mark.interop

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
US = SipUri(user="shiftline", host="lab")
KEEPALIVE = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
request_route {{
	if (is_method("OPTIONS") && uri==myself{only_itself}) {{
		sl_send_reply("200", "Keepalive");
		exit;
	}}
	sl_send_reply("404", "Not Found");
}}
"""
ITSELF, ANYBODY = " && $rU==$null", ""


@asynccontextmanager
async def keepalive(
    program: str, directory: Path, ours: SipEndpoint, free_port: int, only_itself: str
) -> AsyncIterator[tuple[str, int]]:
    """Kamailio with that little script; gives its address."""
    config = directory / "kamailio.cfg"
    config.write_text(KEEPALIVE.format(port=free_port, only_itself=only_itself), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *leashed([program, "-f", str(config), "-DD", "-E", "-m", "16", "-M", "4", "-Y", str(directory)]),
        stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL,
    )  # fmt: skip
    address = ("127.0.0.1", free_port)
    ping = SipUri(host="127.0.0.1", port=free_port)
    try:
        async with asyncio.timeout(20):
            response = None
            while response is None:
                question = options(ping, from_uri=US, token=token)
                response = (await ours.request(question, address, timeout_seconds=0.3)).response
        yield address
    finally:
        await end_process(process)


def settings_of(address: tuple[str, int], only_itself: str, family: str) -> QualificationPolicy:
    host = f"127.0.0.1:{address[1]}"
    users = ("", "") if only_itself else ("here@", "gone@")
    return QualificationPolicy(
        methods=("options",), controls=(f"sip:{users[0]}{host}", f"sip:{users[1]}{host}"), family=family
    )


@pytest.mark.parametrize("only_itself", [ITSELF, ANYBODY], ids=["about-itself", "about-anybody"])
async def test_alive_is_not_available(
    kamailio: str, tmp_path: Path, connector: SipEndpoint, free_port: int, only_itself: str
) -> None:
    """Neither to the trunk of a worker nor to `check`, whatever family it is said to be."""
    async with keepalive(kamailio, tmp_path, connector, free_port, only_itself) as address:
        host = f"127.0.0.1:{address[1]}"
        asked = f"sip:{host}" if only_itself else f"sip:ada@{host}"
        for family in FAMILIES:
            policy = settings_of(address, only_itself, family)
            checkup = checkup_of(connector, address, policy, None)
            await checkup.ask_controls()
            await checkup.ask_all([SipUri.parse(asked)], lambda _: None)
            (found,) = checkup.found.values()
            assert (found.status, found.phrase) == (200, "Keepalive")
            assert (found.evidence.kind, found.qualified) == (EvidenceKind.UNVERIFIABLE, False)
        driver = driver_of(connector, address, settings_of(address, only_itself, GENERIC))
        driver.submit([DueCheck(id=1, agent="ada", address=asked, needed_by=NOW)])
        evidence: list[Evidence] = []
        while not evidence:
            evidence = await driver.gathered(1.0)
        await driver.aclose()
    assert [(one.kind, one.cause) for one in evidence] == [(EvidenceKind.UNVERIFIABLE, "method.blind")]


async def test_real_phones_behind_it_qualify(kamailio: str, tmp_path: Path, connector: SipEndpoint) -> None:
    """The lab's Kamailio asks the phones: the two controls differ, and what follows is believed."""
    del kamailio
    agents = {"here": Truth.AVAILABLE, "gone": Truth.NOT_REGISTERED, "ada": Truth.AVAILABLE}
    pbx = KamailioPbx(KamailioConfig(directory=tmp_path, agents=agents, password=Secret("secret")))
    async with started(pbx):
        account = DigestAccount(username="shiftline", password=Secret("secret"))
        for methods in (("options",), ("registration",)):
            policy = QualificationPolicy(methods=methods, controls=("sip:here@lab", "sip:gone@lab"))
            checkup = checkup_of(connector, pbx.address, policy, DigestClient(account, token=token))
            await checkup.ask_controls()
            await checkup.ask_all([SipUri.parse("sip:ada@lab")], lambda _: None)
            (found,) = checkup.found.values()
            assert (found.evidence.kind, found.qualified) == (EvidenceKind.AVAILABLE, True)


def checkup_of(
    endpoint: SipEndpoint, address: tuple[str, int], policy: QualificationPolicy, digest: DigestClient | None
) -> Checkup:
    return Checkup(
        send=partial(endpoint.request, destination=address, timeout_seconds=2.0),
        speaker=Speaker(
            domain=SipUri(host="lab"),
            identity=US,
            token=token,
            questions=OpenQuestions(NotifyInbox(), contact=endpoint.contact()),
            family=policy.family,
        ),
        digest=digest,
        policy=policy,
        rate=500.0,
        clock=lambda: NOW,
    )


def driver_of(endpoint: SipEndpoint, address: tuple[str, int], policy: QualificationPolicy) -> TrunkDriver:
    return TrunkDriver(
        endpoint=endpoint,
        address=TrunkAddress(
            targets=(Target.over_udp(address),),
            domain=SipUri(host="lab"),
            identity=US,
            answer_timeout_seconds=2.0,
        ),
        digest=None,
        governor=Governor(GovernorPolicy(max_rate=100.0), asyncio.get_running_loop().time()),
        qualifier=Qualifier(policy, NOW),
        clock=lambda: NOW,
        token=token,
        may_send=lambda: True,
    )
