"""The OAuth access token: fetched by one task at a time, kept until it expires (section 7.1)."""

from __future__ import annotations

import asyncio

import httpx

from shiftline.errors import PeerError, RefusedError, UnavailableError
from shiftline.wfm import wire
from shiftline.wfm.outages import outage_in_words
from shiftline.wfm.settings import GenesysSettings

_MARGIN_SECONDS = 60.0
"""A token is not used in its last minute: it could expire on the way."""


class TokenCache:
    """Holds the client-credentials token of one OAuth client."""

    def __init__(self, http: httpx.AsyncClient, settings: GenesysSettings) -> None:
        self._http = http
        self._settings = settings
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._usable_until = 0.0

    async def token(self) -> str:
        """Return a token that is good for now; waits while another task fetches it.

        Raises RefusedError when id or secret is wrong, UnavailableError when nobody answers.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._token is None or now >= self._usable_until:
                grant = await self._fetch()
                self._token = grant.access_token
                self._usable_until = now + max(grant.expires_in - _MARGIN_SECONDS, grant.expires_in / 2)
            return self._token

    def discard(self, token: str) -> None:
        """Forget this token because the API refused it; one that was fetched since is kept."""
        if self._token == token:
            self._token = None

    async def _fetch(self) -> wire.TokenGrant:
        url = f"{self._settings.login_url.rstrip('/')}/oauth/token"
        secret = self._settings.client_secret.reveal()
        try:
            response = await self._http.post(
                url, data={"grant_type": "client_credentials"}, auth=(self._settings.client_id, secret)
            )
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"Genesys's login at {url} does not answer: {outage_in_words(error)}.",
                remedy="Check login_url and the network.",
            ) from error
        if response.status_code == 200:
            return wire.read(wire.TokenGrant, response.content, "a token request")
        raise _refusal(response, self._settings.client_id)


def _refusal(response: httpx.Response, client_id: str) -> Exception:
    status = response.status_code
    if status == 429 or status >= 500:
        return UnavailableError(
            f"Genesys's login answered {status}.", retry_after_seconds=retry_after(response)
        )
    if status not in (400, 401, 403):
        return PeerError(f"Genesys's login answered {status}.", remedy="Check login_url.")
    words = wire.read(wire.TokenError, response.content, "a token request")
    reason = words.error_description or words.description or words.error
    return RefusedError(
        f"Genesys refused the OAuth client {client_id!r} ({status} {words.error}: {reason}).",
        remedy="Check wfm.client_id, its secret, and that its grant type is client credentials.",
    )


def retry_after(response: httpx.Response) -> float | None:
    """Return the ``Retry-After`` header in seconds, None when there is none in digits."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
