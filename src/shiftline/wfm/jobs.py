"""Shift-trading jobs: one POST, then either its inline result or polling (facts/genesys.md section 2.2).

The HTTP status decides. After a 200 the job cannot be asked for; after a 202 it is asked for until it
ends, by the same OAuth client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, TypeVar

from pydantic import BaseModel

from shiftline.errors import NotSentError, PeerError, RefusedError, UnavailableError
from shiftline.wfm import wire
from shiftline.wfm.api import GenesysApi
from shiftline.wfm.settings import GenesysSettings

Result = TypeVar("Result", bound=BaseModel)
Reserve = Callable[[], Awaitable[float]]
"""Takes one call from the shift-trading budget: 0.0, or how many seconds to wait when it took none."""


async def unlimited() -> float:
    """Reserve nothing; for single calls by hand."""
    return 0.0


class JobRunner:
    """Runs jobs within the call budget."""

    def __init__(self, api: GenesysApi, settings: GenesysSettings, reserve: Reserve) -> None:
        self._api = api
        self._steps = settings.poll_steps_seconds
        self._timeout_seconds = settings.job_timeout_seconds
        self._reserve = reserve

    async def run(self, path: str, body: Mapping[str, Any], result: type[Result]) -> Result:
        """Run one job to its result.

        Raises NotSentError with ``retry_after_seconds`` when the budget is spent, UnavailableError when
        the answer is lost or late: then the job may have done its work.
        """
        await self._api.ready()
        wait_seconds = await self._reserve()
        if wait_seconds > 0:
            raise NotSentError(
                f"The budget of shift-trading calls is spent for {wait_seconds:.1f} s.",
                retry_after_seconds=wait_seconds,
            )
        # pydantic needs the parameter as a value; mypy cannot see that it is the one of the signature.
        envelope: type[wire.Job[Result]] = wire.Job[result]  # type: ignore[valid-type]
        response = await self._api.post(path, body)
        job = wire.read(envelope, response.content, f"POST {path}")
        if response.status_code == 202:
            job = await self._poll(path, job, envelope)
        return await self._result(path, job, envelope)

    async def _poll(
        self, path: str, job: wire.Job[Result], envelope: type[wire.Job[Result]]
    ) -> wire.Job[Result]:
        if job.id is None:
            raise PeerError(f"Genesys accepted POST {path} but gave no job id.")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                for pause in self._pauses():
                    if job.status != "Processing":
                        return job
                    await asyncio.sleep(pause)
                    job = await self._look(f"{path}/{job.id}", job, envelope)
        except TimeoutError as error:
            raise UnavailableError(
                f"A Genesys job ({path}) was not done within {self._timeout_seconds:g} s."
            ) from error
        raise AssertionError("pauses never end")

    async def _look(
        self, path: str, job: wire.Job[Result], envelope: type[wire.Job[Result]]
    ) -> wire.Job[Result]:
        """Read the job once. Reading does no harm, so an outage only makes us look again later."""
        try:
            return await self._api.get(path, envelope)
        except UnavailableError as error:
            await asyncio.sleep(error.retry_after_seconds or 0.0)
            return job

    def _pauses(self) -> Iterator[float]:
        return chain(self._steps, repeat(self._steps[-1]))

    async def _result(self, path: str, job: wire.Job[Result], envelope: type[wire.Job[Result]]) -> Result:
        if job.status in {"Error", "Canceled"}:
            raise _failed(path, job.status, job.error or wire.ErrorBody())
        if job.download_url:
            job = await self._api.download(job.download_url, envelope)
        if job.result is None:
            raise PeerError(f"Genesys ended a job ({path}, {job.status}) without a result.")
        return job.result


def _failed(path: str, status: str, error: wire.ErrorBody) -> RefusedError | UnavailableError:
    words = f"A Genesys job ({path}) ended as {status} ({error.code}: {error.message})."
    refused = error.status is not None and 400 <= error.status < 500 and error.status not in (408, 409, 429)
    return (
        RefusedError(words, remedy="Check [wfm] and the platform's message.")
        if refused
        else UnavailableError(words)
    )
