"""How the practice org says no: Genesys's `ErrorBody` (facts/genesys.md section 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class ApiError(Exception):
    """A request that ends in an error answer; ``limit`` names the limit that was hit."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.limit = limit

    def body(self, correlation_id: str) -> dict[str, Any]:
        """Return the error as Genesys writes it; ``contextId`` equals the correlation id."""
        answer: dict[str, Any] = {
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "messageParams": {},
            "contextId": correlation_id,
            "details": [],
            "errors": [],
        }
        return answer | ({"limit": dict(self.limit)} if self.limit else {})

    def response(self, correlation_id: str) -> JSONResponse:
        """Return the HTTP answer."""
        return JSONResponse(self.body(correlation_id), status_code=self.status, headers=self.headers)


def not_found(what: str) -> ApiError:
    """Return the error for something that does not exist, or that the caller may not know of."""
    return ApiError(404, "not.found", f"{what} was not found.")


def bad_request(message: str, code: str = "bad.request") -> ApiError:
    """Return the error for a request that breaks the API's own rules."""
    return ApiError(400, code, message)


def too_many(message: str, *, retry_after_seconds: float, limit: Mapping[str, str | int]) -> ApiError:
    """Return a 429 with ``Retry-After`` in whole seconds, never less than is needed."""
    seconds = max(1, -int(-retry_after_seconds // 1))
    text = f"{message} Retry the request in [{seconds}] seconds."
    return ApiError(429, "too.many.requests", text, headers={"Retry-After": str(seconds)}, limit=limit)


class TokenError(Exception):
    """A token request that failed; OAuth errors have a shape of their own."""

    def __init__(self, error: str, description: str, *, status: int = 401) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def response(self) -> JSONResponse:
        """Return the HTTP answer."""
        words = {"description": self.description, "error": self.error, "error_description": self.description}
        return JSONResponse(words, status_code=self.status)
