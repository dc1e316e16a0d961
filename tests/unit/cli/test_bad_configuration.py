"""A configuration that cannot be used: exit code 2, one sentence with the remedy, and nothing is started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shiftline = Callable[..., Any]
Config = Callable[..., Path]


def refused(ended: Any, *words: str) -> None:
    """Exactly one sentence and one remedy, with all these words, and no traceback."""
    assert ended.code == 2
    lines = ended.err.splitlines()
    assert [line[:7] for line in lines] == ["error: ", "next:  "]
    for word in words:
        assert word in ended.err


def test_a_good_configuration_is_fine(shiftline: Shiftline, config: Config) -> None:
    """The one that every test here spoils."""
    ended = shiftline("config", "check", "--json", "-c", config())
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["trunk"] == "pbx at 127.0.0.1:5060 over UDP"


@pytest.mark.parametrize(
    ("address", "way"),
    [
        ("sip:127.0.0.1;transport=tcp", "127.0.0.1:5060 over TCP"),
        ("sips:127.0.0.1", "127.0.0.1:5061 over TLS"),
        ("sip:[::1]:5070", "[::1]:5070 over UDP"),
        ("sip:localhost;transport=tls", "127.0.0.1:5061 over TLS"),
    ],
)
def test_every_way_to_a_trunk_is_shown(shiftline: Shiftline, config: Config, address: str, way: str) -> None:
    """Transport, port and family are said before anything starts."""
    path = config(f'"{address}"', instead_of='"sip:127.0.0.1:5060"')
    ended = shiftline("config", "check", "--json", "-c", path)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["trunk"] == f"pbx at {way}"


def test_the_example_is_read(shiftline: Shiftline, tmp_path: Path) -> None:
    """What `config example` prints is a configuration, of at most 40 lines."""
    example = shiftline("config", "example").out
    path = tmp_path / "example.toml"
    path.write_text(example, encoding="utf-8")
    assert shiftline("config", "show", "-c", path).code == 0
    assert len(example.splitlines()) <= 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("adress = 1", ["wfm.adress is not a known key"]),
        ("rooster_file = 'x'", ["wfm.rooster_file is not a known key", "Did you mean 'roster_file'?"]),
        ("[trunc]\nname = 'x'", ["trunc is not a known key", "Did you mean 'trunk'?"]),
        ("poll_seconds = 0", ["wfm.poll_seconds is wrong: input should be greater than 0"]),
        ("poll_seconds = 'soon'", ["wfm.poll_seconds is wrong: input should be a valid number"]),
        ("client_secret_env = 'pa$$word'", ["wfm.client_secret_env", "NAME of an environment variable"]),
        ("address_attribute = 'sip'", ["wfm.address_attribute", '"schemaId/field"']),
        ("[policy]\non_unverifiable = 'hope'", ["policy.on_unverifiable", "'refer', 'approve' or 'deny'"]),
        ("[[windows]]\nweekday = 'monday'\nopens = 09:00:00\nzone = 'Chicago'", ["America/Chicago"]),
        ("[[windows]]\nweekday = 'monday'\nopen = 09:00:00", ["windows.0.open", "Did you mean 'opens'?"]),
        (
            "[[windows]]\nweekday = 'monday'\nopens = '09:00+01:00'",
            ['windows.0.opens is wrong: write it like "09:00", without an offset'],
        ),
        ("[[windows]]\nweekday = 'monday'\nopens = 09:00:00\nminutes = 1e5", ["less than or equal to 10080"]),
        ("poll_seconds = inf", ["wfm.poll_seconds is wrong: input should be a finite number"]),
        ("poll_seconds = nan", ["wfm.poll_seconds is wrong: input should be a finite number"]),
        ("[policy]\nfresh_seconds = 1e9", ["policy.fresh_seconds", "less than or equal to 604800"]),
        ("[policy]\nminimum_notice_hours = inf", ["policy.minimum_notice_hours", "finite number"]),
        ("[policy]\nsupervisor_lead_hours = 1e6", ["less than or equal to 8760"]),
        ("[web]\nport = 70000", ["web.port is wrong", "65535"]),
        ("[trunk", ["is not valid TOML", "Mend that line"]),
    ],
)
def test_a_wrong_key_is_named(shiftline: Shiftline, config: Config, text: str, words: list[str]) -> None:
    """Where it stands, what is wrong with it, and what was meant, if that can be guessed."""
    refused(shiftline("config", "check", "-c", config(text)), "shiftline.toml", *words)


@pytest.mark.parametrize(
    ("text", "instead_of", "words"),
    [
        ("username = 'x'\nmax_rate = 10001", 'username = "shiftline"', ["trunk.max_rate", "equal to 10000"]),
        ("", 'address = "sip:127.0.0.1:5060"\n', ["trunk.address is missing", "config example"]),
        ('"api.example"', '"https://api.example"', ["wfm.api_url", "https://api.mypurecloud.com"]),
        ('"ftp://api.example"', '"https://api.example"', ["wfm.api_url is wrong"]),
        ('"two\\nlines"', '"client"', ["wfm.client_id is wrong", "line break"]),
    ],
)
def test_a_wrong_value_is_named(
    shiftline: Shiftline, config: Config, text: str, instead_of: str, words: list[str]
) -> None:
    """The same for what must be there."""
    refused(shiftline("config", "check", "-c", config(text, instead_of=instead_of)), *words)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("pbx.example", ["'pbx.example', which is not a SIP URI", "sip:192.0.2.10:5060"]),
        ("sip:pbx:99999", ["not a SIP URI"]),
        ("sips:127.0.0.1;transport=udp", ["names the transport 'udp'", "Use udp, tcp or tls"]),
        ("sip:127.0.0.1;transport=sctp", ["names the transport 'sctp'"]),
        ("tel:+13125550100", ["no way to a PBX", "sips:HOST"]),
        ("sip:127.0.0.1:0", ["no way to a PBX"]),
        ("sip:u:pw@127.0.0.1:5060", ["'sip:u:…@127.0.0.1:5060', has a password", "variable"]),
        ("sip:127.0.0.1:5060?x=y", ["question mark", "Leave it out"]),
        (f"sip:{'a' * 70}.example", ["has no address", "not a host name"]),
    ],
)
def test_a_bad_trunk_address_is_told(
    shiftline: Shiftline, config: Config, address: str, words: list[str]
) -> None:
    """Before anything is started, by the check and by the worker alike."""
    path = config(f'"{address}"', instead_of='"sip:127.0.0.1:5060"')
    refused(shiftline("config", "check", "-c", path), "trunk.address", *words)
    refused(shiftline("worker", "-c", path), "trunk.address", *words)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("source", "eth0", ["trunk.source", "IP address of this machine"]),
        ("domain", "pbx example", ["trunk.domain", "not a host name"]),
        ("contact", "shiftline at home", ["trunk.contact", "not a SIP URI"]),
        ("name", "a\\u0000b", ["trunk.name", "control character"]),
    ],
)
def test_who_we_are_on_the_trunk_must_be_writable(
    shiftline: Shiftline, config: Config, key: str, value: str, words: list[str]
) -> None:
    """What could not stand in a SIP message or in the books is refused here."""
    path = config(f'username = "shiftline"\n{key} = "{value}"', instead_of='username = "shiftline"')
    refused(shiftline("config", "check", "-c", path), *words)


def test_tls_files_are_read_before_anything_starts(shiftline: Shiftline, config: Config) -> None:
    """A trunk over TLS with a CA file that is not there is refused, with the file's name."""
    text = 'address = "sips:127.0.0.1"\ntls_ca = "nowhere.pem"'
    path = config(text, instead_of='address = "sip:127.0.0.1:5060"')
    refused(shiftline("config", "check", "-c", path), "nowhere.pem cannot be used for TLS", "as PEM")


def test_a_missing_file_is_told(shiftline: Shiftline, tmp_path: Path) -> None:
    """With the command that makes one."""
    refused(shiftline("worker", "-c", tmp_path / "nowhere.toml"), "shiftline config example >")


def test_a_file_that_is_no_text_is_told(shiftline: Shiftline, tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are not TOML."""
    path = tmp_path / "shiftline.toml"
    path.write_bytes(b"\xff\xfe")
    refused(shiftline("config", "show", "-c", path), "is not valid TOML")


def test_a_wrong_variable_is_named(
    shiftline: Shiftline, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in the environment is not blamed on the file."""
    monkeypatch.setenv("SHIFTLINE_TRUNK__MAX_RATE", "fast")
    refused(
        shiftline("config", "check", "-c", config()),
        "In the variable SHIFTLINE_TRUNK__MAX_RATE, trunk.max_rate is wrong",
    )
    monkeypatch.delenv("SHIFTLINE_TRUNK__MAX_RATE")
    monkeypatch.setenv("SHIFTLINE_POLICY__DENY_VIOLATIONS", "[one")
    refused(shiftline("config", "check", "-c", config()), "A SHIFTLINE_ environment variable cannot be read")


@pytest.mark.parametrize("verb", [("config", "check"), ("worker",), ("serve",)])
def test_a_missing_secret_names_its_variable(
    shiftline: Shiftline, config: Config, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    """And how to set it without its standing in a shell's history."""
    monkeypatch.delenv("SHIFTLINE_WFM_SECRET")
    refused(shiftline(*verb, "-c", config()), "SHIFTLINE_WFM_SECRET is not set", "read -rs")


def test_a_ticketing_secret_that_is_named_must_be_there(shiftline: Shiftline, config: Config) -> None:
    """Else it could not be told apart from the others."""
    path = config("[ticketing]\nclient_secret_env = 'DESK_SECRET'")
    refused(shiftline("config", "check", "-c", path), "DESK_SECRET is not set")


@pytest.mark.parametrize("verb", [("config", "check"), ("worker",)])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"),
        ("SHIFTLINE_TRUNK_PASSWORD", "DESK_SECRET"),
        ("SHIFTLINE_WFM_SECRET", "DESK_SECRET"),
    ],
)
def test_a_shared_secret_is_refused(
    shiftline: Shiftline,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    verb: tuple[str, ...],
    first: str,
    second: str,
) -> None:
    """SIP, WFM and ticketing must not go down together; the secret itself is never shown."""
    for name, value in (("DESK_SECRET", "of the desk"), (first, "hunter2"), (second, "hunter2")):
        monkeypatch.setenv(name, value)
    ended = shiftline(*verb, "-c", config("[ticketing]\nclient_secret_env = 'DESK_SECRET'"))
    refused(ended, "hold the same secret", "policy.allow_shared_secret = true")
    assert "hunter2" not in ended.err


def test_who_insists_may_share_a_secret(
    shiftline: Shiftline, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a setting, not a law."""
    monkeypatch.setenv("SHIFTLINE_WFM_SECRET", "of the trunk")
    assert shiftline("config", "check", "-c", config("[policy]\nallow_shared_secret = true")).code == 0


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "postgresql://host:port/db"])
def test_a_database_url_that_is_none_is_told(shiftline: Shiftline, config: Config, url: str) -> None:
    """By whatever opens the database."""
    path = config(f"[database]\nurl = '{url}'")
    ended = shiftline("trades", "list", "-c", path)
    refused(ended, "postgresql+psycopg://")
    assert shiftline("config", "show", "-c", path).code == 0


def test_a_database_password_is_never_shown(shiftline: Shiftline, config: Config) -> None:
    """Wherever it stands in the URL."""
    path = config("[database]\nurl = 'postgresql://user:hunter2@host/db?password=hunter3'")
    assert "hunter" not in shiftline("config", "show", "-c", path).out


@pytest.mark.parametrize(
    "verb", [("worker",), ("serve", "--port", "0"), ("db", "status"), ("trades", "list")]
)
def test_an_unreachable_database_is_told(
    shiftline: Shiftline, config: Config, verb: tuple[str, ...], free_port: int
) -> None:
    """Exit code 1: the configuration may well be right."""
    path = config(f"[database]\nurl = 'postgresql://shiftline@127.0.0.1:{free_port}/shiftline'")
    ended = shiftline(*verb, "-c", path)
    assert ended.code == 1
    assert ended.err.startswith(f"error: The database postgresql+psycopg://shiftline@127.0.0.1:{free_port}/")
    assert "cannot be reached" in ended.err
    assert "next:  Start it" in ended.err
    assert "Traceback" not in ended.err


def test_a_trunk_without_controls_is_a_finding(shiftline: Shiftline, config: Config) -> None:
    """Nobody would ever count as available: exit code 1 and what to set; the bypass is no finding."""
    bare = {"instead_of": 'control_present = "1001"\ncontrol_absent = "1099"\n'}
    ended = shiftline("config", "check", "-c", config("", **bare))
    assert ended.code == 1
    assert "method.blind: The trunk has no control users" in ended.out
    assert "Set trunk.control_present and trunk.control_absent" in ended.out
    path = config("", **bare)
    path.write_text(
        path.read_text(encoding="utf-8") + "[policy]\ntrust_unqualified = true\n", encoding="utf-8"
    )
    trusting = shiftline("config", "check", "-c", path)
    assert trusting.code == 0
    assert "trusted without proof (policy.trust_unqualified = true)" in trusting.out


def test_each_of_several_trunks_is_checked(shiftline: Shiftline, config: Config) -> None:
    """Where it is, whom it serves, and what it lacks; a fault says which trunk has it."""
    path = config('[[trunk]]\nserves = ["a.example"]', instead_of="[trunk]")
    bare = '[[trunk]]\nname = "bare"\naddress = "sip:127.0.0.1:5070"\nserves = ["7*@b.example"]\n'
    text = path.read_text(encoding="utf-8")
    path.write_text(text + bare, encoding="utf-8")
    ended = shiftline("config", "check", "--json", "-c", path)
    report = json.loads(ended.out)
    assert ended.code == 1
    assert [(trunk["trunk"], trunk["serves"]) for trunk in report["trunks"]] == [
        ("pbx at 127.0.0.1:5060 over UDP", "a.example"),
        ("bare at 127.0.0.1:5070 over UDP", "7*@b.example"),
    ]
    assert "agents whom no trunk serves: their trades are referred" in report["notes"][-1]
    (finding,) = report["findings"]
    assert (
        "Of the trunks, 'bare' has no control users, so no agent on it will ever count as available."
        in finding["message"]
    )
    assert [trunk["name"] for trunk in json.loads(shiftline("config", "show", "-c", path).out)["trunk"]] == [
        "pbx",
        "bare",
    ]
    path.write_text(text + bare.replace("sip:127.0.0.1:5070", "pbx.example"), encoding="utf-8")
    refused(shiftline("config", "check", "-c", path), "Trunk 'bare'", "not a SIP URI")


def test_a_registration_query_is_noted(shiftline: Shiftline, config: Config) -> None:
    """It wants the agent's own credentials on many PBXs; that is no fault of the configuration."""
    ended = shiftline("config", "check", "-c", config('method = "auto"\n[wfm]', instead_of="[wfm]"))
    assert ended.code == 0
    assert "note method registration: Many PBXs answer a REGISTER only to the agent's own" in ended.out


@pytest.mark.parametrize(
    ("control", "words"),
    [
        ("", ["control_present and control_absent are set together"]),
        ('control_absent = "1001"', ["the same user, which proves nothing"]),
        ('control_absent = "two words"', ["trunk.control_absent: 'two words' is not a SIP address"]),
        ('control_absent = "tel:1099"', ["trunk.control_absent", "names no host"]),
        ('control_absent = "1099"\nqualified_hours = 0', ["trunk.qualified_hours is wrong"]),
        ('control_absent = "1099"\nfamily = "meridian"', ["trunk.family is wrong"]),
    ],
)
def test_controls_that_cannot_be_used(
    shiftline: Shiftline, config: Config, control: str, words: list[str]
) -> None:
    """One alone, twice the same, or no address."""
    path = config(control, instead_of='control_absent = "1099"')
    refused(shiftline("config", "check", "-c", path), *words)


def test_a_path_that_the_system_will_not_look_at(shiftline: Shiftline, tmp_path: Path) -> None:
    """Whether the file is there cannot be told (a closed folder, too long a name): that is said."""
    refused(shiftline("config", "check", "-c", tmp_path / ("x" * 300)), "cannot be read")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('list = "two words"\n[wfm]', ["trunk.list: 'two words' is not a SIP address"]),
        ('list = "tel:1099"\n[wfm]', ["trunk.list: 'tel:1099' names no host"]),
        ('list = "all"\nlist_method = "options"\n[wfm]', ["trunk.list_method is wrong"]),
        ('lists = "all"\n[wfm]', ["Did you mean 'list'?"]),
    ],
)
def test_lists_that_cannot_be_used(
    shiftline: Shiftline, config: Config, lines: str, words: list[str]
) -> None:
    """No address, no package of its own, no such key."""
    refused(shiftline("config", "check", "-c", config(lines, instead_of="[wfm]")), *words)


def test_a_list_without_controls_is_refused(shiftline: Shiftline, config: Config) -> None:
    """Nothing would ever prove what it says."""
    path = config('list = "everyone"', instead_of='control_present = "1001"\ncontrol_absent = "1099"')
    refused(shiftline("config", "check", "-c", path), "list needs control_present and control_absent")


def test_a_directory_is_no_configuration(shiftline: Shiftline, tmp_path: Path) -> None:
    """It is there, so that "there is no file" would send its reader looking."""
    refused(shiftline("config", "check", "-c", tmp_path), f"{tmp_path} is a directory")


@pytest.mark.parametrize("verb", ["status", "stop"])
def test_a_data_directory_that_the_system_will_not_look_at(
    shiftline: Shiftline, config: Config, tmp_path: Path, verb: str
) -> None:
    """Another user's (or too long a name): nobody can tell whether a server runs there, and that is said."""
    directory = tmp_path / ("x" * 300)
    path = config(f'[database]\ndirectory = "{directory}"')
    refused(shiftline("db", verb, "-c", path), f"The data directory {directory} cannot be used")


def test_prefetching_without_a_window_is_pointed_out(shiftline: Shiftline, config: Config) -> None:
    """It is no fault, and does nothing."""
    ended = shiftline("config", "check", "--json", "-c", config("\n[policy]\nprefetch = true\n"))
    assert ended.code == 0
    assert any(note.startswith("policy.prefetch: ") for note in json.loads(ended.out)["notes"])
