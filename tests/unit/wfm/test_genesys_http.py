"""Tokens, retries and what status codes mean, with scripted answers instead of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime

import httpx
import pytest

from shiftline.connector.records import BulkItem, BulkResult, Delivery, Evaluated
from shiftline.errors import PeerError, RefusedError, ShiftlineError, UnavailableError
from shiftline.secrets import Secret
from shiftline.trades.model import TradeState, Verdict
from shiftline.wfm import wire
from shiftline.wfm.api import GenesysApi
from shiftline.wfm.genesys import GenesysCloud
from shiftline.wfm.jobs import JobRunner, unlimited
from shiftline.wfm.settings import GenesysSettings
from shiftline.wfm.token import TokenCache

SETTINGS = GenesysSettings(
    api_url="https://api.example/",
    login_url="https://login.example",
    client_id="client",
    client_secret=Secret("s3cret"),
    business_unit="bu",
    poll_steps_seconds=(0.0,),
    job_timeout_seconds=0.2,
)
JOBS = "/x/jobs"
Answer = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers API requests in turn, the last answer again and again; grants numbered tokens."""

    def __init__(self, *answers: httpx.Response | Exception, token_seconds: int = 3600) -> None:
        self._answers = list(answers)
        self._token_seconds = token_seconds
        self.seen: list[httpx.Request] = []
        self.authorizations: list[str | None] = []
        self.tokens = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            self.tokens += 1
            await asyncio.sleep(0)
            grant = {"access_token": f"token-{self.tokens}", "expires_in": self._token_seconds}
            return httpx.Response(200, json=grant)
        self.seen.append(request)
        self.authorizations.append(request.headers.get("Authorization"))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def requests(self) -> list[str]:
        """What the API was asked, in order."""
        return [f"{request.method} {request.url.path}" for request in self.seen]


def client(script: Answer | Script) -> httpx.AsyncClient:
    """An HTTP client whose server is the script."""
    return httpx.AsyncClient(transport=httpx.MockTransport(script))


def done(**result: object) -> httpx.Response:
    """A completed job that carries this result."""
    return httpx.Response(200, json={"id": "j", "status": "Complete", **result})


NO_WEEKS: dict[str, object] = {"queryWeekSummariesResult": {"weeks": []}}
PROCESSING = httpx.Response(202, json={"id": "j", "status": "Processing"})
STILL = httpx.Response(200, json={"id": "j", "status": "Processing"})


async def run(script: Script) -> wire.WeekCounts:
    """Run one summary job against the script."""
    async with client(script) as http:
        api = GenesysApi(http, TokenCache(http, SETTINGS), SETTINGS.api_url)
        return await JobRunner(api, SETTINGS, unlimited).run(JOBS, {}, wire.WeekCounts)


async def test_many_tasks_share_one_token() -> None:
    """Ten requests at once make one token request."""
    script = Script(done())
    async with client(script) as http:
        tokens = TokenCache(http, SETTINGS)
        got = await asyncio.gather(*(tokens.token() for _ in range(10)))
    assert set(got) == {"token-1"}
    assert script.tokens == 1


async def test_a_refused_token_is_replaced_once_by_all_together() -> None:
    """Who comes late with the old token does not throw the new one away."""
    script = Script(done())
    async with client(script) as http:
        tokens = TokenCache(http, SETTINGS)
        old = await tokens.token()
        tokens.discard(old)
        assert await tokens.token() == "token-2"
        tokens.discard(old)
        assert await tokens.token() == "token-2"


async def test_an_expired_token_is_renewed() -> None:
    """A token that has no time left is fetched anew."""
    script = Script(done(), token_seconds=0)
    async with client(script) as http:
        tokens = TokenCache(http, SETTINGS)
        assert [await tokens.token(), await tokens.token()] == ["token-1", "token-2"]


async def test_a_401_is_answered_with_one_new_token() -> None:
    """The request is sent again with the new token, and only once."""
    script = Script(httpx.Response(401, json={"code": "bad.credentials"}), done(**NO_WEEKS))
    assert (await run(script)).weeks == []
    assert script.authorizations == ["Bearer token-1", "Bearer token-2"]


async def test_a_second_401_is_a_refusal() -> None:
    """A new token that is refused too will not get better."""
    script = Script(httpx.Response(401, json={"code": "bad.credentials", "message": "No."}))
    with pytest.raises(RefusedError, match=r"bad\.credentials"):
        await run(script)
    assert len(script.seen) == 2


async def test_a_wrong_secret_is_refused_with_a_remedy_and_without_the_secret() -> None:
    """The sentence names the client and OAuth's own words, and never the secret."""

    def login(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": "invalid_client", "description": "client not found"})

    async with client(login) as http:
        with pytest.raises(
            RefusedError, match=r"'client'.*invalid_client: client not found.*Check"
        ) as raised:
            await TokenCache(http, SETTINGS).token()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(503), UnavailableError),
        (httpx.Response(429, headers={"Retry-After": "7"}), UnavailableError),
        (httpx.Response(404), PeerError),
        (httpx.Response(401, text="<html>"), PeerError),
        (httpx.Response(200, text="<html>"), PeerError),
    ],
)
async def test_a_login_that_fails_otherwise(answer: httpx.Response, error: type[ShiftlineError]) -> None:
    """A busy login is worth another try; one that is no OAuth server is not."""
    async with client(lambda _: answer) as http:
        with pytest.raises(error):
            await TokenCache(http, SETTINGS).token()


@pytest.mark.parametrize(
    ("answer", "error", "wait"),
    [
        (httpx.Response(429, headers={"Retry-After": "12"}), UnavailableError, 12.0),
        (httpx.Response(429), UnavailableError, 60.0),
        (httpx.Response(409), UnavailableError, None),
        (httpx.Response(408), UnavailableError, None),
        (httpx.Response(500), UnavailableError, None),
        (httpx.Response(503, headers={"Retry-After": "3"}), UnavailableError, 3.0),
        (httpx.Response(400, json={"code": "bad.request", "message": "No"}), RefusedError, None),
        (httpx.Response(403, json={"code": "missing.any.permissions"}), RefusedError, None),
        (httpx.Response(404, text="nothing here"), RefusedError, None),
        (httpx.Response(413), RefusedError, None),
        (httpx.Response(302, headers={"Location": "https://elsewhere"}), PeerError, None),
        (httpx.Response(200, text="<html>"), PeerError, None),
        (done(), PeerError, None),
        (httpx.ReadTimeout("slow"), UnavailableError, None),
        (httpx.RemoteProtocolError("gone"), UnavailableError, None),
        (httpx.ConnectError("nobody"), UnavailableError, None),
    ],
)
async def test_what_an_answer_to_a_post_means(
    answer: httpx.Response | Exception, error: type[ShiftlineError], wait: float | None
) -> None:
    """Every failure is an error of ours, and a POST is never sent a second time."""
    script = Script(answer)
    with pytest.raises(error) as raised:
        await run(script)
    assert getattr(raised.value, "retry_after_seconds", None) == wait
    assert len(script.seen) == 1


async def test_error_messages_carry_the_correlation_id() -> None:
    """Support asks for it first."""
    headers = {"ININ-Correlation-Id": "abc-123"}
    with pytest.raises(RefusedError, match="abc-123"):
        await run(Script(httpx.Response(403, headers=headers, json={"code": "missing.permissions"})))


async def test_a_spent_budget_sends_nothing() -> None:
    """The wait that the budget names is handed on, and the WFM is not asked."""
    script = Script(done(**NO_WEEKS))

    async def spent() -> float:
        return 17.5

    async with client(script) as http:
        api = GenesysApi(http, TokenCache(http, SETTINGS), SETTINGS.api_url)
        with pytest.raises(UnavailableError) as raised:
            await JobRunner(api, SETTINGS, spent).run(JOBS, {}, wire.WeekCounts)
    assert raised.value.retry_after_seconds == 17.5
    assert script.seen == []


async def test_an_inline_result_is_never_polled() -> None:
    """After a 200 the job does not exist for us."""
    script = Script(done(**NO_WEEKS))
    await run(script)
    assert script.requests == [f"POST {JOBS}"]


async def test_a_202_is_polled_until_it_ends() -> None:
    """The job is read by its id until it is no longer Processing."""
    script = Script(PROCESSING, STILL, STILL, done(**NO_WEEKS))
    await run(script)
    assert script.requests == [f"POST {JOBS}"] + [f"GET {JOBS}/j"] * 3


async def test_an_outage_while_polling_is_waited_out() -> None:
    """Reading a job does no harm: 5xx, 429 and lost connections only cost time."""
    busy = httpx.Response(429, headers={"Retry-After": "0"})
    script = Script(PROCESSING, httpx.Response(503), httpx.ReadError("gone"), done(**NO_WEEKS), busy)
    await run(script)
    assert len(script.seen) == 4


async def test_a_job_that_never_ends_is_given_up() -> None:
    """After the limit its fate is unknown, which is an outage and no refusal."""
    with pytest.raises(UnavailableError, match="was not done within"):
        await run(Script(PROCESSING, STILL))


@pytest.mark.parametrize(
    ("job", "error"),
    [
        (
            {"status": "Error", "error": {"status": 400, "code": "invalid.date", "message": "No"}},
            RefusedError,
        ),
        ({"status": "Error", "error": {"status": 409, "code": "conflict"}}, UnavailableError),
        ({"status": "Error", "error": {"status": 503}}, UnavailableError),
        ({"status": "Error"}, UnavailableError),
        ({"status": "Canceled"}, UnavailableError),
        ({"status": "StatusOfNextYear"}, PeerError),
    ],
)
async def test_a_job_that_fails(job: dict[str, object], error: type[ShiftlineError]) -> None:
    """A job's own error decides whether another try makes sense."""
    with pytest.raises(error):
        await run(Script(httpx.Response(200, json={"id": "j", **job})))


async def test_a_202_without_an_id_is_the_peers_fault() -> None:
    """There is nothing to ask for."""
    with pytest.raises(PeerError, match="no job id"):
        await run(Script(httpx.Response(202, json={"status": "Processing"})))


async def test_a_download_gets_no_token() -> None:
    """The address is signed and may be another company's: our token must not go there."""
    script = Script(done(downloadUrl="https://files.example/f?signature=1"), done(**NO_WEEKS))
    await run(script)
    assert script.seen[1].url.host == "files.example"
    assert script.authorizations == ["Bearer token-1", None]


@pytest.mark.parametrize(
    ("url", "answer", "error"),
    [
        ("https://files.example/f", httpx.Response(404), RefusedError),
        ("https://files.example/f", httpx.Response(503), UnavailableError),
        ("https://files.example/f", httpx.Response(200, text="{"), PeerError),
        ("https://files.example/\0", httpx.Response(200), PeerError),
    ],
)
async def test_a_download_that_fails(url: str, answer: httpx.Response, error: type[ShiftlineError]) -> None:
    """Each way to fail is one of our errors."""
    with pytest.raises(error):
        await run(Script(done(downloadUrl=url), answer))


async def test_a_large_delivery_goes_in_several_jobs_and_each_is_budgeted() -> None:
    """Bodies stay under the platform's limit; every job takes one call."""
    script = Script(done(bulkUpdateTradeStatesResult={"entities": []}))
    calls = 0

    async def counted() -> float:
        nonlocal calls
        calls += 1
        return 0.0

    items = [
        BulkItem(external_id=f"{number:036}", state=TradeState.APPROVED, version=2) for number in range(6000)
    ]
    async with client(script) as http:
        genesys = GenesysCloud(
            http, SETTINGS, clock=lambda: datetime(2026, 11, 23, tzinfo=UTC), reserve=counted
        )
        await genesys.deliver([("mu", datetime(2026, 11, 23, tzinfo=UTC).date())], items)
        assert not (await genesys.evaluate([])).trades
        assert not await genesys.read_back([])
        assert not await genesys.profiles([])
    assert len(script.seen) == calls == 2
    assert all(len(request.content) < 480_000 for request in script.seen)


async def test_a_trade_that_cannot_be_read_is_not_gone() -> None:
    """Evaluated, it is named as illegible; read back, it has no state."""
    week = date(2026, 11, 23)
    broken: dict[str, object] = {"id": "t1", "state": "Matched"}
    script = Script(
        done(evaluateTradesResult={"entities": [{"trade": broken}]}),
        done(queryTradesResult={"entities": [broken, broken | {"id": "another"}]}),
    )
    sent = Delivery(
        trade_id=1,
        external_id="t1",
        management_unit="mu",
        week_date=week,
        agents=("ada", "ben"),
        version=2,
        verdict=Verdict.APPROVE,
        deadline=datetime(2026, 11, 23, tzinfo=UTC),
        attempts=1,
    )
    async with client(script) as http:
        genesys = GenesysCloud(
            http, SETTINGS, clock=lambda: datetime(2026, 11, 23, tzinfo=UTC), reserve=unlimited
        )
        assert await genesys.evaluate([("mu", week)]) == Evaluated(trades=[], illegible={"t1"})
        assert await genesys.read_back([sent]) == [BulkResult(external_id="t1", state=None, version=None)]
