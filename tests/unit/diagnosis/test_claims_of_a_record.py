"""What a record does not show is not said: who is there, when the publish was, that a login is fine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.unit.diagnosis.records import BEGIN, Answer, Pbx, Window

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Challenge, Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis, SuspectVerdict
from shiftline.diagnosis.observe import Observer
from shiftline.diagnosis.probe import Account, Method
from shiftline.diagnosis.suspects import PUBLISH_WINDOW
from shiftline.trades.windows import PublishWindow

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()  # a Thursday
THURSDAY = PublishWindow(weekday=3, opens=time(11, 30), length=timedelta(hours=1), zone=UTC_ZONE)
FRIDAY = PublishWindow(weekday=4, opens=time(11, 30), length=timedelta(hours=1), zone=UTC_ZONE)


def bursts() -> Iterator[Exchange]:
    """A script that asks about users, slowly, then fast: 20 a second are challenged, the rest refused."""
    for number in range(600):
        fast = number >= 60
        at = NOON - 60.0 + number if not fast else NOON + (number - 60) / 80.0
        is_refused = fast and (number - 60) % 80 >= 20
        yield Exchange(
            at=at,
            source="192.0.2.1",
            target="192.0.2.9",
            method="OPTIONS",
            user=f"agent{number:04d}",
            call_id=f"call{number}",
            status=403 if is_refused else 407,
            answered_after=0.01,
            challenge=None if is_refused else Challenge(realm="pbx", nonce=f"n{number}"),
            file="x.pcap",
            packet=number + 1,
        )


def read(windows: Sequence[PublishWindow] = (), *, before: Sequence[Exchange] = ()) -> Diagnosis:
    observer = Observer(windows=windows)
    for one in (*before, *bursts()):
        observer.add(one)
    beliefs = [believe(one, is_recorded=True) for one in observer.evidence()]
    return conclude(beliefs, Permission(), is_recorded=True)


def suspect(diagnosis: Diagnosis, name: str) -> tuple[SuspectVerdict, str]:
    return next((one.verdict, one.sentence) for one in diagnosis.suspicions if one.suspect == name)


def test_a_burst_is_one_of_the_publish_only_in_a_window_that_was_declared() -> None:
    verdict, sentence = suspect(read(), PUBLISH_WINDOW)
    assert verdict is SuspectVerdict.CANNOT_TELL
    assert "burst" in sentence
    assert "--window" in sentence
    assert suspect(read([FRIDAY]), PUBLISH_WINDOW)[0] is SuspectVerdict.IT_IS_NOT
    assert suspect(read([FRIDAY, THURSDAY]), PUBLISH_WINDOW)[0] is SuspectVerdict.IT_IS


def test_a_refusal_long_before_does_not_begin_the_burst() -> None:
    """One 403 at eleven, for whatever reason; the window opens at half past, and the burst is at noon."""
    early = replace(next(bursts()), at=NOON - 3600.0, call_id="early", status=403, challenge=None)
    assert suspect(read([THURSDAY], before=[early]), PUBLISH_WINDOW)[0] is SuspectVerdict.IT_IS


def test_where_nobody_logs_in_credentials_are_not_cleared() -> None:
    """And the challenges that nobody answered are named."""
    verdict, sentence = suspect(read(), "credentials mismatch")
    assert verdict is SuspectVerdict.CANNOT_TELL
    assert "nobody logs in in this record" in sentence
    assert "challenges (401, 407) were never answered" in sentence


def test_nobody_said_which_user_is_there() -> None:
    sentences = [one.sentence for finding in read().findings for one in finding.statements]
    assert any("about a user" in one for one in sentences)
    assert not any("who is there" in one for one in sentences)


def test_the_only_account_is_no_other_one() -> None:
    """OPTIONS to the server itself is nobody's; the account that logs in beside it is the subject's."""
    pbx = Pbx(Window(15), lambda one: Answer(200, "OK") if one.method == "OPTIONS" else None)
    found: list[Exchange] = []
    for begin in (BEGIN, BEGIN + 20.0, BEGIN + 40.0):
        for step in range(3):
            found += pbx.ask(begin + step, method="REGISTER")
        for step in range(40):
            login = "trunk" if step % 8 == 7 else ""
            method = "REGISTER" if login else "OPTIONS"
            found += pbx.ask(begin + 10.0 + step * 0.01, user=login, login=login, method=method)
    observer = Observer()
    for one in sorted(found, key=lambda one: one.at):
        observer.add(one)
    accounts = {
        trial.probe.account
        for evidence in observer.evidence()
        for trial in evidence.trials
        if trial.probe.method is Method.REGISTER
    }
    assert accounts == {Account.OWN}
