"""The lab's own processes, seen from both sides.

A child is ``python -m MODULE --config FILE``. It writes one line ``ready ...`` to stdout when it serves,
and ends at SIGTERM, at SIGINT, or when the pipe on its stdin closes: it never outlives the lab that
started it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from shiftline.errors import ConfigurationError, ShiftlineError, UnavailableError
from shiftline.secrets import Secret

Config = TypeVar("Config")

WrittenSecret = Annotated[
    Secret,
    PlainValidator(lambda value: value if isinstance(value, Secret) else Secret(str(value))),
    PlainSerializer(Secret.reveal),
]
"""A secret that a configuration file holds in the clear; the file is readable by its owner only."""

_STOP_SECONDS = 5.0


class Child:
    """A process started from one configuration value; use `start` and `stop`."""

    def __init__(self, process: Process, ready: str) -> None:
        self._process = process
        self.ready = ready
        """What the child said after ``ready``."""

    @classmethod
    async def start(cls, module: str, config: object, directory: Path, *, ready_seconds: float = 15) -> Child:
        """Start ``module`` and wait until it is ready; its files are ``directory/<last name>.*``.

        Raises UnavailableError with the child's own words when it ends before, or is not ready in time.
        """
        name = module.rpartition(".")[2]
        config_path, errors_path = directory / f"{name}.json", directory / f"{name}.err"
        write_private(config_path, TypeAdapter(type(config)).dump_json(config, indent=1))
        command = (sys.executable, "-m", module, "--config", str(config_path))
        with errors_path.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=errors)
        child = cls(process, "")
        try:
            child.ready = await child._wait_ready(module, errors_path, ready_seconds)
        except BaseException:  # also a cancelled start leaves nothing running
            await child.stop()
            raise
        return child

    async def _wait_ready(self, module: str, errors_path: Path, ready_seconds: float) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        try:
            async with asyncio.timeout(ready_seconds):
                line = (await self._process.stdout.readline()).decode().strip()
        except TimeoutError:
            line = ""
        if line.startswith("ready"):
            return line.removeprefix("ready").strip()
        said = _text(errors_path)
        late = f"A part of the lab ({module.rpartition('.')[2]}) was not ready within {ready_seconds:g} s."
        raise UnavailableError(
            said or late, remedy="" if said else "Try again when the machine is less busy."
        )

    async def stop(self) -> None:
        """End the child: SIGTERM, and SIGKILL when it does not heed it within 5 s."""
        await end_process(self._process)

    def kill(self) -> None:
        """End the child with SIGKILL, as a crash would."""
        self._process.kill()


def _text(path: Path) -> str:
    return path.read_text(errors="replace").strip()


async def end_process(process: Process) -> None:
    """SIGTERM, five seconds, SIGKILL; nothing when it has ended. Its pipes are closed."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


def leashed(command: Sequence[str]) -> list[str]:
    """Return the command so that it gets SIGTERM when the lab is killed, where `setpriv` can do that.

    For programs that do not watch their stdin as the lab's own children do.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else [*command]


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def run_child(config_type: type[Config], serve: Callable[[Config, asyncio.Event], Awaitable[None]]) -> int:
    """The child's side: read the configuration, serve until told to end, return the exit code.

    ``serve`` gets the configuration and an event that is set when it shall end. A ShiftlineError becomes
    one sentence on stderr.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    path: Path = parser.parse_args().config
    try:
        asyncio.run(_serve(_read_config(config_type, path), serve))
    except ShiftlineError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _read_config(config_type: type[Config], path: Path) -> Config:
    try:
        return TypeAdapter(config_type).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be used: {error}",
            remedy="The lab writes it; start the lab anew.",
        ) from error


async def _serve(config: Config, serve: Callable[[Config, asyncio.Event], Awaitable[None]]) -> None:
    told_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_end.set)
    if _stdin_has_a_writer():
        loop.add_reader(sys.stdin.fileno(), _watch_stdin, told_to_end)
    await serve(config, told_to_end)


def _stdin_has_a_writer() -> bool:
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _watch_stdin(told_to_end: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        told_to_end.set()


def say_ready(what: str) -> None:
    """Tell the parent that the child serves."""
    sys.stdout.write(f"ready {what}\n")
    sys.stdout.flush()
