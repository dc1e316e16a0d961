"""OAuth clients of the practice org and the tokens they hold (facts/genesys.md section 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shiftline.lab.org.refusals import ApiError, TokenError
from shiftline.lab.process import WrittenSecret

VIEW = "wfm:shiftTradeRequest:view"
EDIT = "wfm:shiftTradeRequest:edit"
SCHEDULES = "wfm:publishedSchedule:view"
ADHERENCE = "wfm:realtimeAdherence:view"
CONNECTOR_PERMISSIONS = frozenset({VIEW, EDIT, SCHEDULES})
"""The least set the connector needs, as long as it does not fall back on the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A client-credentials client with the permissions of its roles."""

    id: str
    secret: WrittenSecret
    permissions: frozenset[str] = CONNECTOR_PERMISSIONS | {ADHERENCE}
    token_seconds: int = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token; ``expires_at`` is on the server's monotonic clock."""

    client: OAuthClient
    expires_at: float


class Accounts:
    """Issues tokens and knows whose they are. ``new_token`` makes unguessable text."""

    def __init__(self, clients: Iterable[OAuthClient], *, new_token: Callable[[], str]) -> None:
        self._clients = {client.id: client for client in clients}
        self._tokens: dict[str, Token] = {}
        self._new_token = new_token
        self.issued = 0

    def issue(self, client_id: str, secret: WrittenSecret, now: float) -> tuple[str, OAuthClient]:
        """Return a fresh access token; raises TokenError for a wrong id or secret."""
        client = self._clients.get(client_id)
        if client is None or client.secret != secret:
            raise TokenError("invalid_client", "client id or client secret is wrong")
        text = self._new_token()
        self._tokens[text] = Token(client=client, expires_at=now + client.token_seconds)
        self.issued += 1
        return text, client

    def revoke_all(self) -> None:
        """Forget every token, as a deleted role or a restart at the other side would."""
        self._tokens.clear()

    def authenticate(self, authorization: str, now: float) -> tuple[str, OAuthClient]:
        """Return token and client of an ``Authorization`` header value; raises ApiError 401."""
        scheme, _, text = authorization.partition(" ")
        token = self._tokens.get(text.strip())
        if scheme.lower() != "bearer" or not text:
            raise ApiError(401, "authentication.required", "No authentication bearer token specified.")
        if token is None or token.expires_at <= now:
            raise ApiError(401, "bad.credentials", "Invalid login credentials.")
        return text.strip(), token.client


def require(client: OAuthClient, any_of: frozenset[str]) -> None:
    """Raise ApiError 403 unless the client holds one of these permissions; none needed when empty."""
    if any_of and not any_of & client.permissions:
        wanted = ", ".join(sorted(any_of))
        raise ApiError(
            403,
            "missing.any.permissions",
            f"You are missing at least one of the following permissions: {wanted}",
        )
