"""The options that show a trace, through the verb that shows a stored one, and the ladder as it is drawn."""

from __future__ import annotations

import io
import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.unit.cli.conftest import Shiftline

from shiftline.cli.ladder import print_ladder
from shiftline.cli.tracing import TraceWishes, show_trace
from shiftline.errors import ConfigurationError
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.trace_json import read_trace_json, write_trace_json
from shiftline.sip.transport import Transport

OURS, PBX = ("127.0.0.2", 40_123), ("127.0.0.1", 5060)
SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
AGENT = b"sip:agent0001@127.0.0.1"


def message(at: float, direction: Direction, data: bytes, peer: tuple[str, int] = PBX) -> TracedMessage:
    return TracedMessage(
        at=at, direction=direction, local=OURS, peer=peer, transport=Transport.UDP, data=data
    )


def request(cseq: int, extra: bytes = b"", uri: bytes = AGENT) -> bytes:
    return b"OPTIONS %s SIP/2.0\r\nCall-ID: 1\r\nCSeq: %d OPTIONS\r\n%s\r\n" % (uri, cseq, extra)


def response(status: bytes, cseq: int, extra: bytes = b"") -> bytes:
    return b"SIP/2.0 %s\r\nCall-ID: 1\r\nCSeq: %d OPTIONS\r\n%s\r\n" % (status, cseq, extra)


TRACE = Trace(
    [
        message(5.0, SENT, request(1)),
        message(5.5, SENT, request(1)),
        message(
            5.512, RECEIVED, response(b"401 Unauthorized", 1, b'WWW-Authenticate: Digest nonce="n1"\r\n')
        ),
        message(5.513, SENT, request(2, b'Authorization: Digest realm="lab", response="9d5b4f"\r\n')),
        message(5.52, RECEIVED, response(b"403 Forbidden", 2, b"Retry-After: 5\r\n")),
    ]
)


def drawn(trace: Trace, width: int, encoding: str = "utf-8") -> list[str]:
    """The ladder as a file or a pipe gets it."""
    buffer = io.BytesIO()
    console = Console(file=io.TextIOWrapper(buffer, encoding=encoding, write_through=True), width=width)
    print_ladder(console, trace)
    return buffer.getvalue().decode(encoding).splitlines()


def test_the_ladder_at_eighty_columns() -> None:
    """One line a message, every lifeline straight, all within the width."""
    assert drawn(TRACE, 80) == [
        "           Shiftline 127.0.0.2:40123                              127.0.0.1:5060",
        "   0.000 s │─ OPTIONS sip:agent0001@127.0.0.1 (CSeq 1) x2 ────────────────────▶│",
        "   0.512 s │◀ 401 Unauthorized (CSeq 1) · challenge ───────────────────────────│",
        "   0.513 s │─ OPTIONS sip:agent0001@127.0.0.1 (CSeq 2) · with credentials ────▶│",
        "   0.520 s │◀ 403 Forbidden (CSeq 2) · Retry-After 5 ──────────────────────────│",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Long URIs are cut in their middle, so that CSeq stays; notes without room take their own line."""
    long = request(9, b"Authorization: Digest x\r\n", b"sip:" + b"a" * 300 + b"@127.0.0.1")
    lines = drawn(Trace([*TRACE, message(6.0, SENT, long)]), width)
    assert max(map(len, lines)) <= width
    assert any("…" in line and "(CSeq 9)" in line for line in lines)
    assert "with credentials" in lines[-1]


def test_wide_characters_keep_the_lifelines_straight() -> None:
    """Characters of two cells count as two."""
    wide = message(0.0, SENT, request(1, uri=f"sip:{'電話' * 60}@127.0.0.1".encode()))
    lines = drawn(Trace([wide, message(1.0, RECEIVED, f"SIP/2.0 480 {'不在' * 40}\r\n\r\n".encode())]), 80)
    assert {cell_len(line) for line in lines} <= {79, 80}
    assert {cell_len(line[: line.rindex("│")]) for line in lines[1:]} == {79}


def test_a_second_peer_stands_beside_the_first_where_there_is_room() -> None:
    """An arrow to the third lifeline goes across the second; without room it is a list."""
    trace = Trace([*TRACE, message(6.0, SENT, request(1), ("127.0.0.9", 5061))])
    wide = drawn(trace, 120)
    assert {line.index("│") for line in wide[1:]} == {11}
    assert {line.rindex("│") for line in wide[1:]} == {len(wide[1]) - 1}
    assert [line.count("│") for line in wide[1:]] == [3] * (len(wide) - 2) + [2]
    narrow = drawn(trace, 80)
    assert narrow[-2:] == [
        "   1.000 s 127.0.0.2:40123 ─▶ 127.0.0.9:5061",
        "           OPTIONS sip:agent0001@127.0.0.1 (CSeq 1)",
    ]


def test_a_terminal_without_unicode_gets_plain_characters() -> None:
    """Also where a peer's words have none of that encoding's."""
    late = "SIP/2.0 480 Später\r\nRetry-After: 5 (später)\r\n\r\n"
    lines = drawn(Trace([*TRACE, message(6.0, RECEIVED, late.encode())], dropped=2), 80, "ascii")
    assert lines[0] == "2 earlier messages are not shown."
    assert lines[-1].startswith("   1.000 s |< 480 Sp?ter - Retry-After 5 (sp?ter) ---")


def test_nothing_to_draw_is_said() -> None:
    """An empty trace has no participants."""
    assert drawn(Trace(), 80) == ["Nothing went over the wire."]


def test_colours_tell_the_class_of_a_response() -> None:
    """On a terminal; what a peer writes is never taken for markup or for an escape."""
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    evil = response(b"503 [bold]busy[/]\x1b[2J", 1)
    with console.capture() as capture:
        print_ladder(
            console, Trace([message(0.0, RECEIVED, response(b"200 OK", 1)), message(1.0, RECEIVED, evil)])
        )
    text = capture.get()
    assert "\x1b[32m200 OK" in text
    assert "\x1b[31m503 [bold]busy[/]\ufffd[2J" in text


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A stored trace."""
    path = tmp_path / "stored.json"
    path.write_text(write_trace_json(TRACE, redacted=False, epoch_offset=1e9), encoding="utf-8")
    return path


def test_a_stored_trace_is_a_ladder_by_default(shiftline: Shiftline, stored: Path) -> None:
    """`shiftline trace FILE` needs no option."""
    ended = shiftline("trace", stored)
    assert ended.code == 0
    assert "403 Forbidden (CSeq 2) · Retry-After 5" in ended.out


def test_everything_at_once(shiftline: Shiftline, stored: Path, tmp_path: Path) -> None:
    """Diagram, capture and collector from one trace; files are private, and no secret is in any of them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        ended = shiftline(
            "trace", stored, "--ladder", "--mermaid", tmp_path / "m.mmd", "--pcap", tmp_path / "c.pcap",
            "--hep", f"127.0.0.1:{collector.getsockname()[1]}",
        )  # fmt: skip
        packets = [collector.recv(65_535) for _ in TRACE]
    assert ended.code == 0
    assert "OPTIONS" in ended.out
    assert (tmp_path / "m.mmd").read_text(encoding="utf-8").startswith("sequenceDiagram\n")
    for name in ("m.mmd", "c.pcap"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert b"9d5b4f" not in (tmp_path / name).read_bytes()
    assert all(packet.startswith(b"HEP3") and b"9d5b4f" not in packet for packet in packets)


def test_mermaid_goes_to_standard_output(shiftline: Shiftline, stored: Path) -> None:
    """With ``-``, and then nothing else does."""
    assert shiftline("trace", stored, "--mermaid", "-").out.startswith("sequenceDiagram\n")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--pcap", "/nowhere/x.pcap", "cannot be written"),
        ("--mermaid", "/nowhere/x", "cannot be written"),
        ("--hep", "no port:x", "is not HOST:PORT"),
    ],
)
def test_what_cannot_be_done_is_said_first(
    shiftline: Shiftline, stored: Path, option: str, value: str, words: str
) -> None:
    """One sentence, exit code 2, and nothing was shown."""
    ended = shiftline("trace", stored, "--ladder", option, value)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format": "other"}'])
def test_a_file_that_is_no_trace(shiftline: Shiftline, tmp_path: Path, content: bytes) -> None:
    """One sentence, whatever it holds."""
    path = tmp_path / "other.json"
    path.write_bytes(content)
    ended = shiftline("trace", path)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "error:" in ended.err


def test_credentials_are_kept_only_when_asked(tmp_path: Path) -> None:
    """``--with-credentials`` holds for every output alike."""
    path = tmp_path / "t.json"
    for with_credentials in (False, True):
        wishes = TraceWishes(trace=path, with_credentials=with_credentials)
        show_trace(Console(file=io.StringIO()), TRACE, wishes, epoch_offset=3.0)
        assert ("9d5b4f" in path.read_text(encoding="utf-8")) is with_credentials
        assert json.loads(path.read_text(encoding="utf-8"))["redacted"] is not with_credentials
    trace, offset = read_trace_json(path.read_text(encoding="utf-8"))
    assert list(trace) == list(TRACE)
    assert offset == 3.0


def test_a_key_that_is_not_set_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option names a variable; the key itself never stands on the command line."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    wishes = TraceWishes(hep="127.0.0.1:9060", hep_key_env="NO_SUCH_KEY")
    with pytest.raises(ConfigurationError, match="NO_SUCH_KEY is not set"):
        wishes.check()


def test_a_collector_that_cannot_be_one_is_found_by_config_check(
    shiftline: Shiftline, config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a worker is started with it; a good one is shown by its address."""
    monkeypatch.setenv("SHIFTLINE_TRUNK__HEP", "no port:x")
    ended = shiftline("config", "check", "--config", config())
    assert ended.code == 2
    assert "is not HOST:PORT" in ended.err
    monkeypatch.setenv("SHIFTLINE_TRUNK__HEP", "127.0.0.1")
    assert "hep collector: 127.0.0.1 port 9060" in shiftline("config", "check", "--config", config()).out
