"""What a registrar's list of bindings says."""

from __future__ import annotations

import pytest
from tests.support import token

from shiftline.net.asking import METHODS, Speaker, retry_after
from shiftline.net.package_method import OpenQuestions
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.sip.headers import Headers
from shiftline.sip.message import Response
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind


@pytest.mark.parametrize(
    ("contacts", "kind"),
    [
        (["<sip:a@192.0.2.1>;expires=60"], EvidenceKind.AVAILABLE),
        (["<sip:a@192.0.2.1>"], EvidenceKind.AVAILABLE),
        (["<sip:a@192.0.2.1>;expires=0, <sip:a@192.0.2.2>;expires=9"], EvidenceKind.AVAILABLE),
        (["<sip:a@192.0.2.1>;expires=0"], EvidenceKind.NOT_REGISTERED),
        (["*"], EvidenceKind.NOT_REGISTERED),
        ([""], EvidenceKind.NOT_REGISTERED),
        (["garbage<<<"], EvidenceKind.NOT_REGISTERED),
        ([], EvidenceKind.NOT_REGISTERED),
    ],
)
async def test_only_a_live_binding_is_a_phone(contacts: list[str], kind: EvidenceKind) -> None:
    """One that has ended, or that cannot be read, is none."""
    domain = SipUri(host="lab")
    questions = OpenQuestions(NotifyInbox(), contact=domain)
    speaker = Speaker(domain=domain, identity=domain, token=token, questions=questions)
    method = METHODS["registration"]
    request = method.request(SipUri(user="a", host="lab"), speaker)
    response = Response(200, "OK", Headers([("Contact", contact) for contact in contacts]))
    assert (await method.read(request, response, speaker)).kind is kind


@pytest.mark.parametrize(
    ("told", "honoured"),
    [("5", 5.0), ("1800", 1800.0), ("1800;duration=60 (busy)", 1800.0), ("86400", 3600.0), ("soon", None)],
)
def test_a_retry_after_is_honoured_up_to_an_hour(told: str, honoured: float | None) -> None:
    """What registrars name is honoured in full (facts V21: 1,800 s)."""
    assert retry_after(Response(403, "Forbidden", Headers([("Retry-After", told)]))) == honoured
