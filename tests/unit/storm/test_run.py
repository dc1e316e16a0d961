"""Whole runs over loopback, against a registrar in a process of its own."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from tests.unit.storm.servers import Behaviour, registrar

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.net.tls import TlsSettings
from shiftline.secrets import Secret
from shiftline.sip.transport import Transport
from shiftline.storm.plan import ClosedLoop, Mixed, OpenLoop, Plan, Target
from shiftline.storm.run import run
from shiftline.storm.sample import BindingCheck, Sample
from shiftline.storm.script import METHOD_SCRIPTS, Method, register_script
from shiftline.storm.shapes import constant


def plan_of(port: int, **changes: object) -> Plan:
    values: dict[str, object] = {
        "target": Target(host="127.0.0.1", port=port),
        "load": ClosedLoop(concurrency=20),
        "mix": (Mixed(script=METHOD_SCRIPTS[Method.REGISTER]),),
        "names": [f"agent{number}" for number in range(50)],
        "passwords": (Secret("secret"),),
        "sources": ("127.0.0.2",),
        "flows": 200,
        "timeout_seconds": 2.0,
        "silence_seconds": 1.0,
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("batches", [True, False])
def test_a_load_of_registrations_is_counted_on_both_sides(batches: bool) -> None:
    samples: list[Sample] = []
    with registrar() as (port, seen):
        result = run(plan_of(port, batches=batches), samples.append)
    assert (result.flows, result.ok, result.stopped) == (200, 200, "")
    assert result.whole.requests == 400
    assert dict(result.whole.answers) == {200: 200, 401: 200}
    assert result.whole.latency.count == 400
    assert result.whole.response.count == result.whole.lag.count == 200
    assert 0.0 < result.whole.latency.quantile(0.5) <= result.whole.response.quantile(0.5)
    assert sum(sample.ended for sample in samples) == 200
    assert result.bindings is not None
    assert (result.bindings.asked, result.bindings.bound) == (20, 20)
    assert seen.methods["REGISTER"] == 400 + 2 + 40  # the load, a scout, the questions about bindings


def test_two_processes_two_sources_and_a_rate_are_one_load() -> None:
    load = OpenLoop(shape=constant(400.0))
    with registrar() as (port, seen):
        result = run(plan_of(port, processes=2, sources=("127.0.0.2", "127.0.0.3"), load=load))
    assert (result.flows, result.ok, result.processes) == (200, 200, 2)
    assert result.sending_seconds == pytest.approx(0.5, abs=0.25)
    assert abs(seen.sources["127.0.0.2"] - seen.sources["127.0.0.3"]) < 100


def test_bindings_that_are_not_there_make_a_run_invalid() -> None:
    with registrar(Behaviour(binds=False)) as (port, _):
        result = run(plan_of(port))
    assert result.ok == 200
    assert not result.valid
    assert "has no binding for 20 of 20" in " ".join(result.invalid_reasons)


@pytest.mark.parametrize(
    ("contact", "others"),
    [
        (b"", 0),
        (b"Contact: sip:agent1@127.0.0.9:5060;expires=60", 20),
        (b"m: <sips:x@pbx>, <sip:y@pbx>", 20),
    ],
)
def test_a_binding_is_found_however_it_is_written_and_is_ours_or_not(contact: bytes, others: int) -> None:
    with registrar(Behaviour(contact=contact)) as (port, _):
        result = run(plan_of(port))
    assert result.bindings == BindingCheck(asked=20, bound=20, others=others)


def test_a_binding_that_is_over_is_not_missed() -> None:
    """It was to last for less than the check may take."""
    with registrar(Behaviour(binds=False)) as (port, _):
        result = run(plan_of(port, mix=(Mixed(script=register_script(9)),)))
    assert (result.ok, result.bindings) == (200, None)


def test_wrong_passwords_are_tried_on_three_users_and_there_is_no_load() -> None:
    with registrar(Behaviour(password="other")) as (port, seen):
        result = run(plan_of(port))
    assert result.stopped == "the passwords of the first users were refused"
    assert not result.valid
    assert seen.tries == {"agent0": 1, "agent1": 1, "agent2": 1}


def test_a_server_that_is_slow_to_judge_sees_two_tries_of_each_user_at_most() -> None:
    """Also in the load that follows, which knows of the first."""
    with registrar(Behaviour(judges=False)) as (port, seen):
        plan = plan_of(port, flows=None, seconds=2.5, scouts=0, names=[f"agent{n}" for n in range(8)])
        first = run(plan)
        run(replace(plan, tries=first.tries))
    assert first.tries == dict.fromkeys(plan.names, 2)
    assert seen.tries == dict.fromkeys(plan.names, 2)


def test_a_load_over_ipv6_and_its_bindings() -> None:
    with registrar(Behaviour(host="::1")) as (port, seen):
        result = run(plan_of(port, target=Target(host="::1", port=port), sources=("",)))
    assert (result.flows, result.ok, result.whole.answers[200]) == (200, 200, 200)
    assert result.bindings is not None
    assert result.bindings.bound == 20
    assert set(seen.sources) == {"::1"}


def test_a_load_stops_when_the_target_falls_silent() -> None:
    with registrar(Behaviour(silent_after=100)) as (port, seen):
        result = run(plan_of(port, flows=None, seconds=30.0))
    assert result.stopped == "the target stopped answering"
    assert result.whole.seconds < 5.0
    assert seen.methods["REGISTER"] < 300


def test_nothing_that_listens_is_said_before_the_load() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    result = run(plan_of(port, timeout_seconds=32.0))
    assert result.stopped == "nothing listens there: the target refuses datagrams (ICMP)"
    assert time.monotonic() - began < 5.0
    assert result.flows == 0


def test_a_source_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot send"):
        run(plan_of(5060, sources=("192.0.2.9",)))


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_a_load_goes_over_one_connection_per_source(transport: Transport, tmp_path: Path) -> None:
    behaviour, tls = Behaviour(is_stream=True), TlsSettings()
    if transport is Transport.TLS:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
        behaviour = Behaviour(is_stream=True, certificate=str(tmp_path / "server.pem"))
        tls = TlsSettings(ca=str(tmp_path / "ca.pem"))
    with registrar(behaviour) as (port, seen):
        target = Target(host="127.0.0.1", port=port, transport=transport, tls=tls)
        result = run(plan_of(port, target=target))
    assert (result.flows, result.ok, result.whole.retransmissions) == (200, 200, 0)
    assert result.bindings is not None
    assert result.bindings.missing == 0
    assert seen.methods["REGISTER"] == 442


def test_a_connection_that_is_closed_ends_the_load() -> None:
    with registrar(Behaviour(is_stream=True, closes_after=60)) as (port, _):
        target = Target(host="127.0.0.1", port=port, transport=Transport.TCP)
        result = run(plan_of(port, target=target))
    assert result.stopped == "the target closed the connection"
    assert 0 < result.flows < 200
    assert result.flows_per_second > 0.0


def test_a_server_without_a_listener_for_connections_is_named() -> None:
    with registrar() as (port, _), pytest.raises(UnavailableError, match="takes no connection"):
        run(plan_of(port, target=Target(host="127.0.0.1", port=port, transport=Transport.TCP)))
