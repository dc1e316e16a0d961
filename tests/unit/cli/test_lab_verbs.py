"""The lab's verbs: faults by name, and ports that are taken."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shiftline.errors import ConfigurationError
from shiftline.lab.fault_bank import ORG_FAULTS, org_faults
from shiftline.lab.kamailio_faults import KAMAILIO_FAULTS
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.pbx.bank.build import BANK
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults, Throttle

Shiftline = Callable[..., Any]


@pytest.fixture
def taken_udp() -> Iterator[int]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def taken_tcp() -> Iterator[int]:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_taken_port_is_told_by_the_practice_pbx(shiftline: Shiftline, taken_udp: int) -> None:
    """Exit code 1, and what to do."""
    ended = shiftline("lab", "pbx", "--port", str(taken_udp))
    assert ended.code == 1
    assert f"cannot listen on 127.0.0.1:{taken_udp}: Address already in use." in ended.err
    assert "next:  End the program that uses the port" in ended.err


def test_a_taken_port_is_told_by_the_practice_org(shiftline: Shiftline, taken_tcp: int) -> None:
    """The same."""
    ended = shiftline("lab", "org", "--trades", "2", "--port", str(taken_tcp))
    assert ended.code == 1
    assert f"cannot listen on 127.0.0.1:{taken_tcp}: Address already in use." in ended.err
    assert "next:  Choose another port" in ended.err


def test_a_taken_port_is_told_by_the_status_page(
    shiftline: Shiftline, config: Callable[..., Path], tmp_path: Path, taken_tcp: int
) -> None:
    """Before the database is touched."""
    path = config(f"[database]\ndirectory = '{tmp_path}/postgres'")
    for more in ([], ["--no-worker"]):
        ended = shiftline("serve", "-c", path, "--port", str(taken_tcp), *more)
        assert ended.code == 1
        assert f"The status page cannot listen on 127.0.0.1:{taken_tcp}: Address" in ended.err
        assert "--port, or web.port" in ended.err
    assert not (tmp_path / "postgres").exists()


def test_a_host_that_is_none_is_told_by_the_status_page(
    shiftline: Shiftline, config: Callable[..., Path]
) -> None:
    """An address of another machine cannot be listened on (RFC 5737)."""
    ended = shiftline("serve", "-c", config(), "--host", "192.0.2.1", "--port", "0")
    assert ended.code == 1
    assert "192.0.2.1:0: Cannot assign requested address." in ended.err


def test_the_faults_are_listed(shiftline: Shiftline) -> None:
    """Each with what it does, for people and for machines."""
    listed = json.loads(shiftline("lab", "faults", "--json").out)
    assert {row["fault"] for row in listed if row["of"] == "pbx"} == {*BANK}
    assert {row["fault"] for row in listed if row["of"] == "org"} == {*FaultName} == {*ORG_FAULTS}
    assert {row["fault"] for row in listed if row["kamailio"]} == {*KAMAILIO_FAULTS}
    shown = {name: row["shown"] for row in listed for name in [row["fault"]]}
    assert shown["acl.source"]["chan_sip"] == ["a challenge, again and again (source)"]
    assert "credentials.rotated" in shiftline("lab", "faults").out


@pytest.mark.parametrize(("verb", "meant"), [("pbx", "acl.source"), ("org", "http-429")])
def test_an_unknown_fault_is_told(shiftline: Shiftline, verb: str, meant: str) -> None:
    """With the one that may have been meant."""
    ended = shiftline("lab", verb, "--port", "0", "--fault", meant[:-1])
    assert ended.code == 2
    assert ended.err.splitlines() == [
        f"error: There is no fault {meant[:-1]!r} here.",
        f"next:  Did you mean {meant}? See: shiftline lab faults",
    ]


def test_a_log_that_cannot_be_written_is_told(shiftline: Shiftline, tmp_path: Path) -> None:
    """Before the port is taken."""
    ended = shiftline("lab", "pbx", "--port", "0", "--log", tmp_path / "no" / "log")
    assert ended.code == 2
    assert "cannot be written: No such file or directory." in ended.err
    ended = shiftline("lab", "pbx", "--port", "0", "--log", tmp_path / ("x" * 300))
    assert (ended.code, "cannot be written" in ended.err) == (2, True)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[PracticePbxConfig]:
    """The configurations of practice PBXs that would be served."""
    configs: list[PracticePbxConfig] = []

    async def note(config: PracticePbxConfig, order: object) -> None:
        configs.append(config)

    monkeypatch.setattr("shiftline.cli.lab.pbx.run_practice", note)
    return configs


def test_faults_add_up(shiftline: Shiftline, started: list[PracticePbxConfig]) -> None:
    """Several may be on at once; --limit is the throttle fault's, and a plain throttle without one."""
    faults = ("throttle.source", "credentials.wrong-password")
    named = [word for name in (*faults, faults[0]) for word in ("--fault", name)]
    assert shiftline("lab", "pbx", *named, "--limit", "20", "--personality", "sbc", "--seed", "4").code == 0
    assert shiftline("lab", "pbx", "--limit", "20").code == 0
    first, second = started
    assert (first.fault_ids, first.personality, first.wishes.limit) == (faults, "sbc", 20)
    assert (first.faults, first.seed) == (Faults(), 4)
    assert (second.fault_ids, second.faults) == ((), Faults(throttle=Throttle(limit=20)))


def test_what_was_drawn_is_told(shiftline: Shiftline, taken_udp: int, tmp_path: Path) -> None:
    """Before anything is served: the same seed, the same faults."""
    told = []
    for name in ("first", "second"):
        path = tmp_path / name
        faults = ("--fault", "throttle.source", "--fault", "acl.contact")
        shiftline("lab", "pbx", "--port", str(taken_udp), *faults, "--seed", "7", "--json", path)
        told.append(json.loads(path.read_text()))
    assert told[0] == told[1]
    assert (told[0]["pbx"], told[0]["seed"]) == ("practice", 7)
    acl, throttle = told[0]["faults"]
    assert (acl["id"], acl["status"], set(acl["drawn"])) == ("acl.contact", 403, {"allowed_contacts"})
    assert throttle["drawn"]["limiter"].startswith(("window:", "sliding:", "bucket:"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--throttle", "windw:5/1s"], "Did you mean window?"),
        (["--throttle", "window:5/1s", "--limit", "5"], "has one limiter"),
        (["--throttle", "window:5/1s", "--fault", "throttle.source"], "Leave one of them away."),
        (["--engine", "kamailio", "--throttle", "bucket:50/s"], "it has nothing like bucket"),
        (["--engine", "kamailio", "--fault", "clock.skew"], "Kamailio cannot have the fault clock.skew"),
        (["--engine", "kamailio", "--personality", "sbc"], "does not know --personality"),
        (["--fault", "tls.version"], "Use --engine kamailio"),
        (["--personality", "chan-sip"], "Did you mean chan_sip?"),
        (["--personality", "pjsip", "--fault", "clock.skew"], "cannot show the fault clock.skew"),
        (["--engine", "kamailio", "--blind", "options"], "does not know --package and --blind"),
        (["--engine", "asterisk"], "'asterisk' is not one of"),
    ],
)
def test_a_limiter_that_cannot_be_had_is_told(shiftline: Shiftline, arguments: list[str], says: str) -> None:
    """Before anything is started."""
    ended = shiftline("lab", "pbx", "--port", "0", *arguments)
    assert ended.code == 2
    assert says in ended.err


def test_a_limiter_reaches_the_practice_pbx(shiftline: Shiftline, started: list[PracticePbxConfig]) -> None:
    """As its text, which its process reads."""
    assert shiftline("lab", "pbx", "--throttle", "escalating:50/1s,growth=3").code == 0
    (config,) = started
    assert (config.faults.limiter, config.faults.throttle) == ("escalating:50/1s,growth=3", None)


def test_faults_of_the_org_strike_always() -> None:
    """Until they are changed by hand."""
    assert org_faults(["slow", "garbage"]) == {FaultName.SLOW: Fault(), FaultName.GARBAGE: Fault()}
    with pytest.raises(ConfigurationError, match="no fault 'nothing-like-it'"):
        org_faults(["nothing-like-it"])


@pytest.mark.parametrize(
    ("options", "packages", "blind"),
    [
        ((), {"presence", "dialog", "reg"}, set()),
        (("--package", "dialog", "--package", "reg"), {"dialog", "reg"}, set()),
        (
            ("--blind", "options", "--blind", "presence"),
            {"presence", "dialog", "reg"},
            {"options", "presence"},
        ),
    ],
)
def test_what_the_practice_pbx_can_be_asked(
    shiftline: Shiftline,
    started: list[PracticePbxConfig],
    options: tuple[str, ...],
    packages: set[str],
    blind: set[str],
) -> None:
    """All event packages and the truth, unless told otherwise."""
    assert shiftline("lab", "pbx", *options).code == 0
    (config,) = started
    assert (set(config.event_packages), set(config.faults.blind_methods)) == (packages, blind)


def test_a_day_is_recorded(shiftline: Shiftline, tmp_path: Path) -> None:
    """A capture and its truth, with the limit that was asked for."""
    options = ("--trades", "5", "--limit", "9", "--personality", "kamailio", "--seed", "2")
    ended = shiftline("lab", "record", tmp_path / "day", *options)
    assert ended.code == 0
    truth = json.loads((tmp_path / "day.json").read_text())
    assert [(fault["id"], fault["drawn"]["limit"]) for fault in truth["faults"]] == [("throttle.source", 9)]
    assert truth["refused_by_fault"]["throttle.source"] > 0
    assert (tmp_path / "day.pcap").stat().st_size > 100_000


def test_a_recording_that_cannot_be_is_told(shiftline: Shiftline, tmp_path: Path) -> None:
    """Where it cannot be written, and what cannot be shown."""
    ended = shiftline("lab", "record", tmp_path / "no" / "day")
    assert (ended.code, "cannot be written" in ended.err) == (2, True)
    ended = shiftline("lab", "record", tmp_path / "day", "--fault", "clock.skew", "--personality", "pjsip")
    assert (ended.code, "cannot show the fault clock.skew" in ended.err) == (2, True)
    assert not list(tmp_path.iterdir())
