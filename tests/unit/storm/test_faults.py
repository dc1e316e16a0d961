"""What goes wrong on the way costs the run no figure, and is told for what it is."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.storm.servers import Behaviour, registrar
from tests.unit.storm.test_flows import PLACE, answer
from tests.unit.storm.test_run import plan_of

from shiftline.cli.storm.report import print_result
from shiftline.errors import PeerError
from shiftline.secrets import Secret
from shiftline.sip.transport import Transport
from shiftline.storm.batch import PathLostError, UdpPort
from shiftline.storm.flow import Source
from shiftline.storm.plan import ClosedLoop, Mixed, OpenLoop, Target
from shiftline.storm.run import run
from shiftline.storm.run_clock import RunClock
from shiftline.storm.sample import Result, Sample
from shiftline.storm.script import METHOD_SCRIPTS, Method, register_script
from shiftline.storm.shapes import constant
from shiftline.storm.stream_port import StreamPort, in_options, remedy_for
from shiftline.storm.users import Users
from shiftline.storm.watching import WatchedFlows


def test_one_silent_user_of_many_is_no_silent_target() -> None:
    """His flow waits longer than the bound on silence, when all others have been answered."""
    load = OpenLoop(shape=constant(100.0))
    with registrar(Behaviour(silent_user="agent7")) as (port, _):
        result = run(plan_of(port, load=load, flows=50, timeout_seconds=3.0, silence_seconds=1.0))
    assert (result.stopped, result.ok, result.flows) == ("", 49, 50)


def test_a_target_that_falls_silent_ends_a_slow_load_too() -> None:
    load = OpenLoop(shape=constant(20.0))
    with registrar(Behaviour(silent_after=41)) as (port, _):
        result = run(plan_of(port, load=load, flows=None, seconds=30.0, timeout_seconds=32.0))
    assert result.stopped == "the target stopped answering"
    assert result.whole.seconds < 8.0


@contextmanager
def listener() -> Iterator[socket.socket]:
    """Takes a connection, and reads nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_what_a_connection_does_not_take_leaves_later_and_counts_then() -> None:
    with listener() as server:
        target = Target(host="127.0.0.1", port=server.getsockname()[1], transport=Transport.TCP)
        port = StreamPort("", target, RunClock())
        other, _ = server.accept()
        with port.socket, other:
            messages = [b"%06d" % number + b"x" * 5000 for number in range(2000)]
            out = messages.copy()
            left = port.flush(out)
            assert 0 < left < 2000
            assert out == messages[left:]
            other.settimeout(0.2)
            got = bytearray()
            while left < 2000:
                got += other.recv(1 << 20)
                left += port.flush(out)
            while len(got) < 2000 * 5006:
                got += other.recv(1 << 20)
            assert bytes(got) == b"".join(messages)
            assert out == []


def test_a_request_that_has_not_left_is_stamped_when_it_has() -> None:
    source = Source(PLACE, [register_script()], cnonce="c")
    flows = WatchedFlows([source], Users(["one", "two"], [None]), zero=0.0, most=10)
    for _ in range(2):
        flows.start(0.0)
    first, second = source.out
    source.out[:] = [second]
    flows.stamp(source, 1.0, 1.0, is_whole=False)
    assert flows.tally.lags == [1.0]
    source.out.clear()
    flows.stamp(source, 3.0, 3.0)
    assert flows.tally.lags == [1.0, 3.0]
    for request in (first, second):
        flows.receive(answer(request, b"200 OK"), 4.0)
    assert flows.tally.latencies == [3.0, 1.0]


def test_a_connection_that_brings_no_sip_costs_no_figure() -> None:
    with registrar(Behaviour(is_stream=True, garbage_after=60)) as (port, _):
        target = Target(host="127.0.0.1", port=port, transport=Transport.TCP)
        result = run(plan_of(port, target=target))
    assert result.stopped == "what the target sent on the connection is not SIP"
    assert 0 < result.flows < 200
    assert result.flows_per_second > 0.0


class _NoWay:
    """A socket of a machine whose way to the target is gone."""

    def __init__(self, number: int) -> None:
        self._number = number

    def _fail(self, *_: object) -> int:
        raise OSError(self._number, os.strerror(self._number))

    send = sendmsg = recv = _fail


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPERM])
@pytest.mark.parametrize("count", [1, 3])
def test_a_way_that_is_gone_is_no_crash(number: int, count: int) -> None:
    port = UdpPort(("127.0.0.1", 0), ("127.0.0.1", 9), clock=RunClock(), receiver=None, segments=True)
    port.socket.close()
    port.socket = _NoWay(number)  # type: ignore[assignment]
    with pytest.raises(PathLostError, match="cannot reach the target any more"):
        port.flush([b"x"] * count)
    with pytest.raises(PathLostError, match=os.strerror(number)):
        port.receive(lambda data, at: None)


def test_nonce_counts_leave_in_their_order() -> None:
    sizes = [7, 3, 3, 9, 7]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(2.0)
        port = UdpPort(
            ("127.0.0.1", 0), peer.getsockname(), clock=RunClock(), receiver=None, segments=True,
            is_ordered=True,
        )  # fmt: skip
        with port.socket:
            assert port.flush([b"%d" % n + b"x" * size for n, size in enumerate(sizes)]) == len(sizes)
            assert [int(peer.recv(100)[:1]) for _ in sizes] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("status", [b"abc def", b"999 Odd", b"099 x", b"  1 x"])
def test_a_status_that_is_none_is_noise(status: bytes) -> None:
    source = Source(PLACE, [register_script()], cnonce="c")
    flows = WatchedFlows([source], Users(["one"], [None]), zero=0.0, most=10)
    flows.start(0.0)
    flows.receive(answer(source.out[0], status), 0.1)
    assert len(flows.pending) == 1
    assert [row.answered for row in flows.end().asked] == [None]


def test_too_many_open_files_are_not_blamed_on_the_address() -> None:
    assert "ulimit -n" in remedy_for(OSError(errno.EMFILE, "Too many open files"))
    assert "source addresses" in remedy_for(OSError(errno.EADDRNOTAVAIL, "no"))


def test_an_engine_ends_by_its_pipe_alone_when_whoever_started_it_is_gone(tmp_path: Path) -> None:
    """Elsewhere than on Linux no signal tells it: here that one is taken away."""
    pid_file = tmp_path / "pid"
    script = f"""
import os, pathlib
from tests.unit.storm.test_run import plan_of
from shiftline.storm import run as runs
runs.end_engine_by_signals = lambda end: pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))
runs.run(plan_of(PORT, flows=None, seconds=60.0, processes=2))
"""
    with registrar() as (port, _):
        process = subprocess.Popen([sys.executable, "-c", script.replace("PORT", str(port))])
        end = time.monotonic() + 20.0
        while not pid_file.exists() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(1.0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        engine = int(pid_file.read_text())
        end = time.monotonic() + 6.0
        while _is_alive(engine) and time.monotonic() < end:
            time.sleep(0.05)
        assert not _is_alive(engine)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_passwords_of_a_server_whose_nonces_grow_old_are_not_called_wrong() -> None:
    with registrar(Behaviour(stale_every=2)) as (port, _):
        result = run(plan_of(port, passwords=(Secret("secret"),)))
    assert (result.ok, result.stopped, result.users_out) == (200, "", 0)


def test_a_fault_of_tls_names_options_and_no_configuration() -> None:
    for name in ("Set trunk.tls_ca to the file of it.", "Set trunk.tls_certificate to ours."):
        fault = in_options(PeerError("No.", remedy=name))
        assert isinstance(fault, PeerError)
        assert "trunk." not in str(fault)
    assert in_options(PeerError("No.", remedy="Set trunk.tls_ca to it.")).remedy == "Give --tls-ca it."


def test_a_load_that_never_began_shows_no_percentiles() -> None:
    console = Console(width=100)
    plan = plan_of(5060)
    with console.capture() as said:
        print_result(
            Result(samples=[], whole=Sample(second=0), sending_seconds=0.0, stopped="nothing listens"), plan,
            console,
        )  # fmt: skip
        instant = Sample(second=0, seconds=0.1, ok=5, ended=5)
        print_result(Result(samples=[], whole=instant, sending_seconds=0.0001), plan, console)
    words = said.get()
    assert "p50" not in words
    assert "flows/s" not in words
    assert "too short for a rate" in words
    assert "within 120 s (--expires)" in words


def test_a_connection_that_stands_still_is_said_to_be_full() -> None:
    """And what waited for it is no request yet, and leaves when it can."""
    with registrar(Behaviour(is_stream=True, pause_after=6)) as (port, _):
        target = Target(host="127.0.0.1", port=port, transport=Transport.TCP)
        load = ClosedLoop(concurrency=20_000)
        wanted = plan_of(
            port, target=target, load=load, flows=20_000, passwords=(None,), timeout_seconds=30.0,
            silence_seconds=30.0, mix=(Mixed(script=METHOD_SCRIPTS[Method.OPTIONS]),),
        )  # fmt: skip
        result = run(wanted)
    assert (result.ok, result.whole.requests, result.stopped) == (20_000, 20_000, "")
    assert any("the way to the target was full" in reason for reason in result.invalid_reasons)
