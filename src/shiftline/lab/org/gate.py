"""What a request passes around its handler: faults, size, token, limits, permission, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shiftline.lab.org.accounts import OAuthClient, require
from shiftline.lab.org.faults import FaultName
from shiftline.lab.org.limits import Usage
from shiftline.lab.org.practice import PracticeOrg
from shiftline.lab.org.refusals import ApiError, TokenError, too_many

CORRELATION = "ININ-Correlation-Id"
Drop = Callable[[tuple[str, int]], None]
"""Cuts the connection of the client with this address and port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that passed the gate."""

    request: Request
    caller: OAuthClient
    body: bytes
    correlation_id: str


Handler = Callable[[PracticeOrg, Call], Response]
PublicHandler = Callable[[PracticeOrg, Request, bytes], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One documented operation: who may call it and whether it takes from the shift-trading budget."""

    method: str
    path: str
    handler: Handler
    permissions: frozenset[str] = frozenset()
    takes_budget: bool = False


class DroppedError(Exception):
    """The connection shall end without an answer."""


class Gate:
    """Wraps handlers into Starlette endpoints."""

    def __init__(self, practice: PracticeOrg, drop: Drop) -> None:
        self._practice = practice
        self._drop = drop

    def endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of an operation that needs a token."""

        async def run(request: Request, body: bytes, headers: dict[str, str]) -> Response:
            caller = self._admit(request, operation, headers)
            self._conflict(request.url.path)
            correlation = headers[CORRELATION]
            call = Call(request=request, caller=caller, body=body, correlation_id=correlation)
            return operation.handler(self._practice, call)

        return self._wrap(operation.path, run)

    def public(self, path: str, handler: PublicHandler) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a handler that needs no token."""

        async def run(request: Request, body: bytes, headers: dict[str, str]) -> Response:  # noqa: ARG001
            return handler(self._practice, request, body)

        return self._wrap(path, run)

    def _wrap(
        self, path: str, run: Callable[[Request, bytes, dict[str, str]], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            practice = self._practice
            practice.requests[f"{request.method} {path}"] += 1
            headers = {CORRELATION: request.headers.get(CORRELATION) or practice.new_token()}
            try:
                body = await request.body()
                await self._break_before(request.url.path)
                self._check_size(body)
                practice.catch_up()
                response = self._break_after(request.url.path, await run(request, body, headers))
            except ApiError as error:
                response = error.response(headers[CORRELATION])
            except TokenError as error:
                response = error.response()
            except DroppedError:
                return await self._cut(request)
            response.headers.update(headers)
            practice.statuses[response.status_code] += 1
            return response

        return endpoint

    async def _break_before(self, path: str) -> None:
        faults = self._practice.faults
        if faults.strikes(FaultName.DROP_BEFORE, path):
            raise DroppedError
        if slow := faults.strikes(FaultName.SLOW, path):
            await asyncio.sleep(slow.seconds)
        if limited := faults.strikes(FaultName.HTTP_429, path):
            limit = _limit(
                "token.rate.per.minute", "platform.api", self._practice.settings.requests_per_minute
            )
            raise too_many("Rate limit exceeded.", retry_after_seconds=limited.seconds, limit=limit)
        if broken := faults.strikes(FaultName.SERVER_5XX, path):
            raise ApiError(broken.status, "service.unavailable", "The service is temporarily unavailable.")

    def _check_size(self, body: bytes) -> None:
        most = self._practice.settings.max_request_bytes
        if len(body) > most:
            limit = _limit("request.bytes.max", "platform.api", most)
            raise ApiError(413, "request.entity.too.large", f"The request is over {most} bytes.", limit=limit)

    def _admit(self, request: Request, operation: Operation, headers: dict[str, str]) -> OAuthClient:
        practice, now = self._practice, self._practice.monotonic()
        token, caller = practice.accounts.authenticate(request.headers.get("Authorization", ""), now)
        usage = practice.general_limit.take(token, now)
        headers.update(usage.headers)
        _refuse_beyond(usage, "client.credentials.token.rate.per.minute", "platform.api")
        lost = practice.faults.strikes(FaultName.FORBIDDEN_403, request.url.path)
        require(replace(caller, permissions=frozenset()) if lost else caller, operation.permissions)
        if operation.takes_budget:
            usage = practice.trading_limit.take(caller.id, now)
            headers.update(usage.headers)
            key = "shift.trading.rate.per.user.per.minute"
            _refuse_beyond(usage, key, "workforce.management.shift.trading")
        return caller

    def _conflict(self, path: str) -> None:
        if self._practice.faults.strikes(FaultName.CONFLICT_409, path):
            raise ApiError(409, "conflict", "The resource was changed by another request.")

    def _break_after(self, path: str, response: Response) -> Response:
        faults = self._practice.faults
        if faults.strikes(FaultName.DROP_AFTER_COMMIT, path):
            raise DroppedError
        if faults.strikes(FaultName.GARBAGE, path):
            return PlainTextResponse("<html><body>Please stand by", media_type="text/html")
        return response

    async def _cut(self, request: Request) -> Response:
        if request.client:
            self._drop((request.client.host, request.client.port))
        await request.receive()  # the body is read: what comes next is the end of the connection
        return Response()


def _limit(key: str, namespace: str, value: int) -> dict[str, str | int]:
    return {"key": key, "namespace": namespace, "value": value}


def _refuse_beyond(usage: Usage, key: str, namespace: str) -> None:
    if not usage.granted:
        limit = _limit(key, namespace, usage.allowed)
        message = f"Rate limit exceeded the maximum [{usage.allowed}] requests per minute."
        raise too_many(message, retry_after_seconds=usage.reset_seconds, limit=limit)
