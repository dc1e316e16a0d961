"""Another domain stands wherever a server may look for it, and a server that serves none says 404."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.diagnosis.loop import examine
from tests.unit.diagnosis.test_named_means import USUAL, well
from tests.unit.doctor.trunk import CASE, SERVER, ask, outcomes, trunk

from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.experiment import Means, Permission
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Credentials, Method, Probe, Shape
from shiftline.doctor.examination.requests import Writer
from shiftline.doctor.examination.sending import Way
from shiftline.sip.message import Request
from shiftline.sip.uri import SipUri

WRITER = Writer(case=CASE, token=lambda: "t", contact_of=lambda _: SERVER, nobody="nobody")
TOLD = Permission(means=USUAL | {Means.SERVED_DOMAIN})
UNTOLD = Permission(means=USUAL - {Means.OTHER_HOST})


def written(probe: Probe, domain: str) -> Request:
    return WRITER.write(probe, Way.of(probe), domain=domain)


@pytest.mark.parametrize("method", [Method.REGISTER, Method.REGISTER_CONTACT, Method.OPTIONS])
def test_a_domain_that_was_named_stands_in_the_request_uri_as_well(method: Method) -> None:
    """The datagram goes to the server's address all the same, so the port is no part of it."""
    request = written(Probe(method=method, shape=Shape.OTHER_DOMAIN), "lab")
    assert request.uri == SipUri(host="lab")
    assert "@lab>" in (request.headers.get("From") or "")


def test_a_user_is_asked_about_within_that_domain() -> None:
    probe = Probe(method=Method.OPTIONS, shape=Shape.OTHER_DOMAIN, aim=Aim.PRESENT)
    assert written(probe, "lab").uri == SipUri(user="agent0001", host="lab")


def test_the_domain_is_not_taken_away_again_where_all_is_changed() -> None:
    """The other form for the digest is the domain already."""
    pbx = trunk("policy.domain", domain="lab")
    found = ask(pbx, "p3.all-changed.usual-way")
    assert outcomes(found)["p3.all-changed.usual-way"] is Outcome.OK
    assert {one.uri_host for one in found.exchanges} == {"lab"}


def test_without_another_domain_the_server_is_addressed_as_it_is_named() -> None:
    probe = Probe(method=Method.REGISTER)
    assert written(probe, "").uri == SERVER
    address = replace(CASE, server=SipUri(host="pbx.example", port=5070))
    of_address = replace(WRITER, case=address).write(probe, Way.of(probe), domain=CASE.address)
    assert of_address.uri == SipUri(host=CASE.address, port=5070)


def by_request_uri(status: Outcome) -> Callable[[Probe], Outcome]:
    """Refuses whoever addresses another domain, whatever he asks."""

    def answers(probe: Probe) -> Outcome:
        served = Shape.OTHER_DOMAIN in probe.changes
        is_renewed = probe.shape is Shape.OTHER_DIGEST_URI and probe.credentials is Credentials.FRESH
        return well(probe) if served and not is_renewed else status

    return answers


@pytest.mark.parametrize("status", [Outcome.NOT_FOUND, Outcome.FORBIDDEN])
def test_who_serves_another_domain_is_found_by_the_one_that_was_named(status: Outcome) -> None:
    """404 is what RFC 3261 section 8.2.2.1 has for it."""
    found = conclude([examine(by_request_uri(status), TOLD).belief], TOLD).findings[0]
    assert (found.cause, found.indistinguishable_from) == ("policy.domain", ())


def test_where_no_domain_was_named_it_stays_possible_and_the_option_is_told() -> None:
    diagnosis = conclude([examine(by_request_uri(Outcome.NOT_FOUND), UNTOLD).belief], UNTOLD)
    found = diagnosis.findings[0]
    assert "policy.domain" in {found.cause, *found.indistinguishable_from}
    assert diagnosis.separation is not None
    assert "--domain NAME" in diagnosis.separation.command
