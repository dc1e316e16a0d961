"""``shiftline doctor read``, as it is typed."""

from __future__ import annotations

import json
from datetime import time, timedelta
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from tests.unit.doctor.captures import CLIENT, SERVER, ethernet, pcap, request, response, udp
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.cli.doctor.read import _window
from shiftline.cli.doctor.read_report import _limit_in_words
from shiftline.diagnosis.groups import Group, Key
from shiftline.errors import ConfigurationError

RUNNER = CliRunner()


def record(path: Path, *statuses: str, gap: float = 0.05) -> Path:
    """One OPTIONS after the other and its answer."""
    frames = []
    for number, status in enumerate(statuses):
        branch, at = f"z9hG4bK{number}", 1_716_400_000.0 + number * gap
        frames.append((at, ethernet(udp(request(branch=branch)))))
        frames.append((at + 0.002, ethernet(udp(response(status, branch=branch), SERVER, CLIENT))))
    path.write_bytes(pcap(frames))
    return path


def test_the_result_as_json_has_diagnosis_reading_and_traffic(tmp_path: Path) -> None:
    # Ten pass in each second of twenty, as behind a limiter with a window of one second.
    statuses = [status for _ in range(20) for status in ["200 OK"] * 10 + ["403 Forbidden"] * 10]
    capture = record(tmp_path / "burst.pcap", *statuses)
    (tmp_path / "notes.bin").write_bytes(bytes(50))
    result = RUNNER.invoke(app, ["doctor", "read", str(tmp_path), "--json", "-"])
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {"verdict", "findings", "separating_experiment", "requests_sent"} <= found.keys()
    assert found["reading"]["messages"] == 800
    assert found["reading"]["files"][1]["passed_over"] == "it is neither a capture nor a text"
    (source,) = found["traffic"]["by_source"]
    assert (source["value"], source["requests"], source["refused"]) == (CLIENT[0], 400, 200)
    assert source["window_fit"]["window_seconds"] == 1.0
    assert source["window_fit"]["lowest_limit"] <= 10 <= source["window_fit"]["highest_limit"]
    assert capture.name in {file["name"] for file in found["reading"]["files"]}


def test_a_healthy_record_ends_with_zero_and_shows_its_tables(tmp_path: Path) -> None:
    capture = record(tmp_path / "fine.pcap", *["200 OK"] * 50, gap=1.0)
    result = RUNNER.invoke(app, ["doctor", "read", str(capture)])
    assert "fine.pcap" in result.stdout
    assert "By account" in result.stdout
    assert "50 requests" in result.stdout


def test_report_and_bundle_are_written_beside_what_is_printed(tmp_path: Path) -> None:
    capture = record(tmp_path / "burst.pcap", *["200 OK"] * 30, *["403 Forbidden"] * 30)
    report, bundle = tmp_path / "report.html", tmp_path / "ticket.zip"
    arguments = [str(capture), "--report", str(report), "--bundle", str(bundle), "--pseudonyms"]
    result = RUNNER.invoke(app, ["doctor", "read", *arguments])
    assert result.exit_code == 1
    assert "burst.pcap" in report.read_text("utf-8")
    with ZipFile(bundle) as opened:
        assert "planner" not in opened.read("diagnosis.json").decode()
        assert b"sip:planner@" not in opened.read("excerpt.pcap")


def test_whoever_reads_no_more_of_the_screen_has_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind `| head`: the screen comes last."""

    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("shiftline.cli.doctor.read_report.print_result", closed)
    capture = record(tmp_path / "burst.pcap", *["200 OK"] * 30, *["403 Forbidden"] * 30)
    report, found = tmp_path / "report.html", tmp_path / "found.json"
    RUNNER.invoke(app, ["doctor", "read", str(capture), "--report", str(report), "--json", str(found)])
    assert "verdict" in json.loads(found.read_text("utf-8"))
    assert report.exists()


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    capture = record(tmp_path / "fine.pcap", "200 OK")
    (tmp_path / "empty.log").write_text("", "utf-8")
    (tmp_path / "one-way.pcap").write_bytes(pcap([(1.0, ethernet(udp(response(), SERVER, CLIENT)))]))
    for arguments, words in (
        ([str(capture), "--timezone", "Chicago/America"], "no time zone"),
        ([str(tmp_path / "missing.pcap")], "no file"),
        ([str(capture), "--pseudonyms"], "for the bundle"),
        ([str(capture), "--report", str(tmp_path / "no" / "folder.html")], "cannot be written"),
        ([str(tmp_path / "empty.log")], "no SIP message"),
        ([str(tmp_path / "one-way.pcap")], "none tells what became of a request"),
    ):
        result = RUNNER.invoke(app, ["doctor", "read", *arguments])
        assert isinstance(result.exception, ConfigurationError)
        assert words in str(result.exception)


def test_no_limit_is_told_where_none_is_found(tmp_path: Path) -> None:
    """A window can be fitted to any refusal that comes after a challenge."""
    pairs = record(tmp_path / "login.pcap", *["401 Unauthorized", "403 Forbidden"] * 20, gap=5.0)
    told = RUNNER.invoke(app, ["doctor", "read", str(pairs)]).stdout
    assert "20 403" in told
    assert "fits a limit" not in told
    statuses = [status for _ in range(20) for status in ["200 OK"] * 10 + ["403 Forbidden"] * 10]
    burst = record(tmp_path / "burst.pcap", *statuses)
    assert "fits a limit of 10 in each 1 s" in RUNNER.invoke(app, ["doctor", "read", str(burst)]).stdout


def test_pseudonyms_hide_whom_a_log_names(tmp_path: Path) -> None:
    log, bundle = tmp_path / "full.log", tmp_path / "ticket.zip"
    log.write_text(
        "[2024-05-22 14:30:00] NOTICE[12]: chan_sip.c:28871 handle_request_register: Registration from "
        "'\"Bob Smith\" <sip:bob.smith@pbx.example>' failed for '192.0.2.44:5060' - Wrong password\n"
    )
    RUNNER.invoke(app, ["doctor", "read", str(log), "--bundle", str(bundle), "--pseudonyms"])
    with ZipFile(bundle) as opened:
        files = {name: opened.read(name).decode("latin-1") for name in opened.namelist()}
    assert "Wrong password" in files["diagnosis.json"]
    assert not [name for name, text in files.items() if "bob" in text.lower() or "smith" in text.lower()]


def test_a_publish_window_is_written_as_a_day_and_a_span() -> None:
    """Anything else is a usage error that shows how."""
    zone = ZoneInfo("America/Chicago")
    window = _window("Friday 22:30-01:00", zone)
    assert (window.weekday, window.opens, window.length) == (4, time(22, 30), timedelta(hours=2.5))
    for text in ("friday", "someday 10:00-11:00", "friday 25:00-26:00", "friday 10-11"):
        with pytest.raises(ConfigurationError, match="no publish window"):
            _window(text, zone)


def test_a_verdict_is_printed_though_its_file_cannot_be_written(tmp_path: Path) -> None:
    """A full disk."""
    trunk = record(tmp_path / "trunk.pcap", *["200 OK"] * 20)
    found = RUNNER.invoke(app, ["doctor", "read", str(trunk), "--json", "/dev/full"])
    assert isinstance(found.exception, ConfigurationError)
    assert "No space left" in str(found.exception)
    assert "sure" in found.output
    assert "What was read" in found.output


def test_links_in_a_folder_are_told_and_not_followed(tmp_path: Path) -> None:
    """They may lead anywhere; one that is named is read."""
    folder = tmp_path / "incident"
    folder.mkdir()
    record(folder / "trunk.pcap", *["200 OK"] * 20)
    elsewhere = record(tmp_path / "elsewhere.pcap", *["200 OK"] * 20)
    (folder / "file").symlink_to(elsewhere)
    (folder / "loop").symlink_to(folder)
    (tmp_path / "named").symlink_to(elsewhere)
    found = RUNNER.invoke(app, ["doctor", "read", str(folder), str(tmp_path / "named"), "--json", "-"])
    files = {one["name"]: one for one in json.loads(found.stdout)["reading"]["files"]}
    assert {name for name, one in files.items() if "link" in one["passed_over"]} == {"file", "loop"}
    assert files["named"]["messages"] == 40


def test_a_console_line_alone_is_undecided_and_says_what_to_do(tmp_path: Path) -> None:
    """It tells that something was refused, and not why; it was once called healthy."""
    line = tmp_path / "lit.txt"
    line.write_text(
        "SIP Response 403 Forbidden: ... Transaction ID: 192837465. Timestamp: 2024-05-22T14:30:00Z.\n"
    )
    result = RUNNER.invoke(app, ["doctor", "read", str(line), "--json", str(tmp_path / "result.json")])
    verdict = json.loads((tmp_path / "result.json").read_text())["verdict"]
    assert (result.exit_code, verdict["cause"], verdict["basis"]) == (1, None, "hearsay")
    assert result.stdout.startswith("undecided. It cannot be told from this.")
    assert "healthy" not in result.stdout
    told = " ".join(result.stdout.split())
    for words in ("something was refused", "tcpdump -w", "the PBX's own log", "shiftline doctor run"):
        assert words in told
    (tmp_path / "busy.txt").write_text(line.read_text().replace("403 Forbidden", "486 Busy Here"))
    assert RUNNER.invoke(app, ["doctor", "read", str(tmp_path / "busy.txt")]).exit_code == 1


def test_the_words_of_refusals_are_in_all_that_is_written(tmp_path: Path) -> None:
    """And in a bundle under pseudonyms whoever they name is not."""
    said = "403 Account planner temporarily locked, ask sip:bob@pbx.example"
    capture = record(tmp_path / "locked.pcap", *["200 OK"] * 5, *[said] * 12)
    report, bundle = tmp_path / "report.html", tmp_path / "ticket.zip"
    files = ["--report", str(report), "--bundle", str(bundle), "--pseudonyms"]
    result = RUNNER.invoke(app, ["doctor", "read", str(capture), *files, "--json", str(tmp_path / "json")])
    told = " ".join(result.stdout.split())
    assert f"Refused in these words: {said}, 12 times" in told
    (refusal,) = json.loads((tmp_path / "json").read_text())["refusals"]
    assert f"{refusal['status']} {refusal['reason']}" == said
    assert refusal["count"] == 12
    assert f"{said}, 12 times" in report.read_text("utf-8")
    with ZipFile(bundle) as opened:
        for name in ("report.html", "diagnosis.json"):
            text = opened.read(name).decode()
            assert "temporarily locked" in text
            assert "bob" not in text
            assert "planner" not in text


def test_what_is_said_of_the_rate_agrees() -> None:
    """From where on some are refused, and from where on most, in one sentence."""
    group = Group(Key.SOURCE, "192.0.2.7")
    for burst in range(20):
        for number in range(1, 41):  # of the middle every other one is refused
            is_refused = number > 30 or (number > 20 and (number + burst) % 2 == 0)
            group.add(100.0 * burst + number / 100.0, 403 if is_refused else 200)
    assert group.window_fit() is None
    told = _limit_in_words(group, 17.0)
    assert told.startswith("some are refused from 17 a second on, most from ")
    assert _limit_in_words(group, None).startswith("most are refused from ")


def test_one_refusal_is_no_limit() -> None:
    """Some window fits it, whatever was meant."""
    group = Group(Key.METHOD, "REGISTER")
    for number in range(60):
        group.add(1000.0 + number / 10.0, 403 if number == 42 else 200)
    assert _limit_in_words(group, 17.0) == ""
    few = Group(Key.METHOD, "REGISTER")
    for number in range(40):
        few.add(100.0 + number * 0.5, 403 if number % 4 == 3 and number > 30 else 200)
    assert few.window_fit() is not None
    assert _limit_in_words(few, None) == ""


@pytest.mark.parametrize(
    ("window", "where"), [("wednesday 09:00-10:00", "inside"), ("wednesday 14:00-15:00", "outside of")]
)
def test_the_time_of_a_console_text_is_held_against_the_window(
    tmp_path: Path, window: str, where: str
) -> None:
    """14:30 UTC is 09:30 in Chicago."""
    console, result = tmp_path / "console.txt", tmp_path / "found.json"
    console.write_text(
        "SIP Response 403 Forbidden: no. Transaction ID: 192837465. Timestamp: 2024-05-22T14:30:00Z.", "utf-8"
    )
    options = ["--timezone", "America/Chicago", "--window", window, "--json", str(result)]
    RUNNER.invoke(app, ["doctor", "read", str(console), *options])
    found = json.loads(result.read_text("utf-8"))
    (told,) = [one for one in found["suspects"] if one["suspect"].startswith("publish window")]
    assert told["verdict"] == "cannot-tell"
    time_of_it = "The time of the text (Wednesday 09:30:00, America/Chicago)"
    assert f"{time_of_it} is {where} the declared window." in told["sentence"]
    separating = found["separating_experiment"]
    assert "--allow" not in separating["command"]
    assert "A load would tell as well: `--allow may-trip`" in separating["sentence"]
