"""``/metrics`` for Prometheus: trades, checks, and each trunk's governor. No person and no secret is named.

A trunk may have records of several source addresses and accounts: the one that was saved last is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shiftline.connector.qualification import QualificationState
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode
from shiftline.store.read_model import Totals
from shiftline.store.trunk_view import TrunkView

RECENT_SECONDS = 300.0
"""How far back refusals are counted by class."""
TRUNK = ("trunk",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the metrics are made of. ``refused_recently`` is by trunk and class."""

    totals: Totals
    trunks: Iterable[TrunkView]
    refused_recently: Mapping[str, Mapping[str, int]]


def exposition(readings: Readings, accept: str) -> tuple[bytes, str]:
    """The metrics as a body with its content type, in the format that ``accept`` asks for."""
    encode, content_type = choose_encoder(accept)
    return encode(_Collected([*families(readings)])), content_type


class _Collected(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def families(readings: Readings) -> Iterator[Metric]:
    """All metrics. What is not known has no sample."""
    yield from _of_trades(readings.totals)
    trunks = newest(readings.trunks)
    for name, words, value in _GAUGES:
        yield _gauge(name, words, TRUNK, {(view.trunk,): value(view) for view in trunks})
    for name, words, total in _COUNTERS:
        counter = CounterMetricFamily(name, words, labels=TRUNK)
        for view in trunks:
            if (count := total(view)) is not None:
                counter.add_metric([view.trunk], count)
        yield counter
    yield _words("shiftline_trunk_mode", "1 for the governor's mode, 0 for others.", "mode", Mode, trunks)
    yield _words(
        "shiftline_trunk_refusal",
        "1 for the class of what is wrong, 0 for others.",
        "class",
        RefusalClass,
        trunks,
    )
    yield _gauge(
        "shiftline_trunk_refused_recently",
        f"Requests refused in the last {RECENT_SECONDS:g} seconds, by class.",
        ("trunk", "class"),
        {
            (trunk, name): float(count)
            for trunk, classes in readings.refused_recently.items()
            for name, count in classes.items()
        },
    )
    yield from _of_lanes(trunks)


def newest(trunks: Iterable[TrunkView]) -> list[TrunkView]:
    """One view a trunk: the one that was saved last."""
    found: dict[str, TrunkView] = {}
    for view in sorted(trunks, key=lambda view: view.saved_at):
        found[view.trunk] = view
    return [found[name] for name in sorted(found)]


def _of_trades(totals: Totals) -> Iterator[Metric]:
    yield _gauge("shiftline_trades", "Trades by state.", ("state",), _by_word(totals.trades))
    yield _gauge(
        "shiftline_settled_trades", "Settled trades by outcome.", ("outcome",), _by_word(totals.outcomes)
    )
    yield _gauge("shiftline_checks_due", "Checks that are due or claimed.", (), {(): totals.checks_due})


def _of_lanes(trunks: list[TrunkView]) -> Iterator[Metric]:
    labels = ("trunk", "lane")
    lanes = {(view.trunk, lane.name): lane for view in trunks for lane in view.lanes}
    yield _gauge(
        "shiftline_lane_waiting_requests",
        "Requests that wait in a lane.",
        labels,
        {names: lane.waiting for names, lane in lanes.items()},
    )
    yield _gauge(
        "shiftline_lane_oldest_seconds",
        "How long a lane's oldest request has waited; absent while none waits.",
        labels,
        {names: lane.oldest_seconds for names, lane in lanes.items()},
    )
    sent = CounterMetricFamily("shiftline_lane_requests_sent", "Requests that left by a lane.", labels=labels)
    for names, lane in lanes.items():
        sent.add_metric(names, lane.sent)
    yield sent


def _gauge(
    name: str, words: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float | bool | None]
) -> Metric:
    gauge = GaugeMetricFamily(name, words, labels=labels)
    for label_values, value in values.items():
        if value is not None:
            gauge.add_metric(label_values, float(value))
    return gauge


def _by_word(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(word,): float(count) for word, count in counts.items()}


def _words(name: str, words: str, label: str, all_words: Iterable[str], trunks: list[TrunkView]) -> Metric:
    """One sample for each word: 1 for that of the moment."""
    now = {view.trunk: getattr(view, "mode" if label == "mode" else "refusal") for view in trunks}
    return _gauge(
        name,
        words,
        ("trunk", label),
        {(trunk, str(word)): word == said for trunk, said in now.items() if said for word in all_words},
    )


def _limit(view: TrunkView) -> float | None:
    return view.limit / view.window_seconds if view.limit and view.window_seconds else None


def _qualified(view: TrunkView) -> bool | None:
    return None if view.qualification is None else view.qualification == QualificationState.QUALIFIED


def _registered(view: TrunkView) -> bool | None:
    return None if view.registration is None else bool(view.registration.get("registered_until"))


_Read = Callable[[TrunkView], "float | bool | None"]
_GAUGES: tuple[tuple[str, str, _Read], ...] = (
    ("shiftline_trunk_rate_requests_per_second", "What the governor paces at.", lambda view: view.rate),
    ("shiftline_trunk_limit_requests_per_second", "The limit that was learned; absent if none was.", _limit),
    (
        "shiftline_trunk_confidence_ratio",
        "How sure the governor is of its model.",
        lambda view: view.confidence,
    ),
    (
        "shiftline_trunk_learned_age_seconds",
        "Since the limit was last confirmed; absent if it never was.",
        lambda view: view.learned_seconds_ago,
    ),
    ("shiftline_trunk_in_flight_requests", "Requests without an answer yet.", lambda view: view.in_flight),
    ("shiftline_trunk_waiting_requests", "Checks queued at the trunk.", lambda view: view.waiting),
    ("shiftline_trunk_in_trouble", "1 if something is wrong with it.", lambda view: view.trouble is not None),
    (
        "shiftline_trunk_disarmed",
        "1 if it waits to be re-armed.",
        lambda view: view.disarmed_cause is not None,
    ),
    ("shiftline_trunk_method_qualified", "1 if two controls have proven the method.", _qualified),
    ("shiftline_trunk_trusts_unqualified", "1 if it counts unproven.", lambda view: view.trusts_unqualified),
    ("shiftline_trunk_registered", "1 if its account is bound; absent if it does not register.", _registered),
    (
        "shiftline_trunk_saved_age_seconds",
        "Since a worker last saved its state: every second while one runs.",
        lambda view: view.saved_seconds_ago,
    ),
    ("shiftline_trunk_worker_silent", "1 if no worker looks after it.", lambda view: view.worker_is_silent),
)
_COUNTERS: tuple[tuple[str, str, Callable[[TrunkView], int | None]], ...] = (
    (
        "shiftline_trunk_requests_sent",
        "Requests that left, since the governor began.",
        lambda view: view.sent,
    ),
    ("shiftline_trunk_requests_passed", "Those of them that were let through.", lambda view: view.passed),
    ("shiftline_trunk_requests_refused", "Those of them that were refused.", lambda view: view.refused),
)
