"""The practice org on a socket: Starlette run by uvicorn, in this process or as a child (`__main__`)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from shiftline.errors import UnavailableError
from shiftline.lab.org.control import control_routes
from shiftline.lab.org.gate import CORRELATION, Drop, Gate
from shiftline.lab.org.operations import operations
from shiftline.lab.org.practice import PracticeOrg
from shiftline.lab.org.refusals import ApiError, TokenError, not_found
from shiftline.secrets import Secret


def _issue_token(practice: PracticeOrg, request: Request, body: bytes) -> Response:
    form = parse_qs(body.decode("latin-1"))
    if form.get("grant_type") != ["client_credentials"]:
        raise TokenError("unsupported_grant_type", "only client_credentials is supported", status=400)
    client_id, secret = _basic(request.headers.get("Authorization", ""))
    token, client = practice.accounts.issue(client_id, secret, practice.monotonic())
    return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": client.token_seconds})


def _basic(authorization: str) -> tuple[str, Secret]:
    scheme, _, text = authorization.partition(" ")
    try:
        client_id, separator, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenError("invalid_request", "the Authorization header cannot be read", status=400) from error
    if scheme.lower() != "basic" or not separator:
        raise TokenError("invalid_request", "Basic authorization is needed", status=400)
    return client_id, Secret(secret)


def _download(practice: PracticeOrg, request: Request, body: bytes) -> Response:  # noqa: ARG001
    content = practice.downloads.get(request.path_params["name"])
    if content is None:
        raise not_found("The download")
    return Response(content, media_type="application/json")


async def _unknown_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    refusal = not_found(f"{request.method} {request.url.path}")
    if status != 404:
        refusal = ApiError(status, "not.supported", str(error))
    correlation = request.headers.get(CORRELATION, "none")
    response = refusal.response(correlation)
    response.headers[CORRELATION] = correlation
    return response


def application(practice: PracticeOrg, drop: Drop) -> Starlette:
    """Return the practice org as an ASGI application; ``drop`` cuts a client's connection."""
    gate = Gate(practice, drop)
    routes = [
        Route(operation.path, gate.endpoint(operation), methods=[operation.method])
        for operation in operations(job_reads_count=practice.settings.job_reads_count)
    ]
    public = [
        Route("/oauth/token", gate.public("/oauth/token", _issue_token), methods=["POST"]),
        Route("/downloads/{name}", gate.public("/downloads/{name}", _download), methods=["GET"]),
    ]
    handlers = {HTTPException: _unknown_route}
    return Starlette(routes=[*routes, *public, *control_routes(practice)], exception_handlers=handlers)


class _Server(uvicorn.Server):
    """Leaves signals to the process that runs it, and tells when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets=sockets)
        finally:
            self.up.set()

    def drop(self, client: tuple[str, int]) -> None:
        """Cut the connection of the client with this address and port."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol) and connection.client == client:
                connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"The practice org cannot listen on {host}:{port}: {error.strerror}.",
            remedy="Choose another port, or end the program that uses it.",
        ) from error
    return listener


@asynccontextmanager
async def serve(practice: PracticeOrg, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a practice org while the block runs; yields its base URL. Port 0 takes a free one.

    Raises UnavailableError when the port is taken.
    """
    listener = _listen(host, port)

    def drop(client: tuple[str, int]) -> None:
        server.drop(client)

    config = uvicorn.Config(
        application(practice, drop),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,  # longer than the client's own, so that no request meets a closing connection
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
    try:
        await server.up.wait()
        bound_host, bound_port = listener.getsockname()
        yield f"http://{bound_host}:{bound_port}"
    finally:
        server.should_exit = True
        await serving
        listener.close()
