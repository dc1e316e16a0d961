"""SIPp scenarios as input: what is taken, and what is refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.storm.test_flows import Registrar, exchange, flows_of, row

from shiftline.errors import ConfigurationError
from shiftline.secrets import Secret
from shiftline.storm.sipp import read_scenario

SEND = """<send retrans="500"><![CDATA[
  {method} sip:[remote_ip]:[remote_port] SIP/2.0
  Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
  From: <sip:[field0]@[remote_ip]>;tag=[pid]SIPpTag00[call_number]
  To: <sip:[field0]@[remote_ip]>
  Call-ID: [call_id]
  CSeq: {number} {method}
  {extra}
  Content-Length: 0
]]></send>"""
AUTHENTICATION = "[authentication username=[field0] password=[field1]]"
TWO = (
    SEND.format(method="REGISTER", number=1, extra="Max-Forwards: 70")
    + '<recv response="100" optional="true"/><recv response="401" auth="true" rtd="1"/>'
    + '<pause milliseconds="500"/>'
    + SEND.format(method="REGISTER", number=2, extra=AUTHENTICATION)
    + '<recv response="200" crlf="true"/>'
)


def scenario(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "ours.xml"
    path.write_text(f'<?xml version="1.0"?>\n<scenario name="ours">{body}<label id="1"/></scenario>')
    return path


def test_the_usual_registration_is_played_as_written(tmp_path: Path) -> None:
    script = read_scenario(scenario(tmp_path, TWO)).script
    assert [(step.method, step.expects) for step in script.steps] == [
        ("REGISTER", frozenset({401})),
        ("REGISTER", frozenset({200})),
    ]
    flows, registrar = flows_of(script), Registrar()
    flows.start(0.0)
    sent = exchange(flows, registrar)
    for tick in range(200):
        flows.tick(tick * 0.005)
    sent += exchange(flows, registrar)
    assert [row(request, b"CSeq") for request in sent] == [b"CSeq: 1 REGISTER", b"CSeq: 2 REGISTER"]
    assert re.fullmatch(
        rb"From: <sip:agent0001@127\.0\.0\.1>;tag=abc123SIPpTag00\w{8}", row(sent[0], b"From")
    )
    assert sent[0].endswith(b"Content-Length: 0\r\n\r\n")
    assert flows.tally.ok == 1


def test_an_unexpected_answer_fails_the_flow(tmp_path: Path) -> None:
    body = SEND.format(method="OPTIONS", number=1, extra="Accept: a/b") + '<recv response="404"/>'
    flows = flows_of(read_scenario(scenario(tmp_path, body)).script, password=None)
    flows.start(0.0)
    exchange(flows, Registrar())
    assert (flows.tally.ok, flows.tally.statuses) == (0, [401])


def test_credentials_that_stand_in_the_file_are_found_and_kept_secret(tmp_path: Path) -> None:
    written = TWO.replace(AUTHENTICATION, "[authentication username=joe password=hidden]")
    found = read_scenario(scenario(tmp_path, written))
    assert (found.username, found.password) == ("joe", Secret("hidden"))
    assert "hidden" not in repr(found)


def test_what_sipp_files_have_beside_the_messages_is_no_fault(tmp_path: Path) -> None:
    """A wait at the end; and the row that SIPp's injection files bring."""
    written = TWO.replace(AUTHENTICATION, "[field1]") + '<timewait milliseconds="4000"/>'
    flows, registrar = flows_of(read_scenario(scenario(tmp_path, written)).script), Registrar()
    flows.start(0.0)
    exchange(flows, registrar)
    for tick in range(200):
        flows.tick(tick * 0.005)
    exchange(flows, registrar)
    assert flows.tally.ok == 1


def test_an_encoding_that_nobody_knows_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "odd.xml"
    path.write_text('<?xml version="1.0" encoding="klingon"?><scenario/>')
    with pytest.raises(ConfigurationError, match="no XML"):
        read_scenario(path)


ONE = SEND.format(method="OPTIONS", number=1, extra="Accept: a/b")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (ONE + "<nop/>", "<nop>"),
        (ONE + '<recv response="200"><action><ereg regexp="x"/></action></recv>', "<action> within <recv>"),
        (ONE + '<recv response="200" next="1"/>', "next of <recv>"),
        (ONE + '<recv response="180"/>', "180, a provisional answer"),
        (ONE + '<recv response="486" optional="true"/>', "optional 486"),
        (ONE + '<recv request="BYE"/>', "request of <recv>"),
        (ONE.replace("OPTIONS", "INVITE"), "sends INVITE"),
        ('<recv response="200"/>' + ONE, "without having sent"),
        ('<pause milliseconds="10"/>', "sends nothing"),
        (ONE.replace("[call_id]", "[last_Call-ID:]"), "last_Call"),
        (ONE * 21, "more than 20"),
        ("<send><![CDATA[SIP/2.0 200 OK]]></send>", "no request"),
        ("<send>", "no XML"),
    ],
)
def test_what_storm_cannot_play_is_named(tmp_path: Path, body: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        read_scenario(scenario(tmp_path, body))
