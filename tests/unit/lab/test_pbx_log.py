"""The reader makes one kind of record of both PBXs' logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftline.lab.pbx_log import PbxLog, RequestRecord, read_log

RECORD = RequestRecord(
    at=1700000000.25,
    source="127.0.0.2",
    source_port=5062,
    method="OPTIONS",
    user="agent0001",
    auth_user="shiftline",
    carried_credentials=True,
    status=200,
    reason="ok",
    call_id="abc",
)
KAMAILIO = (
    " 0(11) WARNING: <core> [core/cfg.y:1]: something else\n"
    " 2(13) ALERT: <script>: request 1700000000.25 127.0.0.2 5062 OPTIONS agent0001 shiftline 200 ok abc\n"
)


@pytest.mark.parametrize("text", [RECORD.to_json(), KAMAILIO])
def test_both_formats_say_the_same(tmp_path: Path, text: str) -> None:
    """A practice PBX's line and Kamailio's line of one request are the same record."""
    log = tmp_path / "pbx.log"
    log.write_text(text)
    assert read_log(log) == [RECORD]


def test_missing_fields_are_none(tmp_path: Path) -> None:
    """Kamailio leaves the user and the credentials empty when there are none."""
    log = tmp_path / "pbx.log"
    log.write_text(" 1(12) ALERT: <script>: request 1700000000.5 127.0.0.2 5062 OPTIONS   200 ok abc\n")
    (record,) = read_log(log)
    assert (record.user, record.auth_user, record.carried_credentials) == (None, None, False)


def test_an_escaped_account_is_read_back(tmp_path: Path) -> None:
    """Digest usernames may hold blanks, which the script escapes."""
    log = tmp_path / "pbx.log"
    log.write_text(
        " 1(12) ALERT: <script>: request 1.5 127.0.0.2 5062 INVITE a front%20desk 407 challenge c\n"
    )
    assert read_log(log)[0].auth_user == "front desk"


def test_a_growing_log_is_followed_line_by_line(tmp_path: Path) -> None:
    """Half a line is left until it is complete, and nothing is read twice."""
    log = tmp_path / "pbx.log"
    line = RECORD.to_json()
    log.write_text(line + line[:30])
    follower = PbxLog(log)
    assert follower.new_records() == [RECORD]
    assert follower.new_records() == []
    with log.open("a") as file:
        file.write(line[30:])
    assert follower.new_records() == [RECORD]
