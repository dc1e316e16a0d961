"""What outlives a run: when logins were refused, so that the next run does not lock the account.

A small JSON file in the user's state directory. It has the moments of refused logins, in seconds of the
epoch, under a hash of server and account: no password, no name, and nothing older than 15 minutes.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS, MOST_REFUSED_CREDENTIALS
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.sip.targets import Target
from shiftline.whole_files import write_whole

_NAME = "refused-logins.json"
_LOCK_SECONDS = 0.5
"""The longest that a lock is waited for: another run holds it for a moment. Meanwhile nothing is asked."""
_LOCK_STEP_SECONDS = 0.01


def state_directory() -> Path:
    """The user's state directory for Shiftline (XDG base directories). Raises ConfigurationError."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(base).expanduser() / "shiftline"
    except RuntimeError as error:  # no HOME, and the user is not in the password file
        raise ConfigurationError(
            "This user has no home directory to keep a state in.", remedy="Set HOME, or XDG_STATE_HOME."
        ) from error


def account_key(target: Target, username: str) -> str:
    """Under which an account of a server is kept.

    A server counts failed logins whatever the port and the transport; on the loopback each port is a server.
    """
    port = f":{target.port}" if ip_address(target.host).is_loopback else ""
    return sha256(f"{target.host}{port} {username}".encode()).hexdigest()


class RefusedLogins:
    """The file. Times are seconds of the epoch.

    Raises ConfigurationError if it cannot be used, UnavailableError if another process does not let go of it.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / _NAME

    def lately(self, key: str, now: float) -> tuple[float, ...]:
        """When logins of the account were refused, within the last 15 minutes."""
        with self._locked():
            return tuple(self._read(now).get(key, ()))

    def add(self, key: str, at: float) -> None:
        """Keep one refusal."""
        with self._locked():
            self._append(key, at)

    def take(self, key: str, at: float) -> bool:
        """Keep one that may become refused, before it is sent; False if there were two within 15 minutes."""
        with self._locked():
            is_free = len(self._read(at).get(key, ())) < MOST_REFUSED_CREDENTIALS
            if is_free:
                self._append(key, at)
            return is_free

    def give_back(self, key: str, at: float) -> None:
        """Forget one that was taken: it was not refused."""
        with self._locked():
            kept = self._read(at)
            if at in kept.get(key, ()):
                kept[key].remove(at)
                self._write(kept)

    def _append(self, key: str, at: float) -> None:
        kept = self._read(at)
        kept.setdefault(key, []).append(at)
        self._write(kept)

    def _write(self, kept: dict[str, list[float]]) -> None:
        write_whole(self.path, json.dumps(kept).encode(), private=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("a") as lock:
                self._lock(lock.fileno())
                yield
        except OSError as error:
            raise ConfigurationError(
                f"{self.path} cannot be used: {error.strerror}.",
                remedy="It keeps accounts from being locked: set XDG_STATE_HOME to a directory of yours.",
            ) from error

    def _lock(self, file: int) -> None:
        """Wait for the lock, but not for ever: whoever holds it may have been stopped."""
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise UnavailableError(
                        f"Another process holds {self.path.with_suffix('.lock')} and does not let go of it.",
                        remedy="It is another run of the doctor that was stopped: end it, then run again.",
                    ) from error
                time.sleep(_LOCK_STEP_SECONDS)
            else:
                return

    def _read(self, now: float) -> dict[str, list[float]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            known = {str(key): [float(at) for at in times] for key, times in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"{self.path} cannot be read: it is no list of moments.", remedy="Remove it."
            ) from error
        # Two runs at once may write out of turn; what a clock that was set back left does not stay for ever.
        recent = {
            key: [at for at in times if abs(now - at) < CREDENTIALS_SECONDS] for key, times in known.items()
        }
        return {key: times for key, times in recent.items() if times}
