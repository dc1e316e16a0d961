"""What a checkup spends of an account that may have the wrong password."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support import token

from shiftline.connector.qualifier import QualificationPolicy
from shiftline.net.asking import Speaker
from shiftline.net.checkup import Checkup
from shiftline.net.exchange import Exchange
from shiftline.net.package_method import OpenQuestions
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request, response_to
from shiftline.sip.uri import SipUri

HERE = SipUri(host="127.0.0.2")
ALL = ("options", "registration", "presence")


def a_checkup(sent: list[bool], policy: QualificationPolicy) -> Checkup:
    """Against a PBX that answers for ``open...`` at once, and challenges everything else for ever."""

    async def send(request: Request) -> Exchange:
        carries = request.headers.get("Authorization") is not None
        to = request.headers.get("To") or ""
        if "open" in to:
            response = response_to(request, 200, to_tag="t")
        else:
            sent.append(carries)
            response = response_to(request, 401, to_tag="t")
            response.headers.add("WWW-Authenticate", f'Digest realm="lab", nonce="{len(sent)}", qop="auth"')
        return Exchange(request=request, response=response, rtt_seconds=0.001)

    return Checkup(
        send=send,
        speaker=Speaker(
            domain=SipUri(host="lab"),
            identity=SipUri(user="us", host="lab"),
            token=token,
            questions=OpenQuestions(NotifyInbox(), contact=HERE),
        ),
        digest=DigestClient(DigestAccount(username="us", password=Secret("guess")), token=token),
        policy=policy,
        rate=10_000.0,
        clock=lambda: datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
    )


async def test_answers_that_needed_no_password_prove_none() -> None:
    """Users who are answered unasked lie between those who are not: still two tries, and an end."""
    sent: list[bool] = []
    checkup = a_checkup(sent, QualificationPolicy(methods=("options",)))
    names = [name for number in range(20) for name in (f"open{number}", f"closed{number}")]
    await checkup.ask_all([SipUri(user=name, host="lab") for name in names], lambda _: None)
    assert sum(sent) <= 2
    assert checkup.stopped == "credentials.wrong-password"


@pytest.mark.parametrize("present", ["open", "closed"])
async def test_no_method_tries_a_password_that_another_had_refused(present: str) -> None:
    """Chosen automatically, five methods would be ten failed logins."""
    sent: list[bool] = []
    controls = (f"sip:{present}@lab", "sip:gone@lab")
    checkup = a_checkup(sent, QualificationPolicy(methods=ALL, controls=controls))
    await checkup.ask_controls()
    assert sum(sent) <= 2
