"""The errors of Shiftline, by whose fault they are.

ShiftlineError
├── ConfigurationError   the user's file, environment or command line; exit code 2
├── PeerError            what another machine sent breaks its own standard
│   └── SipSyntaxError   a SIP message that cannot be read (RFC 3261 section 25)
├── UnavailableError     a machine we need does not answer now; worth trying again
│   └── NotSentError     the same, and certainly nothing was done by it: no doubt to resolve
├── RefusedError         a machine we need understood and said no; trying again changes nothing
│   └── ForbiddenError   it lacks a permission there (HTTP 403 of an API; a SIP 403 is a value)
└── MisuseError          our own code broke a contract; a defect

A refused trade or a 403 is a *value*, not an exception. Each message is one sentence that says what
happened and why; ``remedy`` says what to do next.
"""

from __future__ import annotations


class ShiftlineError(Exception):
    """Base of all; ``remedy`` is the next step for the person who reads it."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class ConfigurationError(ShiftlineError):
    """The configuration or the command line cannot be used; nothing was started."""

    exit_code = 2


class PeerError(ShiftlineError):
    """Another machine sent something that its standard forbids; the message is kept, not trusted."""


class SipSyntaxError(PeerError):
    """A SIP message or header value that cannot be read (RFC 3261 section 25)."""


class UnavailableError(ShiftlineError):
    """A machine we depend on does not answer; ``retry_after_seconds`` is its own wish, if it had one."""

    def __init__(self, message: str, *, remedy: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_seconds = retry_after_seconds


class NotSentError(UnavailableError):
    """Nothing left for the other machine, or it turned the call away unread (a spent budget, HTTP 429)."""


class RefusedError(ShiftlineError):
    """A machine we depend on refused on purpose (wrong secret, missing permission)."""


class ForbiddenError(RefusedError):
    """A machine we depend on knows who asks, and that he may not (HTTP 403); a person must grant it."""


class MisuseError(ShiftlineError):
    """A contract inside Shiftline was broken. Please report it."""
