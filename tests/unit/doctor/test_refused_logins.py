"""Refused logins are counted from one run to the next."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.unit.doctor.trunk import CASE, trunk

from shiftline.cli.doctor.accounts import Accounts
from shiftline.cli.doctor.plan import Examined
from shiftline.diagnosis.experiment import Permission, Risk, StopReason
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials
from shiftline.diagnosis.stopping import MOST_REFUSED_CREDENTIALS
from shiftline.doctor.examination import Examination
from shiftline.doctor.examination.examination import PAUSE_SECONDS
from shiftline.doctor.examination.ledger import MOST_REFUSED_ONCE_PROVEN, Ledger
from shiftline.doctor.refused_logins import RefusedLogins, account_key
from shiftline.doctor.report.wording import headline
from shiftline.doctor.run import RunPlan
from shiftline.doctor.run_ends import EndsPlan
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.lab.virtual_examination import examine
from shiftline.sip.targets import Target

NOON = 1_800_000_000.0
TARGET = Target(host="192.0.2.10", port=5060)
KEY = account_key(TARGET, "shiftline")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "shiftline"


def planned() -> Examined:
    """A run with both accounts."""
    ends = EndsPlan(target=TARGET, other=TARGET, own="192.0.2.20")
    return Examined(name="x", plan=RunPlan(case=CASE, permission=Permission(), ends=ends))


def test_they_are_kept_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    """Each account for itself; what is older is gone from the file as well."""
    RefusedLogins(tmp_path).add(KEY, NOON)
    RefusedLogins(tmp_path).add("another", NOON + 1.0)
    assert RefusedLogins(tmp_path).lately(KEY, NOON + 899.0) == (NOON,)
    assert RefusedLogins(tmp_path).lately(KEY, NOON + 900.0) == ()
    kept = RefusedLogins(tmp_path)
    kept.add(KEY, NOON + 901.5)
    assert "another" not in kept.path.read_text()


def test_the_file_names_nobody(tmp_path: Path) -> None:
    """Neither the server nor the account, and it has no password."""
    kept = RefusedLogins(tmp_path)
    kept.add(KEY, NOON)
    text = kept.path.read_text()
    assert not any(word in text for word in ("shiftline", "192.0.2.10", "secret"))


def test_a_server_counts_whatever_the_port() -> None:
    """On the loopback each port is a server of its own."""
    assert account_key(replace(TARGET, port=5061), "shiftline") == KEY
    assert account_key(TARGET, "agent0002") != KEY
    here = Target(host="127.0.0.1", port=5060)
    assert account_key(here, "shiftline") != account_key(replace(here, port=5070), "shiftline")


def _add_ten(directory: Path, number: int) -> None:
    for step in range(10):
        RefusedLogins(directory).add(KEY, NOON + number + step / 100.0)


def test_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    """The file is locked while it is changed."""
    context = get_context("spawn")
    runs = [context.Process(target=_add_ten, args=(tmp_path, number)) for number in range(3)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert len(RefusedLogins(tmp_path).lately(KEY, NOON + 100.0)) == 30


def test_a_lock_that_nobody_lets_go_of_is_told(tmp_path: Path) -> None:
    """A run that was stopped (Ctrl-Z) holds it for ever, and nothing else happens while it is waited for."""
    kept = RefusedLogins(tmp_path)
    kept.add(KEY, NOON)
    with kept.path.with_suffix(".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match="does not let go"):
            kept.take(KEY, NOON)
    assert kept.take(KEY, NOON)


def test_a_file_that_is_no_list_is_told(tmp_path: Path) -> None:
    """It is not silently taken for an empty one."""
    kept = RefusedLogins(tmp_path)
    kept.path.write_text("[1]")
    with pytest.raises(ConfigurationError, match="no list of moments"):
        kept.lately(KEY, NOON)


def test_a_spent_account_is_waited_for(state: Path) -> None:
    """And the time is said."""
    kept = RefusedLogins(state)
    for at in (NOON - 800.0, NOON - 100.0):
        kept.add(KEY, at)
    with pytest.raises(UnavailableError) as error:
        Accounts.of(planned()).spare(planned(), NOON)
    assert error.value.retry_after_seconds == pytest.approx(100.0)
    assert "Wait until" in error.value.remedy
    examined, _ = Accounts.of(planned()).spare(planned(), NOON + 101.0)
    assert [round(ago) for ago in examined.plan.refused_before[Account.OWN]] == [201]


def test_another_account_that_is_spent_is_left_out(state: Path) -> None:
    """The trunk's own may still be examined."""
    for at in (NOON - 800.0, NOON - 100.0):
        RefusedLogins(state).add(account_key(TARGET, "agent0002"), at)
    examined, said = Accounts.of(planned()).spare(planned(), NOON)
    assert examined.plan.case.known_good is None
    assert examined.plan.case.account is not None
    assert "left out" in said


def test_two_runs_have_two_logins_refused(state: Path) -> None:
    """Of each account, together, though both looked at the file before either had sent anything."""
    pbx = trunk("credentials.wrong-password")
    first, second = (Accounts.of(planned()).shared(lambda: NOON + pbx.now) for _ in range(2))
    examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP), logins=first)
    assert len(RefusedLogins(state).lately(KEY, NOON + pbx.now)) == 2
    withheld = examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP), logins=second)
    tried = [one.auth_user for one in pbx.records if one.carried_credentials]
    assert tried.count("shiftline") == 2
    assert Account.OWN not in {account for account, _ in withheld.refused_logins}


@pytest.mark.parametrize("is_late", [False, True])
def test_a_run_that_others_left_no_login_says_so_and_sends_nothing_for_it(state: Path, is_late: bool) -> None:
    """Neither where they took the two before its first question, nor where they did it in a pause of its."""
    pbx = trunk("credentials.wrong-password")
    accounts = Accounts.of(planned())
    ours, others = (accounts.shared(lambda: NOON + pbx.now) for _ in range(2))

    def take_both() -> None:
        assert [others.take(Account.OWN) for _ in range(3)] == [True, True, False]

    if is_late:
        pbx.call_at(pbx.now + 1.5 * PAUSE_SECONDS, take_both)
    else:
        take_both()
    case, began = replace(CASE, known_good=None), NOON + pbx.now
    examination = examine(pbx, case, Permission(), logins=ours)
    assert not any(one.carried_credentials for one in pbx.records)
    assert [one for one in examination.done if one.outcome is None] == []
    stop = examination.stop
    assert stop is not None
    assert stop.reason is StopReason.CREDENTIALS_SPENT
    assert "Credentials were not asked about: other runs used the two logins" in stop.sentence
    again = accounts.again_after(stop, NOON + pbx.now)
    assert again is not None
    assert again.timestamp() == pytest.approx(began + 900.0, abs=5.0)
    diagnosis = examination.diagnosis()
    told = {cause for one in diagnosis.unasked for cause in one.causes}
    assert "credentials.wrong-password" in told
    assert "credentials" in headline(diagnosis)


def test_a_login_that_another_run_has_under_way_for_a_moment_blocks_none_for_long(state: Path) -> None:
    """Of a healthy trunk it is given back, and then ours is asked."""
    pbx = trunk()
    ours, others = (Accounts.of(planned()).shared(lambda: NOON + pbx.now) for _ in range(2))
    assert [others.take(Account.OWN) for _ in range(2)] == [True, True]

    def give_both_back() -> None:
        others.give_back(Account.OWN)
        others.give_back(Account.OWN)

    pbx.call_at(pbx.now + 2.2 * PAUSE_SECONDS, give_both_back)
    examination = examine(pbx, CASE, Permission(), logins=ours)
    assert any(one.auth_user == "shiftline" for one in pbx.records if one.carried_credentials)
    assert examination.diagnosis().shows_no_fault
    assert RefusedLogins(state).lately(KEY, NOON + pbx.now) == ()


def test_a_login_counts_from_before_it_leaves(state: Path) -> None:
    """Else a run beside it would send one more; what was not refused is given back."""
    one, other = (Accounts.of(planned()).shared(lambda: NOON) for _ in range(2))
    assert one.take(Account.OWN)
    assert other.take(Account.OWN)
    assert not Accounts.of(planned()).shared(lambda: NOON).take(Account.OWN)
    other.give_back(Account.OWN)
    assert RefusedLogins(state).lately(KEY, NOON) == (NOON,)


def test_a_login_that_passes_is_not_kept(state: Path) -> None:
    """Of a healthy trunk nothing is counted in the end."""
    pbx = trunk()
    logins = Accounts.of(planned()).shared(lambda: NOON + pbx.now)
    examine(pbx, CASE, Permission(), logins=logins)
    assert RefusedLogins(state).lately(KEY, NOON + pbx.now) == ()


def test_logins_that_are_refused_though_the_password_passes_are_few_and_kept(state: Path) -> None:
    """A rule about the digest's URI takes some to find; who counts failures does not know why they failed."""
    pbx = trunk("credentials.digest-uri")
    logins = Accounts.of(planned()).shared(lambda: NOON + pbx.now)
    examination = examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP), logins=logins)
    own = [at for account, at in examination.refused_logins if account is Account.OWN]
    assert len(own) <= MOST_REFUSED_CREDENTIALS + MOST_REFUSED_ONCE_PROVEN
    assert len(RefusedLogins(state).lately(KEY, NOON + pbx.now)) == len(own)
    ledger = Ledger()
    ledger.note(Account.OWN, Credentials.FRESH, Outcome.OK, 0.0)
    for at in range(MOST_REFUSED_ONCE_PROVEN):
        assert ledger.take(Account.OWN, Credentials.FRESH, float(at))
        ledger.note(Account.OWN, Credentials.FRESH, Outcome.CHALLENGE_AGAIN, float(at))
    assert not ledger.take(Account.OWN, Credentials.FRESH, 10.0)


def test_a_run_knows_what_was_refused_before() -> None:
    """One refusal of an earlier run leaves one login."""
    pbx = trunk("credentials.wrong-password")
    before = {Account.OWN: [pbx.now - 60.0], Account.OTHER: [pbx.now - 60.0, pbx.now - 30.0]}
    examination = examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP), refused_before=before)
    assert isinstance(examination, Examination)
    tried = [one.auth_user for one in pbx.records if one.carried_credentials]
    assert tried.count("shiftline") == 1
    assert tried.count("agent0002") == 0
