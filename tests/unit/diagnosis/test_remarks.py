"""What lines of logs and consoles say, and of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from tests.unit.diagnosis.records import OURS, Answer, Pbx
from tests.unit.diagnosis.scene import day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange, Remark
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe
from shiftline.doctor.reading.ledger import FileEntry
from shiftline.doctor.reading.texts import TextReader
from shiftline.doctor.reading.times import LogClock

CONSOLE = "SIP Response {}. Transaction ID: 192837465. Timestamp: 2024-05-22T14:30:00Z."


def remarks(*lines: str) -> list[Remark]:
    """What the reader of texts makes of a log."""
    reader = TextReader(FileEntry(name="pbx.log"), LogClock(None, written=0.0), Counter())
    found = [one for one in reader.read(lines) if isinstance(one, Remark)]
    assert len(found) == len(lines), "a line that nobody knows"
    return found


CHAN_SIP = "Registration from '<sip:{}@pbx.example>' failed for '{}:5060' - {}"


def read(*lines: str, exchanges: Sequence[Exchange] = ()) -> Diagnosis:
    beliefs = [believe(one, is_recorded=True) for one in observe(exchanges, remarks(*lines))]
    return conclude(beliefs, Permission(), is_recorded=True)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Source address not permitted", "acl.source"),
        ("IP address not in access control list", "acl.source"),
        ("Authentication failed", "credentials.wrong-password"),
        ("Rate limit exceeded", "throttle.source"),
    ],
)
def test_a_refusal_in_a_console_is_not_health_and_its_phrase_is_read(said: str, cause: str) -> None:
    diagnosis = read(CONSOLE.format(f"403 Forbidden: {said}"))
    main = diagnosis.findings[0]
    assert cause in {main.cause, *main.indistinguishable_from}
    assert "healthy" not in {one for finding in diagnosis.findings for one in finding.names.split(" or ")}
    assert any("SIP and not HTTP" in one.sentence and "14:30:00Z" in one.sentence for one in main.statements)


def test_an_answer_that_speaks_of_a_user_tells_nothing_of_the_trunk() -> None:
    assert read(CONSOLE.format("486 Busy Here")).findings[0].cause == "healthy"


def test_accounts_that_fail_for_two_reasons_are_two_findings() -> None:
    diagnosis = read(
        CHAN_SIP.format("agent1", "192.0.2.44", "Wrong password"),
        CHAN_SIP.format("agent1", "192.0.2.44", "Wrong password"),
        CHAN_SIP.format("agent2", "192.0.2.45", "Device does not match ACL"),
    )
    assert diagnosis.cause == "credentials.wrong-password"
    assert [one.subject.name for one in diagnosis.findings] == ["account agent1", "account agent2"]
    assert {"acl.source", "acl.partial"} == {
        diagnosis.findings[1].cause,
        *diagnosis.findings[1].indistinguishable_from,
    }
    assert [len(one.statements) for one in diagnosis.findings] == [1, 1]


def test_accounts_of_whom_the_same_is_said_are_one_subject() -> None:
    lines = [CHAN_SIP.format(f"agent{number}", "192.0.2.44", "Wrong password") for number in range(9)]
    (finding,) = read(*lines).findings
    assert finding.subject.name == "accounts agent0, agent1, agent2 and others"
    assert finding.subject.refused == 9


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (CHAN_SIP.format("a", "192.0.2.4", "Wrong password"), "credentials.wrong-password"),
        (CHAN_SIP.format("a", "192.0.2.4", "Not a local domain"), "policy.domain"),
        (
            "Registration attempt from endpoint 'a' to AOR 'a' will exceed max contacts of 1",
            "registrar.max-contacts",
        ),
    ],
)
def test_the_words_of_the_pbx_are_nearly_proof(line: str, cause: str) -> None:
    diagnosis = read(line)
    assert diagnosis.cause == cause
    assert diagnosis.confidence > 0.9


def test_what_is_said_of_an_address_counts_for_the_accounts_behind_it() -> None:
    lines = [CHAN_SIP.format("agent1", "192.0.2.44", "Wrong password"), "[asterisk] Ban 192.0.2.44"]
    (evidence,) = observe([], remarks(*lines))
    assert {one.kind for one in evidence.marks} == {"asterisk.wrong-password", "fail2ban.ban"}


def test_a_line_about_a_stranger_does_not_accuse_the_trunk() -> None:
    """The trunk is refused for its address; a phone that the capture does not show has a wrong password."""
    pbx = Pbx(lambda request: Answer(403, "Forbidden", 0.002) if request.source == OURS else None)
    stranger = CHAN_SIP.format("lobby", "203.0.113.9", "Wrong password")
    diagnosis = read(*[stranger] * 3, exchanges=day(pbx))
    trunk = next(one for one in diagnosis.findings if "lobby" not in one.subject.name)
    assert "credentials.wrong-password" not in {trunk.cause, *trunk.indistinguishable_from}
    assert not [one for one in trunk.statements if "password" in one.sentence]
    assert [
        one.subject.values for one in diagnosis.findings if one.cause == "credentials.wrong-password"
    ] == [("lobby",)]


def test_a_line_about_the_account_in_trouble_belongs_to_its_part() -> None:
    def disliked(request: Exchange) -> Answer | None:
        is_it = request.carried is not None and request.carried.username == "trunk"
        return Answer(403, "Forbidden", 0.002) if is_it else None

    line = CHAN_SIP.format("trunk", OURS, "Wrong password")
    (finding,) = read(line, exchanges=day(Pbx(disliked, server="Asterisk PBX 16"))).findings
    assert finding.cause == "credentials.wrong-password"
    assert [one for one in finding.statements if "password was wrong" in one.sentence]
