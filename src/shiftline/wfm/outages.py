"""Why an exchange over HTTP failed, in words that help: the system's own where it had some."""

from __future__ import annotations

import os
import socket
import ssl

import httpx

_KINDS: tuple[tuple[type[httpx.HTTPError], str], ...] = (
    (httpx.ConnectTimeout, "no connection came about in time"),
    (httpx.TimeoutException, "no answer came in time"),
    (httpx.RemoteProtocolError, "it hung up in the middle, or does not speak HTTP"),
    (httpx.ConnectError, "no connection can be made"),
    (httpx.NetworkError, "the connection broke off"),
)


def outage_in_words(error: httpx.HTTPError) -> str:
    """Such as ``connection refused``; without a full stop."""
    said = next((words for kind, words in _KINDS if isinstance(error, kind)), "the exchange failed")
    cause = _of_system(error)
    return f"{said} ({cause})" if cause else said


def _of_system(error: BaseException) -> str:
    """What the operating system said, at the bottom of the errors that led to this one."""
    found, said = error, ""
    while (below := found.__cause__ or found.__context__) is not None:
        found = below.exceptions[0] if isinstance(below, BaseExceptionGroup) else below
        if isinstance(found, OSError) and found.errno is not None:
            said = _strerror(found, found.errno)
    return said


def _strerror(error: OSError, number: int) -> str:
    """Look-ups and TLS have numbers of their own; of the rest asyncio rewrites the words, not the number."""
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or ""
    return os.strerror(number)
