"""From the command line of ``shiftline storm`` to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftline.errors import ConfigurationError
from shiftline.net.tls import TlsSettings
from shiftline.secrets import Secret, secret
from shiftline.storm.plan import ClosedLoop, Mixed, OpenLoop, Plan
from shiftline.storm.script import BINDING_SECONDS, METHOD_SCRIPTS, Method, register_script
from shiftline.storm.shape_text import parse_shape
from shiftline.storm.shapes import constant
from shiftline.storm.sipp import Scenario, read_scenario
from shiftline.storm.target import find_target
from shiftline.storm.users import names_from_template, read_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What stands on the command line."""

    server: str
    method: str
    scenario: Path | None
    concurrency: int
    rate: float | None
    shape: str | None
    flows: int | None
    seconds: float | None
    users: int
    user_template: str
    users_file: Path | None
    password_env: str
    sources: tuple[str, ...]
    ports: int
    fresh_challenge: bool
    timeout_seconds: float
    silence_seconds: float
    processes: int
    batches: bool
    tls: TlsSettings
    expires_seconds: int = BINDING_SECONDS


def make_plan(wishes: Wishes) -> Plan:
    """Raises ConfigurationError or UnavailableError with one clear sentence."""
    scenario = read_scenario(wishes.scenario) if wishes.scenario is not None else None
    names, passwords = _users(wishes, scenario)
    return Plan(
        target=find_target(wishes.server, wishes.tls),
        load=_load(wishes),
        mix=(Mixed(script=scenario.script),)
        if scenario is not None
        else _mix(wishes.method, wishes.expires_seconds),
        names=names,
        passwords=passwords,
        sources=wishes.sources,
        ports=wishes.ports,
        flows=wishes.flows,
        seconds=wishes.seconds,
        fresh_challenge=wishes.fresh_challenge,
        timeout_seconds=wishes.timeout_seconds,
        silence_seconds=wishes.silence_seconds,
        processes=wishes.processes,
        batches=wishes.batches,
    )


def _users(wishes: Wishes, scenario: Scenario | None) -> tuple[Sequence[str], Sequence[Secret | None]]:
    if wishes.users_file is not None:
        if wishes.password_env:
            raise ConfigurationError(
                "The passwords stand in the file of users.", remedy="Leave --password-env out."
            )
        return read_users(wishes.users_file)
    if scenario is not None and scenario.username and not wishes.password_env:
        return [scenario.username], [scenario.password]
    password = secret(wishes.password_env) if wishes.password_env else None
    return names_from_template(wishes.user_template, wishes.users), [password]


def _load(wishes: Wishes) -> ClosedLoop | OpenLoop:
    if wishes.rate is not None and wishes.shape is not None:
        raise ConfigurationError("--rate and --shape exclude each other.", remedy="Leave one out.")
    if wishes.shape is not None:
        return OpenLoop(shape=parse_shape(wishes.shape))
    if wishes.rate is not None:
        return OpenLoop(shape=constant(wishes.rate))
    return ClosedLoop(concurrency=wishes.concurrency)


def _mix(text: str, expires_seconds: int) -> tuple[Mixed, ...]:
    weights: dict[Method, int] = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        try:
            method, times = Method(name.lower()), int(weight) if equals else 1
        except ValueError:
            times = 0
        if times < 1 or times > 1000 or method in weights:
            raise ConfigurationError(
                f"{text!r} is no method and no mix of methods.",
                remedy=f"Use {', '.join(Method)}, or a mix as in register=3,options=1.",
            )
        weights[method] = times
    scripts = {**METHOD_SCRIPTS, Method.REGISTER: register_script(expires_seconds)}
    return tuple(Mixed(script=scripts[method], weight=times) for method, times in weights.items())
