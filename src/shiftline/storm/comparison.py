"""Two runs side by side, from the JSON that each wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shiftline.errors import ConfigurationError

_ALIKE = 0.05
"""A change by less than this share is called none: two runs of the same load differ by as much."""
_ROWS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("flows per second", ("flows_per_second",), 1),
    ("succeeded, share of flows", ("ok",), 1),
    ("latency p50, ms", ("latency_ms", "p50"), -1),
    ("latency p95, ms", ("latency_ms", "p95"), -1),
    ("latency p99, ms", ("latency_ms", "p99"), -1),
    ("response p99, ms", ("response_ms", "p99"), -1),
    ("send lag p99, ms", ("send_lag_ms", "p99"), 0),
    ("sent again, share of requests", ("retransmissions",), -1),
    ("our processor, us per flow", ("cpu_us_per_flow",), 0),
)
"""What is compared: its name, where it stands, and whether more is better (1), worse (-1) or neither (0)."""
_SHARES: Mapping[str, str] = {"ok": "flows", "retransmissions": "requests"}
"""Counts that are compared as parts of another one."""
_LEAST_SHARE = 0.001
"""A share that changed by less is the same: one copy more is no news."""
_LOAD = ("target", "transport", "load", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of both runs."""

    name: str
    before: float
    after: float
    direction: int
    least: float = 0.0
    """A smaller difference is none."""

    @property
    def change(self) -> float | None:
        """By which share it grew; None where there was nothing before."""
        return (self.after - self.before) / self.before if self.before else None

    @property
    def judgement(self) -> str:
        """``better``, ``worse``, ``same``, or empty where neither is good or bad."""
        if not self.direction:
            return ""
        change = self.change
        difference = abs(self.after - self.before)
        if difference <= self.least or (change is not None and abs(change) <= _ALIKE):
            return "same"
        return "better" if (self.after - self.before) * self.direction > 0 else "worse"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        change = self.change
        return {
            "name": self.name, "before": self.before, "after": self.after,
            "change": None if change is None else round(change, 4), "judgement": self.judgement,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs; ``differences`` are what was not the same about their loads."""

    rows: tuple[Row, ...]
    differences: tuple[str, ...]
    invalid: tuple[str, ...]
    """Names of the runs whose figures are not valid."""
    verdicts: tuple[str, str]

    @property
    def is_worse(self) -> bool:
        """Whether any figure got worse."""
        return any(row.judgement == "worse" for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """For machines; docs/reference/json.md explains it."""
        return {
            "rows": [row.as_json() for row in self.rows],
            "differences": list(self.differences),
            "invalid": list(self.invalid),
            "verdicts": list(self.verdicts),
            "worse": self.is_worse,
        }


def compare_runs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """Compare two runs' figures. Raises KeyError for figures that are none."""
    rows = tuple(
        Row(
            name=name,
            before=_figure(before, path),
            after=_figure(after, path),
            direction=direction,
            least=_LEAST_SHARE if path[0] in _SHARES else 0.0,
        )
        for name, path, direction in _ROWS
    )
    named = (("before", before), ("after", after))
    return Comparison(
        rows=rows,
        differences=tuple(_differences(before, after)),
        invalid=tuple(name for name, figures in named if not figures["valid"]),
        verdicts=(_verdict(before), _verdict(after)),
    )


def read_figures(path: Path) -> dict[str, Any]:
    """What ``--json`` wrote. Raises ConfigurationError for a file that is not such a one."""
    try:
        figures = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON: {error}.", remedy=_REMEDY) from error
    missing = next(_missing(figures), None) if isinstance(figures, dict) else "everything"
    if missing:
        raise ConfigurationError(
            f"{path} has no figures of a storm: {missing} is missing or damaged.", remedy=_REMEDY
        )
    found: dict[str, Any] = figures
    return found


_REMEDY = "Give a file that shiftline storm --json wrote."


def _missing(figures: Mapping[str, Any]) -> Iterator[str]:
    """What `compare_runs` needs and cannot read."""
    paths = [path for _, path, _ in _ROWS] + [(name,) for name in ("seconds", *_SHARES.values())]
    for path in paths:
        value: Any = figures
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield ".".join(path)
    for name in ("target", "transport"):
        if not isinstance(figures.get(name), str):
            yield name
    if not isinstance(figures.get("load"), dict):
        yield "load"
    if not isinstance(figures.get("valid"), bool):
        yield "valid"
    verdict = figures.get("verdict")
    if verdict is not None and not (isinstance(verdict, dict) and isinstance(verdict.get("sentence"), str)):
        yield "verdict"


def _figure(figures: Mapping[str, Any], path: tuple[str, ...]) -> float:
    if (whole := _SHARES.get(path[0])) is not None:
        return figures[path[0]] / figures[whole] if figures[whole] else 0.0
    value: Any = figures
    for part in path:
        value = value[part]
    return float(value)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in _LOAD[:-1]:
        if before[name] != after[name]:
            yield f"{name}: {_short(before[name])} before, {_short(after[name])} after"
    if abs(before["seconds"] - after["seconds"]) > _ALIKE * max(before["seconds"], after["seconds"]):
        yield f"seconds: {before['seconds']:g} before, {after['seconds']:g} after"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _verdict(figures: Mapping[str, Any]) -> str:
    verdict = figures.get("verdict")
    return str(verdict["sentence"]) if isinstance(verdict, dict) else ""
