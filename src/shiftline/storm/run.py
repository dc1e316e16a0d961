"""A run: the engines in processes of their own, their seconds added up, and whether to trust the figures.

Engines are always children: whoever shows or analyses the seconds must not disturb the schedule.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from shiftline.errors import ShiftlineError, UnavailableError
from shiftline.storm.engine import Engine, EngineEnd
from shiftline.storm.interruption import Interruption, end_engine_by_signals
from shiftline.storm.kernel import TargetDrops
from shiftline.storm.manners import require_manners
from shiftline.storm.plan import Plan
from shiftline.storm.sample import BindingCheck, Result, Sample, total
from shiftline.storm.trust import invalid_reasons
from shiftline.storm.watch import watched_together

OnSample = Callable[[Sample], None]
_NICE = -10


def run(
    plan: Plan,
    on_sample: OnSample = lambda _: None,
    *,
    may_load: str = "",
    interruption: Interruption | None = None,
) -> Result:
    """Run ``plan``; ``on_sample`` gets each second of all processes together, in order.

    ``may_load`` names a public target that may be loaded, exactly as the plan does. Raises
    ConfigurationError for a plan that is not allowed or cannot be begun, UnavailableError when an engine
    dies. An ``interruption`` ends the load; what was measured until then is the result.
    """
    require_manners(plan, may_load)
    shares = plan.shares()
    seconds = _Seconds(len(shares), TargetDrops(plan.target), on_sample)
    children: list[_Child] = []
    for share in shares:
        children.append(_Child(share, children))
    interruption = interruption or Interruption()
    interruption.pids = {child.pid for child in children}
    try:
        if interruption.told:  # since it was asked about
            interruption.tell()
        ends = _listen(children, seconds)
    finally:
        interruption.pids = set()
        for child in children:
            child.end()
    seconds.finish()
    result = Result(
        samples=seconds.done,
        whole=total(seconds.done),
        sending_seconds=max(end.sending_seconds for end in ends),
        stopped=next((end.stopped for end in ends if end.stopped), ""),
        users_out=sum(end.users_out for end in ends),
        bindings=_together(end.bindings for end in ends),
        processes=len(shares),
        tries={name: count for end in ends for name, count in end.tries.items()},
        watch=watched_together([end.watch for end in ends]),
    )
    return replace(result, invalid_reasons=tuple(invalid_reasons(result, plan)))


class _Seconds:
    """Adds up the same second of every process, and tells it when all have sent theirs."""

    def __init__(self, processes: int, drops: TargetDrops, on_sample: OnSample) -> None:
        self.done: list[Sample] = []
        self._processes = processes
        self._drops = drops
        self._on_sample = on_sample
        self._open: dict[int, tuple[Sample, int]] = {}

    def take(self, sample: Sample) -> None:
        known = self._open.get(sample.second)
        if known is None:
            count = 1
        else:
            known[0].add(sample)
            sample, count = known[0], known[1] + 1
        self._open[sample.second] = (sample, count)
        while self._open and self._open[first := min(self._open)][1] == self._processes:
            self._tell(self._open.pop(first)[0])

    def finish(self) -> None:
        """Tell the seconds that only some processes lived to see."""
        for second in sorted(self._open):
            self._tell(self._open[second][0])
        self._open.clear()

    def _tell(self, sample: Sample) -> None:
        sample.target_drops = self._drops.since()
        self._on_sample(sample)
        self.done.append(sample)
        sample.pack()


class _Child:
    """One engine in a process of its own."""

    def __init__(self, plan: Plan, elder: Sequence[_Child]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        not_theirs = [*(sibling.pipe for sibling in elder), self.pipe]
        self._process: BaseProcess = context.Process(
            target=_work, args=(plan, theirs, not_theirs), daemon=True
        )
        self._process.start()
        self.pid = self._process.pid or 0
        theirs.close()

    def end(self) -> None:
        """End the process if it still runs."""
        self.pipe.close()
        self._process.join(timeout=2.0)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


def _work(plan: Plan, pipe: Connection, not_ours: Sequence[Connection]) -> None:
    """The child's whole life."""
    for other in not_ours:  # held open here, the pipe would not break when whoever started us is gone
        other.close()
    gc.disable()  # nothing here is a cycle, and a collection is a pause in the schedule
    with suppress(PermissionError):  # who may, goes before others: a late generator measures itself
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    engine: Engine | None = None
    is_over = False

    def end() -> None:
        nonlocal is_over
        is_over = True
        if engine is not None:
            engine.interrupt()

    end_engine_by_signals(end)
    with suppress(BrokenPipeError):  # whoever started us is gone
        try:
            engine = Engine(plan, secrets.token_hex(3), pipe.send)
            if is_over:
                engine.interrupt()
            try:
                engine.run()
            finally:
                engine.close()
            pipe.send(engine.last_word())
        except ShiftlineError as error:
            pipe.send(error)
    pipe.close()


def _listen(children: list[_Child], seconds: _Seconds) -> list[EngineEnd]:
    """Take in samples until every child has said its last word."""
    open_pipes = [child.pipe for child in children]
    ends: list[EngineEnd] = []
    while open_pipes:
        for pipe in wait(open_pipes):
            assert isinstance(pipe, Connection)  # noqa: S101 - nothing else was waited for
            word = _hear(pipe)
            if isinstance(word, Sample):
                seconds.take(word)
                continue
            open_pipes.remove(pipe)
            if isinstance(word, ShiftlineError):
                raise word
            ends.append(word)
    return ends


def _hear(pipe: Connection) -> Sample | EngineEnd | ShiftlineError:
    try:
        word: Sample | EngineEnd | ShiftlineError = pipe.recv()
    except EOFError as error:
        raise UnavailableError(
            "An engine of storm died.", remedy="Look above for its own words; please report it."
        ) from error
    return word


def _together(checks: Iterable[BindingCheck | None]) -> BindingCheck | None:
    known = [check for check in checks if check is not None]
    if not known:
        return None
    return BindingCheck(
        asked=sum(check.asked for check in known),
        bound=sum(check.bound for check in known),
        others=sum(check.others for check in known),
    )
