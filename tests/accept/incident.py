"""The incident: recorded with everything drawn, read, and examined live.

`shiftline doctor read` of the capture has to name the throttle, its limit within a tenth, the publish window,
and to say something of each suspect; `shiftline doctor run` against a PBX with the same fault has to agree.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.accept.doctor import Found, live

from shiftline.cli.doctor.gathered import conclude, gather
from shiftline.diagnosis.as_json import as_json
from shiftline.diagnosis.suspects import PUBLISH_WINDOW, SUSPECTS
from shiftline.doctor.reading.reading import Reading
from shiftline.lab.recording_stage import PUBLISHED_AT
from shiftline.lab.recordings import Scene, incident, record
from shiftline.trades.windows import PublishWindow

CAUSE = "throttle.source"
PERSONALITIES = ("kamailio", "chan_sip", "pjsip", "freeswitch", "sbc", "practice")
WITHIN = 0.1
_GUILTY = {"burst throttle", PUBLISH_WINDOW}
_ZONE = ZoneInfo("America/Chicago")
_AT = PUBLISHED_AT.astimezone(_ZONE)
_PUBLISH = PublishWindow(weekday=_AT.weekday(), opens=_AT.time(), length=timedelta(hours=1), zone=_ZONE)
"""The user knows when schedules are published: a record does not say it."""


def incidents(seeds: Sequence[int], *, quick: bool = False) -> Iterator[Found]:
    """Each personality with each seed read, and each personality once live."""
    for personality in PERSONALITIES[:2] if quick else PERSONALITIES:
        for seed in seeds:
            yield read_incident(incident(seed, personality))
    live_ones = PERSONALITIES[:1] if quick else PERSONALITIES[:-1]  # the last one is no family
    yield from live([(CAUSE, one) for one in live_ones], seeds[0] if seeds else 1)


def read_incident(scene: Scene) -> Found:
    """Record a scene, read the capture and judge what is said of it by the truth beside it."""
    with tempfile.TemporaryDirectory() as folder:
        capture, truth = record(scene).write(Path(folder) / "incident")
        diagnosis = conclude(gather(Reading([capture]), _ZONE, (_PUBLISH,)))
        drawn = json.loads(truth.read_text(encoding="utf-8"))
    result: dict[str, Any] = {} if diagnosis is None else as_json(diagnosis)
    return Found(
        name=f"doctor read, incident on {scene.personality}, seed {scene.seed}",
        figures=_figures(result, drawn),
        missed=tuple(word for word, is_right in _judged(result, drawn).items() if not is_right),
    )


def _judged(result: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, bool]:
    main, limit = result["findings"][0], _limit(result)
    begins, ends = truth["publish"]["begins_at"], truth["publish"]["ends_at"]
    suspects = {one["suspect"]: one for one in result["suspects"]}
    innocent = [one for name, one in suspects.items() if name not in _GUILTY]
    return {
        "names the cause": result["verdict"]["cause"] == CAUSE,
        "and nothing else": len(result["findings"]) == 1,
        "the limit within a tenth": abs(limit / _drawn_limit(truth) - 1.0) <= WITHIN,
        "the publish window": begins <= main["figures"].get("begins_at", 0.0) <= ends,
        "every suspect": suspects.keys() == {*(one.name for one in SUSPECTS), PUBLISH_WINDOW},
        "the throttle and the window it is": {suspects[name]["verdict"] for name in _GUILTY} == {"it-is"},
        "the others it is not": {one["verdict"] for one in innocent} == {"it-is-not"},
        "and why": all("because " in one["sentence"] for one in innocent),
    }


def _limit(result: Mapping[str, Any]) -> float:
    """Requests a second, as the doctor found them; 0 for none."""
    figures = result["findings"][0]["figures"]
    return float(figures.get("limit", 0.0) / figures.get("window_seconds", 1.0))


def _drawn_limit(truth: Mapping[str, Any]) -> float:
    return float(truth["faults"][0]["drawn"]["limit"])


def _figures(result: Mapping[str, Any], truth: Mapping[str, Any]) -> str:
    verdict = result.get("verdict", {})
    if not result:
        return "nothing"
    return (
        f"{verdict['cause']} at {verdict['confidence']:.2f}, {_limit(result):.1f}/s found, "
        f"{_drawn_limit(truth):g}/s drawn ({truth['faults'][0]['drawn']['limiter']})"
    )
