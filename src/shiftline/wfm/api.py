"""One HTTP request to Genesys: token, timeouts, and what an error answer means (section 7.3).

A request is sent once. Only a 401 is answered by a second try, with one new token, because then
nothing was done; a POST whose answer was lost is never sent again from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from shiftline.errors import (
    ForbiddenError,
    NotSentError,
    PeerError,
    RefusedError,
    ShiftlineError,
    UnavailableError,
)
from shiftline.wfm import wire
from shiftline.wfm.outages import outage_in_words
from shiftline.wfm.token import TokenCache, retry_after

Model = TypeVar("Model", bound=BaseModel)
Query = Mapping[str, str | int | Sequence[str]]

_LONGEST_AGE_SECONDS = 2.0**31  # what RFC 9111 section 1.2.2 has a larger number taken for
_REMEDIES = {
    400: "Check the business unit, its management units and the custom attribute's schema in [wfm].",
    401: "Check that the OAuth client was not disabled.",
    403: "Give the OAuth client a role that holds the named permission, for the right division.",
    404: "Check the business unit and management unit ids in [wfm].",
}


class GenesysApi:
    """Sends requests and returns answers below 400; everything else is an error."""

    def __init__(self, http: httpx.AsyncClient, tokens: TokenCache, api_url: str) -> None:
        self._http = http
        self._tokens = tokens
        self._api_url = api_url.rstrip("/")

    async def get(self, path: str, model: type[Model], query: Query | None = None) -> Model:
        """Read one resource."""
        return (await self.get_aged(path, model, query))[0]

    async def get_aged(
        self, path: str, model: type[Model], query: Query | None = None
    ) -> tuple[Model, float]:
        """Read one resource; return also how old the answer is, in seconds (RFC 9111 section 5.1)."""
        response = await self._send(self._http.build_request("GET", self._api_url + path, params=query))
        return wire.read(model, response.content, f"GET {path}"), _age(response)

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """Post once. After an UnavailableError without ``retry_after_seconds`` it may have taken effect."""
        return await self._send(self._http.build_request("POST", self._api_url + path, json=body))

    async def download(self, url: str, model: type[Model]) -> Model:
        """Fetch a result that was too large to inline. The address is signed: it gets no token of ours."""
        try:
            request = self._http.build_request("GET", url)
        except httpx.InvalidURL as error:
            raise PeerError(f"Genesys gave a download address that is none: {error}.") from error
        response = await self._exchange(request)
        if response.status_code >= 400:
            raise _failure(response)
        return wire.read(model, response.content, "a download")

    async def ready(self) -> None:
        """Have a token at hand, so that a request that counts goes out without delay."""
        await self._tokens.token()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response = await self._authorised(request)
        if response.status_code == 401:
            response = await self._authorised(request)
        if response.status_code >= 300:
            raise _failure(response)
        return response

    async def _authorised(self, request: httpx.Request) -> httpx.Response:
        token = await self._tokens.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = await self._exchange(request)
        if response.status_code == 401:
            self._tokens.discard(token)
        return response

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._http.send(request)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"Genesys did not answer {request.method} {request.url.path}: {outage_in_words(error)}.",
                remedy="Check api_url and the network.",
            ) from error


def _failure(response: httpx.Response) -> ShiftlineError:
    status, request = response.status_code, response.request
    text = f"Genesys answered HTTP {status} to {request.method} {request.url.path}{_words(response)}."
    if status == 429:
        # A POST that was turned away did nothing; a GET asks about something that may be done already.
        kind = NotSentError if request.method == "POST" else UnavailableError
        return kind(text, retry_after_seconds=retry_after(response) or 60.0)
    if status in (408, 409) or status >= 500:
        return UnavailableError(text, retry_after_seconds=retry_after(response))
    if status < 400:
        return PeerError(text, remedy="Check api_url: the API does not redirect.")
    refusal = ForbiddenError if status == 403 else RefusedError
    return refusal(text, remedy=_REMEDIES.get(status, "Please report it."))


def _age(response: httpx.Response) -> float:
    """What a cache on the way says about the answer's age; without such a word it is new."""
    text = response.headers.get("Age", "")
    return min(float(text), _LONGEST_AGE_SECONDS) if text.isdecimal() else 0.0


def _words(response: httpx.Response) -> str:
    """What an error answer says of itself; a proxy's page says nothing we could use."""
    correlation = response.headers.get("ININ-Correlation-Id")
    trail = f"; correlation id {correlation}" if correlation else ""
    try:
        body = wire.ErrorBody.model_validate_json(response.content)
    except ValidationError:
        return trail
    return f" ({body.code}: {body.message.rstrip('.')}){trail}"
