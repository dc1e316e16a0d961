"""Logs, dumps and consoles: what each line says, when, and of whom."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.exchange import Exchange, Remark
from shiftline.doctor.reading.phrases import PHRASES
from shiftline.doctor.reading.reading import Reading
from shiftline.doctor.reading.times import LogClock

CHICAGO = ZoneInfo("America/Chicago")
REGISTRATION = "Registration from '\"a\" <sip:agent0007@pbx.example>' failed for '192.0.2.7:5060' - "
REQUEST = "Request 'REGISTER' from '<sip:agent0007@pbx.example>' failed for '192.0.2.7:5060' (callid: c@h) - "
LINES = {
    f"{REGISTRATION}Wrong password": ("asterisk.wrong-password", "192.0.2.7", "agent0007"),
    f"{REGISTRATION}No matching peer found": ("asterisk.no-peer", "192.0.2.7", "agent0007"),
    f"{REGISTRATION}Device does not match ACL": ("asterisk.acl", "192.0.2.7", "agent0007"),
    f"{REGISTRATION}Not a local domain": ("asterisk.not-local-domain", "192.0.2.7", "agent0007"),
    f"{REGISTRATION}Peer is not supposed to register": (
        "asterisk.not-supposed-to-register", "192.0.2.7", "agent0007",
    ),
    f"{REGISTRATION}Username/auth name mismatch": ("asterisk.auth-mismatch", "192.0.2.7", "agent0007"),
    f"{REGISTRATION}Device not configured to use this transport type": (
        "asterisk.transport-type", "192.0.2.7", "agent0007",
    ),
    f"{REQUEST}No matching endpoint found after 5 tries in 2.5 ms": (
        "asterisk.no-endpoint", "192.0.2.7", "agent0007",
    ),
    f"{REQUEST}Not match Endpoint ACL": ("asterisk.endpoint-acl", "192.0.2.7", "agent0007"),
    f"{REQUEST}Not match Endpoint Contact ACL": ("asterisk.contact-acl", "192.0.2.7", "agent0007"),
    f"{REQUEST}Failed to authenticate": ("asterisk.failed-to-authenticate", "192.0.2.7", "agent0007"),
    "Incoming SIP message from 192.0.2.7:5060 did not pass ACL test": (
        "asterisk.global-acl", "192.0.2.7", "",
    ),
    "Endpoint 'agent0007' has no configured AORs": ("asterisk.no-aors", "", "agent0007"),
    "AOR 'agent0007' not found for endpoint 'x'": ("asterisk.aor-not-found", "", "agent0007"),
    "IP 192.0.2.7 Rejected by register acl \"domains\"": ("freeswitch.register-acl", "192.0.2.7", ""),
    "IP 2001:db8::7 Rejected by acl \"lan\"": ("freeswitch.acl", "2001:db8::7", ""),
    "SIP auth failure (REGISTER) on sofia profile 'internal' for [agent0007@pbx] from ip 192.0.2.7": (
        "freeswitch.auth-failure", "192.0.2.7", "agent0007@pbx",
    ),
    "Can't find user [agent0007] from 192.0.2.7": ("freeswitch.unknown-user", "192.0.2.7", "agent0007"),
    "kamailio[1]: pike [pike_funcs.c:151]: pike_check_req(): PIKE - BLOCKing ip 192.0.2.7, node=0x7f": (
        "kamailio.pike-block", "192.0.2.7", "",
    ),
    "kamailio[1]: ALERT: <script>: ALERT: pike blocking REGISTER from sip:a@b (IP:192.0.2.7:5060)": (
        "kamailio.pike-block", "192.0.2.7", "",
    ),
    "opensips[1]: ERROR: registrar [save.c:1]: too many contacts for AOR <agent0007>, max=1": (
        "kamailio.too-many-contacts", "", "agent0007",
    ),
    "NOTICE  [asterisk-iptables] Ban 192.0.2.7": ("fail2ban.ban", "192.0.2.7", ""),
    "kernel: [1.0] DROP IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.1 PROTO=UDP DPT=5060": (
        "firewall.drop", "192.0.2.7", "",
    ),
    '{"status": 403, "code": "missing.division.permission"}': ("genesys.http-permission", "", ""),
    '{"message": "no", "code": "x", "status": 403, "contextId": "7"}': ("genesys.http-permission", "", ""),
    '{"contextId": "7", "status":429, "limit": {"key": "a"}}': ("genesys.http-rate", "", ""),
}  # fmt: skip
IN_ZONE = "2024-05-22 09:30:00"


def read(path: Path, text: str, zone: ZoneInfo | None = CHICAGO) -> tuple[list[Exchange | Remark], Reading]:
    path.write_text(text, encoding="utf-8")
    reading = Reading([path], zone=zone)
    return list(reading), reading


@pytest.mark.parametrize("line", LINES)
def test_what_a_line_says(tmp_path: Path, line: str) -> None:
    (one,), _ = read(tmp_path / "log", f"[{IN_ZONE}] host {line}\n")
    assert isinstance(one, Remark)
    assert (one.kind, one.source, one.user) == LINES[line]
    assert one.at == datetime(2024, 5, 22, 9, 30, tzinfo=CHICAGO).timestamp()


def test_every_kind_that_the_reader_gives_is_in_the_catalogue() -> None:
    assert {phrase.kind for phrase in PHRASES} <= set(MARKS)


@pytest.mark.parametrize(
    "line",
    [
        "sshd[1]: pam_unix(sshd:auth): authentication failure; rhost=192.0.2.7",
        "systemd[1]: Failed to start LSB: rate limit exceeded",
        "app_dial.c: -- SIP/agent0007 is busy",
        "kamailio[1]: INFO: <core> [main.c]: processes (at least): 12",
        '{"level": "error", "sip": {"status": 403, "reason": "Forbidden"}, "msg": "agent0001 refused"}',
        '    "status": 429,',
    ],
)
def test_other_lines_say_nothing(tmp_path: Path, line: str) -> None:
    assert read(tmp_path / "log", f"May 22 14:30:00 {line}\n")[0] == []


def test_console_text_with_its_own_time(tmp_path: Path) -> None:
    text = "SIP Response 403 Forbidden: no. Transaction ID: 192837465. Timestamp: 2024-05-22T14:30:00Z."
    (one,), reading = read(tmp_path / "console.txt", text)
    assert isinstance(one, Remark)
    assert one.at == datetime.fromisoformat("2024-05-22T14:30:00+00:00").timestamp()
    assert "192837465" in one.text
    assert reading.ledger.files[0].kind == "Genesys Cloud text"


MESSAGES = (
    "{first}OPTIONS sip:agent0001@pbx.example SIP/2.0\n"
    "{margin}Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx\n"
    "{margin}From: <sip:planner@wfm.example>;tag=1\n{margin}To: <sip:agent0001@pbx.example>\n"
    '{margin}Call-ID: c9\n{margin}CSeq: 1 OPTIONS\n{margin}Authorization: Digest username="u", nonce="n",'
    ' response="5eb63bbbe01eeed093cb22bb8f5acdc3"\n{margin}Content-Length: 4\n{margin}\n{margin}abc\n\n'
    "{second}SIP/2.0 403 Forbidden\n{margin}Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx;rport=5060\n"
    "{margin}Call-ID: c9\n{margin}CSeq: 1 OPTIONS\n{margin}\n"
)
DUMPS = {
    "pjsip": (
        "[2024-05-22 09:30:00.100] <--- Received SIP request (300 bytes) from UDP:192.0.2.7:5060 --->\n",
        "[2024-05-22 09:30:00.300] <--- Transmitting SIP response (90 bytes) to UDP:192.0.2.7:5060 --->\n",
        "",
    ),
    "chan_sip": (
        "[2024-05-22 09:30:00.100] <--- SIP read from UDP:192.0.2.7:5060 --->\n",
        "[2024-05-22 09:30:00.300] Reliably Transmitting (no NAT) to 192.0.2.7:5060:\n",
        "",
    ),
    "freeswitch": (
        "2024-05-22 09:30:00.0 [INFO] x\nrecv 300 bytes from udp/[192.0.2.7]:5060 at 09:30:00.1:\n   --\n   ",
        "send 90 bytes to udp/[192.0.2.7]:5060 at 09:30:00.300000:\n   -----------------------------\n   ",
        "   ",
    ),
    "sngrep": (
        "2024/05/22 09:30:00.100000 192.0.2.7:5060 -> 198.51.100.1:5060\n",
        "2024/05/22 09:30:00.300000 198.51.100.1:5060 -> 192.0.2.7:5060\n",
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", DUMPS)
def test_messages_in_a_text(tmp_path: Path, make: str) -> None:
    first, second, margin = DUMPS[make]
    found, _ = read(tmp_path / "dump", MESSAGES.format(first=first, second=second, margin=margin))
    (one,) = found
    assert isinstance(one, Exchange)
    assert (one.source, one.method, one.user, one.status) == ("192.0.2.7", "OPTIONS", "agent0001", 403)
    assert one.at == pytest.approx(datetime(2024, 5, 22, 9, 30, 0, 100_000, CHICAGO).timestamp())
    assert one.answered_after == pytest.approx(0.2, abs=1e-3)
    assert one.target == ("198.51.100.1" if make == "sngrep" else "")
    assert one.carried is not None
    assert "5eb63bbb" not in repr(found)


def test_dots_of_ngrep_are_no_part_of_the_message(tmp_path: Path) -> None:
    first, second, _ = DUMPS["sngrep"]
    plain = MESSAGES.format(first="", second="", margin="").split("\n\n")
    dotted = [part.replace("\n", ".\n") + "." for part in plain]
    text = f"U {first}{dotted[0]}\n.\nabc.\n\nU {second}{dotted[2]}\n.\n"
    (one,), _ = read(tmp_path / "dump", text)
    assert isinstance(one, Exchange)
    assert (one.status, one.reason) == (403, "Forbidden")


def test_pasted_messages_without_any_time(tmp_path: Path) -> None:
    (one,), reading = read(tmp_path / "paste", MESSAGES.format(first="", second="", margin=""))
    assert isinstance(one, Exchange)
    assert (one.source, one.status, one.answered_after) == ("192.0.2.7", 403, None)
    assert reading.ledger.skipped["pasted messages without a time"] == 2


def test_our_own_request_has_the_host_that_via_names(tmp_path: Path) -> None:
    text = MESSAGES.format(
        first="<--- Transmitting SIP request (1 bytes) to UDP:198.51.100.1:5060 --->\n",
        second="<--- Received SIP response (1 bytes) from UDP:198.51.100.1:5060 --->\n",
        margin="",
    )
    (one,), _ = read(tmp_path / "log", text)
    assert isinstance(one, Exchange)
    assert (one.source, one.target, one.target_port, one.status) == ("192.0.2.7", "198.51.100.1", 5060, 403)


class TestTimes:
    """Zones, years, and the two hours of the year that are odd."""

    @pytest.mark.parametrize(
        ("line", "utc"),
        [
            ("2024-05-22T14:30:00Z x", "2024-05-22T14:30:00+00:00"),
            ("2024-05-22 14:30:00,5 +0200 x", "2024-05-22T12:30:00.5+00:00"),
            ("[2024-05-22 09:30:00.25] x", "2024-05-22T14:30:00.25+00:00"),
            ("<134>May 22 09:30:00 host x", "2024-05-22T14:30:00+00:00"),
            ("[Dec  9 09:30:00] x", "2023-12-09T15:30:00+00:00"),
            ("1716388200.5 x", "2024-05-22T14:30:00.5+00:00"),
        ],
    )
    def test_ways_to_write_a_time(self, line: str, utc: str) -> None:
        clock = LogClock(CHICAGO, written=datetime.fromisoformat("2024-06-01T00:00:00+00:00").timestamp())
        read = clock.at_start(line)
        assert read is not None
        assert read[0] == datetime.fromisoformat(utc).timestamp()
        assert line[read[1] :].endswith("x")

    def test_the_hour_that_comes_twice_is_told_apart_by_order(self) -> None:
        clock = LogClock(CHICAGO, written=1.8e9)
        times = []
        for line in ("00:59:59", "01:10:00", "01:50:00", "01:10:00", "01:50:00", "02:00:00"):
            read = clock.at_start(f"2024-11-03 {line}")
            assert read is not None
            times.append(read[0])
        assert [round(later - times[0]) for later in times] == [0, 601, 3001, 4201, 6601, 7201]
        assert "4 times lie in the hour that comes twice" in clock.notes()[0]

    def test_the_hour_that_is_skipped_is_said(self) -> None:
        clock = LogClock(CHICAGO, written=1.8e9)
        assert clock.at_start("2024-03-10 02:30:00") is not None
        assert "the hour that clocks skip in America/Chicago" in clock.notes()[0]

    def test_an_assumed_zone_is_said(self, tmp_path: Path) -> None:
        line = f"{IN_ZONE} {REGISTRATION}Wrong password\n"
        (one,), reading = read(tmp_path / "log", line, zone=None)
        assert one.at == datetime.fromisoformat(f"{IN_ZONE}+00:00").timestamp()
        assert "give --timezone" in reading.ledger.files[0].notes[0]

    def test_the_year_is_the_files(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text(f"May 22 09:30:00 {REGISTRATION}Wrong password\n", encoding="utf-8")
        os.utime(path, (1.6e9, 1.6e9))  # September 2020
        (one,) = Reading([path], zone=ZoneInfo("UTC"))
        assert one.at == datetime.fromisoformat("2020-05-22T09:30:00+00:00").timestamp()


def test_clocks_of_two_records_are_set_right_and_what_both_show_counts_once(tmp_path: Path) -> None:
    rows = "\n".join(
        MESSAGES.format(
            first=f"2024/05/22 09:30:{number}.100000 192.0.2.7:5060 -> 198.51.100.1:5060\n",
            second=f"2024/05/22 09:30:{number}.300000 198.51.100.1:5060 -> 192.0.2.7:5060\n",
            margin="",
        )
        .replace("z9hG4bKx", f"z9hG4bK{number}")
        .replace("c9", f"c{number}")
        for number in range(10, 20)
    )
    (tmp_path / "there.txt").write_text(rows + MESSAGES.format(first="", second="", margin=""), "utf-8")
    (tmp_path / "here.txt").write_text(rows.replace(":30:", ":37:"), "utf-8")
    reading = Reading([tmp_path], zone=CHICAGO)
    exchanges = list(reading)
    assert len(exchanges) == 11
    offsets = {entry.name: entry.clock_offset for entry in reading.ledger.files}
    assert offsets == {"there.txt": 0.0, "here.txt": -420.0}
    assert reading.ledger.skipped["requests that another file shows as well"] == 10
