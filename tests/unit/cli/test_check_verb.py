"""``shiftline check`` as a user runs it, against the practice PBX on the loopback."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.practice import AGENTS, running

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults, Throttle, WrongPasswordAnswer
from shiftline.net import checkup
from shiftline.net.checkup import Checkup

Shiftline = Callable[..., Any]
CONTROLS = ("--present", "here", "--absent", "gone")


def checks(ended: Any) -> dict[str, dict[str, Any]]:
    """The entries of ``--json`` by user."""
    return {line["uri"].split(":")[1].split("@")[0]: line for line in json.loads(ended.out)["checks"]}


def test_what_controls_have_proven_is_believed(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """Every kind of agent, in the order given; one who is not reachable makes it 1."""
    with running(settings) as pbx:
        ended = shiftline("check", "ada", "busy", "ben", "nobody", *pbx.server, *CONTROLS, "--json")
        fine = shiftline("check", "ada", "busy", *pbx.server, *CONTROLS)
    found = checks(ended)
    assert [(name, line["evidence"], line["status"]) for name, line in found.items()] == [
        ("ada", "Available", 200),
        ("busy", "Busy", 486),
        ("ben", "NotRegistered", 480),
        ("nobody", "UnknownUser", 404),
    ]
    assert all(line["qualified"] and line["method"] == "options" for line in found.values())
    assert all(0 < line["seconds"] < 4 for line in found.values())
    assert (ended.code, fine.code) == (1, 0)
    assert "options is qualified: The present control got Available (200)" in fine.out


def test_without_controls_nobody_is_available(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """The reading is shown beside what it is worth, and the remedy named."""
    with running(settings) as pbx:
        told = shiftline("check", "ada", *pbx.server)
        line = checks(shiftline("check", "ada", *pbx.server, "--json"))["ada"]
    assert (line["evidence"], line["reading"], line["qualified"]) == ("Unverifiable", "Available", False)
    assert line["cause"] == "method.blind"
    assert told.code == 1
    assert re.search(r"ada@127.0.0.1 +Unverifiable +200 Available +options +not qualified", told.out)
    assert "Give --present" in told.out


def test_a_blind_method_is_not_believed(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """A box that answers OPTIONS itself; REGISTER tells, and auto finds that out and says why."""
    blind = replace(settings, faults=Faults(blind_methods=frozenset({"options"})))
    with running(blind) as pbx:
        ended = shiftline("check", "ada", "ben", *pbx.server, *CONTROLS)
        auto = shiftline("check", "ada", "ben", *pbx.server, *CONTROLS, "--method", "auto")
    assert "Available (200)." in ended.out
    assert not re.search(r"@127.0.0.1 +Available", ended.out)
    assert re.search(r"ada@127.0.0.1 +Available +200 Available +registration +qualified", auto.out)
    assert re.search(r"ben@127.0.0.1 +NotRegistered", auto.out)
    assert "options is not qualified: Both controls got the same answer" in auto.out


def test_a_question_about_the_box_is_not_about_an_agent(
    shiftline: Shiftline, settings: PracticePbxConfig
) -> None:
    """OPTIONS without a user: alive, and nothing more (facts K19)."""
    with running(settings) as pbx:
        ended = shiftline("check", f"sip:127.0.0.1:{pbx.port}", "--source", "127.0.0.2", "--json")
    (line,) = json.loads(ended.out)["checks"]
    assert (line["evidence"], line["reading"], line["status"]) == ("Unverifiable", "Unverifiable", 200)
    assert line["cause"] == "method.blind"


@pytest.mark.parametrize("answer", list(WrongPasswordAnswer))
def test_a_wrong_password_is_sent_twice_at_most(
    shiftline: Shiftline,
    settings: PracticePbxConfig,
    monkeypatch: pytest.MonkeyPatch,
    answer: WrongPasswordAnswer,
) -> None:
    """Whatever the number of agents; more might lock the account."""
    monkeypatch.setenv("LAB_PASSWORD", "hush-hush")
    with running(replace(settings, faults=Faults(wrong_password_answer=answer))) as pbx:
        ended = shiftline("check", "ada", "ben", "busy", "here", *pbx.server, *CONTROLS)
        carried = [record for record in pbx.records() if record.carried_credentials]
    assert len(carried) == 2
    assert ended.code == 1
    assert "Stopped: The server refuses our credentials" in ended.out
    assert ended.out.count("not asked") >= 2
    assert "hush" not in ended.out + ended.err


def test_a_register_that_wants_the_agents_own_credentials_says_so(
    shiftline: Shiftline, settings: PracticePbxConfig
) -> None:
    """The trunk's account is refused for it on many PBXs; the remedy is another method."""
    rotated = Faults(
        rotated_accounts=frozenset({"shiftline"}), wrong_password_answer=WrongPasswordAnswer.FORBID
    )
    with running(replace(settings, faults=rotated)) as pbx:
        ended = shiftline("check", "ada", "ben", "busy", *pbx.server, "--method", "registration")
    assert "REGISTER wants the agent's own credentials" in ended.out
    assert "Use --method options" in ended.out


def test_a_server_that_refuses_everybody_is_left_alone(
    shiftline: Shiftline, settings: PracticePbxConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three agents, each once more after a pause; then the rest is not asked."""
    monkeypatch.setattr(checkup, "PAUSE_SECONDS", 0.05)
    with running(replace(settings, faults=Faults(allow_list=frozenset()))) as pbx:
        ended = shiftline("check", *(f"agent{n}" for n in range(20)), *pbx.server)
        asked = len(pbx.records())
    assert asked == 6
    assert "Stopped: The server refuses one address after the other" in ended.out
    assert ended.out.count("not asked") == 17


def test_a_throttle_is_waited_out(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """Refused at speed, asked again after the window: everybody is found."""
    agents = {f"agent{n}": Truth.AVAILABLE for n in range(12)} | AGENTS
    throttled = replace(settings, agents=agents, faults=Faults(throttle=Throttle(limit=9)))
    with running(throttled) as pbx:
        ended = shiftline("check", *(f"agent{n}" for n in range(12)), *pbx.server, *CONTROLS)
    assert ended.code == 0, ended.out


def test_a_server_that_asks_who_we_are_wants_an_account(
    shiftline: Shiftline, settings: PracticePbxConfig
) -> None:
    """A challenge without an account to answer it."""
    with running(settings) as pbx:
        ended = shiftline("check", "a", "b", "c", *pbx.server[:4])
    assert "Stopped: The server asks who we are: give --user" in ended.out
    assert ended.code == 1


def test_silence_has_an_end(shiftline: Shiftline, free_port: int) -> None:
    """Two time-outs when nobody has ever answered, whatever the number of agents."""
    server = ("--server", f"sip:127.0.0.1:{free_port}", "--source", "127.0.0.2", "--timeout", "0.2")
    ended = shiftline("check", *(f"agent{n}" for n in range(50)), *server)
    assert "Stopped: The server does not answer" in ended.out
    assert ended.out.count("not asked") == 48
    assert ended.code == 1


def test_the_trunk_brings_its_controls(
    shiftline: Shiftline,
    settings: PracticePbxConfig,
    config: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Server, account and controls come from the configuration; another trunk's name does not."""
    monkeypatch.setenv("SHIFTLINE_TRUNK_PASSWORD", "secret")
    with running(settings) as pbx:
        path = config(f"127.0.0.1:{pbx.port}", instead_of="127.0.0.1:5060")
        text = path.read_text(encoding="utf-8").replace('"1001"', '"here"').replace('"1099"', '"gone"')
        path.write_text(text.replace("[trunk]\n", '[trunk]\nsource = "127.0.0.2"\n'), encoding="utf-8")
        ended = shiftline("check", "ada", "--trunk", "pbx", "-c", path, "--json")
        other = shiftline("check", "ada", "--trunk", "other", "-c", path)
        fast = shiftline("check", "ada", "--trunk", "pbx", "-c", path, "--rate", "50")
    assert checks(ended)["ada"]["evidence"] == "Available"
    assert (other.code, fast.code) == (2, 2)
    assert "There is no trunk 'other'" in other.err
    assert "next:  It has: pbx." in other.err
    assert "above this trunk's max_rate of 5" in fast.err


def test_many_come_from_a_file_or_a_pipe(
    shiftline: Shiftline, settings: PracticePbxConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One a line, comments and blank lines left out, each asked once."""
    file = tmp_path / "agents.txt"
    file.write_text("# the night shift\nada\n\nben  # signed out\nada\n", encoding="utf-8")
    with running(settings) as pbx:
        of_file = checks(shiftline("check", "--file", file, *pbx.server, *CONTROLS, "--json"))
        monkeypatch.setattr("sys.stdin", io.StringIO("busy\nada\n"))
        of_pipe = checks(shiftline("check", "--file", "-", *pbx.server, *CONTROLS, "--json"))
    assert (list(of_file), list(of_pipe)) == (["ada", "ben"], ["busy", "ada"])


@pytest.mark.parametrize(
    ("agents", "options", "code", "word"),
    [
        (["ada", "busy"], CONTROLS, 0, "OK - 2 of 2 agents reachable | available=1 busy=1"),
        (["ada"], (), 1, "WARNING - 0 of 1 agents reachable; No controls, no proof."),
        (["ada", "ben"], CONTROLS, 2, "CRITICAL - 1 of 2 agents reachable | available=1"),
        (["sip:127.0.0.1"], (), 3, "UNKNOWN - 0 of 1 agents reachable"),
        ([], (), 3, "UNKNOWN - There is no address to ask about."),
    ],
)
def test_a_monitoring_system_gets_one_line(
    shiftline: Shiftline,
    settings: PracticePbxConfig,
    agents: list[str],
    options: tuple[str, ...],
    code: int,
    word: str,
) -> None:
    """With perfdata, and the exit codes of plugins; a fault that keeps us from looking is UNKNOWN."""
    with running(settings) as pbx:
        ended = shiftline("check", *agents, *pbx.server, *options, "--nagios")
    assert ended.code == code
    assert ended.out.startswith(f"SHIFTLINE {word}")
    assert len(ended.out.splitlines()) == 1


def test_an_interrupted_run_prints_what_it_knows(
    shiftline: Shiftline, settings: PracticePbxConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle: the table so far, and how many were asked."""
    whole = Checkup._one

    async def cut_short(self: Checkup, uri: Any, told: Any) -> None:
        await whole(self, uri, told)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(10)

    monkeypatch.setattr(Checkup, "_one", cut_short)
    with running(settings) as pbx:
        ended = shiftline("check", "ada", "ben", *pbx.server, *CONTROLS)
    assert ended.code == 1
    assert re.search(r"ada@127.0.0.1 +Available", ended.out)
    assert "Interrupted: 1 of 2 agents asked." in ended.out


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        ([], "There is no address", "--file"),
        (["ada"], "'ada' is not a SIP address", "sip:4711@"),
        (["tel:4711"], "names no host", "sip:4711@"),
        (["sip:a b@lab"], "is not a SIP address", "sip:4711@"),
        (["sips:ada@lab;transport=udp"], "which is not a way there", "udp, tcp or tls"),
        (["sip:ada@lab;transport=sctp"], "which is not a way there", "udp, tcp or tls"),
        (
            ["sip:ada@no-such-host.invalid"],
            "'no-such-host.invalid' cannot be looked up",
            "the address itself",
        ),
        (["ada", "--server", "127.0.0.1"], "'127.0.0.1' is not a SIP address", "sip:"),
        (["ada", "--server", "sip:127.0.0.1", "--user", "u"], "--user and --password-env", "variable"),
        (
            ["ada", "--server", "sip:127.0.0.1", "--user", "u", "--password-env", "UNSET_ONE"],
            "variable UNSET_ONE is not set",
            "read -rs UNSET_ONE",
        ),
        (["sip:a@127.0.0.1", "--present", "sip:b@127.0.0.1"], "One control alone", "--absent"),
        (["a", "--server", "sip:127.0.0.1", "--present", "b", "--absent", "b"], "the same user", "certainly"),
        (
            ["sip:a@127.0.0.1", "--present", "sip:b@127.0.0.2", "--absent", "sip:c@127.0.0.1"],
            "several",
            "--server",
        ),
        (
            ["sip:a@127.0.0.1", "--method", "telepathy"],
            "no method 'telepathy'",
            "presence, dialog, auto",
        ),
        (["sip:a@127.0.0.1", "--method", "auto"], "needs two controls", "--present"),
        (["sip:a@127.0.0.1", "--family", "meridian"], "no family 'meridian'", "generic, kamailio"),
        (["a", "--trunk", "pbx", "--server", "sip:127.0.0.1"], "its own server", "either"),
        (["--file", "no-such-file"], "no-such-file cannot be read", "one SIP URI a line"),
        (["sip:a@127.0.0.1", "--source", "192.0.2.7"], "192.0.2.7", "of this machine"),
    ],
)
def test_bad_input_is_one_sentence_with_a_remedy(
    shiftline: Shiftline, monkeypatch: pytest.MonkeyPatch, arguments: list[str], what: str, remedy: str
) -> None:
    """Nothing is sent, and the code says whose fault it is."""
    monkeypatch.delenv("UNSET_ONE", raising=False)
    ended = shiftline("check", *arguments)
    assert ended.code == 2
    first, second = ended.err.splitlines()
    assert what in first
    assert remedy in second
    assert ended.out == ""
