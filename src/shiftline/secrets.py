"""A value that must not be seen."""

from __future__ import annotations

import hmac
import os
from typing import final

from shiftline.errors import ConfigurationError


@final
class Secret:
    """Holds a password or token; its ``repr`` and ``str`` never show it. Call `reveal` at the wire only."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the plain value."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def _bytes(self) -> bytes:
        # The environment hands over bytes that are not UTF-8 as lone surrogates.
        return self._value.encode(errors="surrogatepass")


def secret(name: str) -> Secret:
    """Return the secret that the environment variable ``name`` holds; ConfigurationError if it is unset."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(
            f"The environment variable {name} is not set; a secret is expected there.",
            remedy=f"Set it, for example: read -rs {name} && export {name}",
        )
    return Secret(value)
