"""Whose requests they are, and how often a password that may be wrong was tried.

The law of storm's manners: of a user whose password nobody has yet accepted, at most two requests with
credentials leave in a whole run, and only one of his flows has them under way at a time. A copy counts as a
request, whatever became of other users: each account may have a password of its own, and a server that is
slow to refuse it has seen it all the same. A server that says that only the nonce was too old has refused no
password; it is believed once in a flow. Each user belongs to one process, and what is known of him goes
from load to load, so this holds for all of them together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, repeat
from pathlib import Path

from shiftline.errors import ConfigurationError
from shiftline.secrets import Secret

_FIELD = re.compile(r"\{n(?::(?:0?[1-9]?\d)?d?)?\}")
"""The one thing that a template may have in braces; a wider field would fill the memory with zeros."""
MOST_TRIES = 2
PROVEN = -1
NEVER = float("-inf")
_LONGEST_TEMPLATE = 200


class User:
    """One account. ``tries`` counts requests with credentials until a first one is accepted."""

    __slots__ = ("form", "is_trying", "key", "name", "password", "succeeded", "tries")

    def __init__(self, name: bytes, password: Secret | None) -> None:
        self.name = name
        self.password = password
        self.tries = 0
        self.is_trying = False
        """Whether a flow of his is under way that may be the first to prove his password."""
        self.succeeded = NEVER
        """When his last flow ended well."""
        self.form: object = None
        """The challenge's form (realm, algorithm) that ``key`` was made for."""
        self.key = b""

    @property
    def is_out(self) -> bool:
        """Whether no request with his credentials may leave any more."""
        return self.tries >= MOST_TRIES

    @property
    def must_wait(self) -> bool:
        """Whether another flow of his is just finding out whether his password is right, or it is not."""
        return self.is_trying or self.tries >= MOST_TRIES


class Users:
    """The users of one process, in turn."""

    def __init__(
        self, names: Sequence[str], passwords: Sequence[Secret | None], tries: Mapping[str, int] | None = None
    ) -> None:
        """``passwords`` has one for all, or one for each.

        ``tries`` is what an earlier run left of each (`User.tries`); with it, a name may stand several times
        in ``names``, and is one user all the same.
        """
        each = repeat(passwords[0]) if len(passwords) == 1 else passwords
        pairs = zip(names, each, strict=False)
        if tries is None:
            self.all = [User(name.encode(), password) for name, password in pairs]
        else:
            known: dict[str, User] = {}
            for name, password in pairs:
                user = known.setdefault(name, User(name.encode(), password))
                user.tries = tries.get(name, 0)
            self.all = [known[name] for name in names]
        turn = cycle(self.all)
        self.take: Callable[[], User] = turn.__next__
        """Whose turn it is."""

    def __len__(self) -> int:
        return len(self.all)

    def unproven(self) -> dict[str, int]:
        """How often each password was tried that was never accepted."""
        return {user.name.decode(): user.tries for user in self.all if user.tries > 0}

    def take_free(self) -> User | None:
        """The next one whose password is proven or may be tried now; None when there is no such user."""
        for _ in self.all:
            user = self.take()
            if user.tries == PROVEN or not user.must_wait:
                return user
        return None


def names_from_template(template: str, count: int) -> list[str]:
    """``agent{n:04d}`` with n from 1. Raises ConfigurationError for a template that cannot be filled."""
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest or len(template) > _LONGEST_TEMPLATE:
        raise ConfigurationError(
            f"The user template {template[:_LONGEST_TEMPLATE]!r} cannot be filled.",
            remedy="Write the number as {n} or {n:04d}, as in agent{n:04d}.",
        )
    names = [template.format(n=number) for number in range(1, count + 1)]
    if count > 1 and len(set(names)) < count:
        raise ConfigurationError(
            f"The user template {template!r} gives the same user twice.",
            remedy="Write a number into it: {n} or {n:04d}, as in agent{n:04d}.",
        )
    for name in (names[0], names[-1]):
        _require_plain(name, "The user template gives")
    return names


def read_users(path: Path) -> tuple[list[str], list[Secret | None]]:
    """Read ``user,password`` lines; ``#`` begins a comment, and the password may be left out.

    Raises ConfigurationError for a file that cannot be read or has no user.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"The file of users {path} cannot be read: {why}.") from error
    rows = list(_rows(path, lines))
    if not rows:
        raise ConfigurationError(
            f"The file of users {path} has no user.", remedy="Write user,password lines."
        )
    return [name for name, _ in rows], [password for _, password in rows]


def _rows(path: Path, lines: Sequence[str]) -> Iterator[tuple[str, Secret | None]]:
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, comma, password = line.partition(",")
        name = name.strip()
        _require_plain(name, f"{path}, line {number}, has")
        if name in seen:
            raise ConfigurationError(f"{path}, line {number}, names {name} a second time.")
        seen.add(name)
        yield name, Secret(password.strip()) if comma else None


def _require_plain(name: str, where: str) -> None:
    if not name or not name.isprintable() or any(char in name for char in ' "<>@:;,\\'):
        raise ConfigurationError(
            f"{where} the user {name!r}, which cannot stand in a SIP URI as it is.",
            remedy="Use letters, digits and . _ - + only.",
        )
