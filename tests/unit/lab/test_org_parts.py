"""Limits, accounts, faults and jobs of the practice org."""

from __future__ import annotations

from itertools import count

import pytest

from shiftline.lab.org.accounts import EDIT, VIEW, Accounts, OAuthClient, require
from shiftline.lab.org.faults import Fault, FaultBoard, FaultName
from shiftline.lab.org.jobs import Job, JobStore
from shiftline.lab.org.limits import SlidingWindow
from shiftline.lab.org.refusals import ApiError, TokenError, bad_request, too_many
from shiftline.secrets import Secret

CLIENT = OAuthClient(id="client", secret=Secret("right"), permissions=frozenset({VIEW}), token_seconds=100)


def accounts() -> Accounts:
    """One client; tokens are numbered."""
    numbers = count(1)
    return Accounts([CLIENT], new_token=lambda: f"token-{next(numbers)}")


def test_a_window_grants_its_number_in_any_sixty_seconds() -> None:
    """The sixth call within a minute is refused; it fits again when the first one is a minute old."""
    window = SlidingWindow(5)
    assert all(window.take("client", at).granted for at in (0.0, 10.0, 20.0, 30.0, 40.0))
    refused = window.take("client", 45.0)
    assert (refused.granted, refused.count, refused.allowed, refused.reset_seconds) == (False, 5, 5, 15.0)
    assert window.take("client", 60.0).granted
    assert not window.take("client", 60.0).granted


def test_windows_are_apart_by_key_and_tell_their_state() -> None:
    """Another client has a budget of its own; headers carry the three figures."""
    window = SlidingWindow(1)
    window.take("one", 0.0)
    usage = window.take("two", 0.0)
    assert usage.granted
    assert usage.headers == {
        "inin-ratelimit-count": "1",
        "inin-ratelimit-allowed": "1",
        "inin-ratelimit-reset": "61",
    }


def test_a_token_expires() -> None:
    """A token is good until its last second has passed."""
    book = accounts()
    text, _ = book.issue("client", Secret("right"), 0.0)
    assert book.authenticate(f"Bearer {text}", 99.9) == (text, CLIENT)
    with pytest.raises(ApiError) as raised:
        book.authenticate(f"Bearer {text}", 100.0)
    assert (raised.value.status, raised.value.code) == (401, "bad.credentials")


@pytest.mark.parametrize(("client", "secret"), [("client", "wrong"), ("nobody", "right")])
def test_wrong_credentials_get_no_token(client: str, secret: str) -> None:
    """Id and secret must both be right."""
    with pytest.raises(TokenError) as raised:
        accounts().issue(client, Secret(secret), 0.0)
    assert raised.value.error == "invalid_client"


@pytest.mark.parametrize("header", ["", "Basic token-1", "Bearer", "Bearer token-9"])
def test_a_request_without_a_good_token_is_401(header: str) -> None:
    """No header, another scheme and an unknown token are all unauthenticated."""
    with pytest.raises(ApiError) as raised:
        accounts().authenticate(header, 0.0)
    assert raised.value.status == 401


def test_revoked_tokens_are_unknown() -> None:
    """After a revocation every token is refused."""
    book = accounts()
    text, _ = book.issue("client", Secret("right"), 0.0)
    book.revoke_all()
    with pytest.raises(ApiError):
        book.authenticate(f"Bearer {text}", 1.0)


def test_any_one_of_the_permissions_is_enough() -> None:
    """A missing permission is a 403 that names what was wanted."""
    require(CLIENT, frozenset({VIEW, EDIT}))
    require(CLIENT, frozenset())
    with pytest.raises(ApiError) as raised:
        require(CLIENT, frozenset({EDIT}))
    assert (raised.value.status, raised.value.code) == (403, "missing.any.permissions")
    assert EDIT in raised.value.message


def struck(fault: Fault, requests: int, path: str = "/x/shifttrading/y") -> list[int]:
    """Which of the requests, counted from 1, the fault struck."""
    board = FaultBoard({FaultName.SERVER_5XX: fault})
    return [number for number in range(1, requests + 1) if board.strikes(FaultName.SERVER_5XX, path)]


def test_faults_strike_first_every_or_always() -> None:
    """The three ways of counting."""
    assert struck(Fault(first=2), 5) == [1, 2]
    assert struck(Fault(every=2), 5) == [2, 4]
    assert struck(Fault(), 3) == [1, 2, 3]
    assert struck(Fault(first=0), 3) == []


def test_a_random_fault_is_the_same_for_the_same_seed() -> None:
    """Seeds make chance repeatable, and the share is about right."""
    one, two = (struck(Fault(probability=0.3, seed=7), 1000) for _ in range(2))
    assert one == two
    assert 250 < len(one) < 350


def test_a_fault_concerns_its_route_only() -> None:
    """Faults are about shift trading unless told otherwise; a drop after the change is for bulk jobs."""
    assert struck(Fault(), 1, "/oauth/token") == []
    assert struck(Fault(route=""), 1, "/oauth/token") == [1]
    board = FaultBoard({FaultName.DROP_AFTER_COMMIT: Fault()})
    assert board.strikes(FaultName.DROP_AFTER_COMMIT, "/b/shifttrading/trades/query/jobs") is None
    assert board.strikes(FaultName.DROP_AFTER_COMMIT, "/b/shifttrading/trades/state/bulk/jobs")
    board.replace({})
    assert board.strikes(FaultName.DROP_AFTER_COMMIT, "/b/shifttrading/trades/state/bulk/jobs") is None


def job(work: list[str], ready_at: float = 5.0) -> Job:
    """A job that notes when its work is done."""

    def do() -> dict[str, object]:
        work.append("done")
        return {"result": 1}

    return Job(id="j", type="T", owner="client", path="/jobs", ready_at=ready_at, work=do, correlation_id="c")


def test_a_job_is_processing_until_its_time_has_come() -> None:
    """The work is done once, when the time has come, whoever asks."""
    done: list[str] = []
    store = JobStore()
    store.add(job(done))
    store.finish_due(4.9)
    assert (done, store.find("j", "T", "client").body()["status"]) == ([], "Processing")
    store.finish_due(5.0)
    store.finish_due(6.0)
    assert done == ["done"]
    assert store.find("j", "T", "client").body() == {
        "id": "j",
        "type": "T",
        "selfUri": "/jobs/j",
        "status": "Complete",
        "result": 1,
    }


@pytest.mark.parametrize(
    ("job_id", "kind", "owner"), [("x", "T", "client"), ("j", "U", "client"), ("j", "T", "x")]
)
def test_a_job_is_seen_by_who_started_it_only(job_id: str, kind: str, owner: str) -> None:
    """Another id, another kind and another client are all 404."""
    store = JobStore()
    store.add(job([]))
    with pytest.raises(ApiError) as raised:
        store.find(job_id, kind, owner)
    assert raised.value.status == 404


def test_a_job_that_is_refused_ends_in_error() -> None:
    """The refusal becomes the job's error body."""

    def refuse() -> dict[str, object]:
        raise bad_request("No.")

    refused = Job(id="j", type="T", owner="o", path="/jobs", ready_at=0.0, work=refuse, correlation_id="c")
    refused.finish()
    assert refused.body()["status"] == "Error"
    assert refused.body()["error"]["contextId"] == "c"


def test_retry_after_is_never_too_short() -> None:
    """Whole seconds, rounded up, at least one."""
    limit: dict[str, str | int] = {"key": "k", "namespace": "n", "value": 5}
    waits = [
        too_many("x", retry_after_seconds=wait, limit=limit).headers["Retry-After"]
        for wait in (0.1, 2.0, 2.1)
    ]
    assert waits == ["1", "2", "3"]
