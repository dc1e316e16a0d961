"""What ``shiftline doctor run`` refuses of its command line, and what it leaves when it ends midway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.cli.doctor.wishes import header_of
from shiftline.doctor.examination import Answer, Examination
from shiftline.errors import ConfigurationError, MisuseError

_RUN = ("doctor", "run", "--server", "sip:127.0.0.1:9", "--allow", "harmless")


@pytest.mark.parametrize(
    ("given", "named", "remedy"),
    [
        (("--domain", "bad domain"), "--domain is 'bad domain'", "pbx.example.com"),
        (("--domain", "pbx.example.com", "--domain", ""), "--domain is ''", "pbx.example.com"),
        (("--header", "X-A: 1\r\nX-B: 2"), "--header is", "X-Tenant"),
        (("--header", "X A: 1"), "--header is", "X-Tenant"),
        (("--header", "user-agent: Acme"), "User-Agent", "--agent"),
        (("--header", "v: SIP/2.0/UDP 192.0.2.1"), "--header names v", "X-Tenant"),
        (("--agent", "Acme\r\nX-B: 2"), "--agent is", "one line"),
        (("--caller", "a\nb"), "--caller is", "one line"),
        (("--public-address", "here"), "--public-address is", "192.0.2.10"),
    ],
)
def test_what_no_message_can_carry_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], named: str, remedy: str
) -> None:
    """Exit code 2, the option by its name, and how to write it; nobody is asked."""
    monkeypatch.setattr(Examination, "begin", lambda *_: pytest.fail("it was begun"))
    failure = CliRunner().invoke(app, [*_RUN, *given]).exception
    assert isinstance(failure, ConfigurationError)
    assert failure.exit_code == 2
    assert named in failure.message
    assert remedy in failure.remedy


def test_the_other_account_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the account would be compared with itself, and each of its refusals laid to the path."""
    monkeypatch.setenv("SIP_PASSWORD", "secret")
    given = (
        "--user trunk --password-env SIP_PASSWORD --known-good trunk --known-good-password-env SIP_PASSWORD"
    )
    failure = CliRunner().invoke(app, [*_RUN, *given.split(), "--dry-run"]).exception
    assert isinstance(failure, ConfigurationError)
    assert "--known-good is 'trunk'" in failure.message
    assert "another account" in failure.remedy


@pytest.mark.parametrize(
    "verb",
    [
        ("doctor", "run", "--dry-run", "--server"),
        ("check", "4711", "--server"),
        ("check",),
        ("storm",),
    ],
)
@pytest.mark.parametrize(
    "address", ["sip:u:geheim@127.0.0.1:9", "sip:u:ge:heim@bad host", "u:geheim@127.0.0.1"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(verb: tuple[str, ...], address: str) -> None:
    """It would stand in titles, JSON, traces and reports."""
    ran = CliRunner().invoke(app, [*verb, address])
    assert isinstance(ran.exception, ConfigurationError)
    told: BaseException | None = ran.exception
    while told is not None:
        assert "heim" not in str(told)
        told = told.__cause__
    assert "heim" not in ran.output


@pytest.mark.parametrize(
    ("text", "read"),
    [("X-Tenant: 4711", ("X-Tenant", "4711")), ("P-Asserted-Identity:\t<sip:jörg@a>",
     ("P-Asserted-Identity", "<sip:jörg@a>")), ("X-Empty:", ("X-Empty", ""))],
)  # fmt: skip
def test_a_header_of_production_is_taken_as_it_is(text: str, read: tuple[str, str]) -> None:
    assert header_of(text) == read


def test_what_stops_a_run_in_its_middle_hides_nothing_that_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table, JSON, trace and report are written, then the failure is told."""
    answered = Examination.answered

    def second_fails(self: Examination, key: int, answer: Answer, now: float) -> None:
        if self.done:
            raise MisuseError("A contract was broken.")
        answered(self, key, answer, now)

    monkeypatch.setattr(Examination, "answered", second_fails)
    files = {name: tmp_path / name for name in ("run.json", "run.html", "run.txt")}
    wanted = zip(("--json", "--report", "--trace"), map(str, files.values()), strict=True)
    ran = CliRunner().invoke(app, [*_RUN, *(word for pair in wanted for word in pair)])
    assert isinstance(ran.exception, MisuseError)
    assert "ask the server itself whether it is there" in " ".join(ran.stdout.split())
    assert "It was ended before it was over." in ran.stdout
    result = json.loads(files["run.json"].read_text())
    assert result["stopped"] is None
    assert result["experiments"][0]["experiment"] == "p0.options"
    assert "OPTIONS sip:127.0.0.1:9" in files["run.html"].read_text()
    assert "OPTIONS sip:127.0.0.1:9" in files["run.txt"].read_text()
