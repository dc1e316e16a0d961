"""Which windows are believed: usual ones at once, others by their rhythm, none against the evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from shiftline.governor.pacer import Cap
from shiftline.governor.rhythm import LONGEST, Opening, lengths_between
from shiftline.governor.search import DEAR_SECONDS, WIDE, Closure
from shiftline.governor.window_fit import WINDOW_LENGTHS, Observation, WindowFit, fit_windows

BOUNDARY_MARGIN = 0.03  # seconds after a window's end before the next one is tried
TOLERANCE = 0.02  # share of the limit by which windows of a real timer differ
HELD_AT = 1.01  # times what the fit allows: at no more than that it promised that nothing is refused
CLEARLY_SHUT = 0.25  # of the window: a timer that drifts refuses at its very end only
REPEATED = 2  # full windows with the same count: that is no chance
RHYTHM = 3  # the same where a usual length explains the last refusal as well
TELLING = 12  # requests: fewer are met by chance, give or take one
OPENINGS = 6
SOON = 30.0  # seconds


@dataclass(slots=True)
class Windows:
    """The believed explanation by fixed windows. Times are seconds on one monotonic clock."""

    fit: WindowFit | None = None
    width: float | None = None
    """Of the window, in seconds; kept over a restart, when the fit is not."""
    _openings: deque[Opening] = field(default_factory=lambda: deque(maxlen=OPENINGS), init=False)
    _broken: set[float] = field(default_factory=set, init=False)
    """Lengths whose promise was not kept: what they allowed was refused."""
    _earned: float | None = field(default=None, init=False)
    """The length that was proven last."""

    _open_at: float | None = field(default=None, init=False)

    def recall(self, width: float | None) -> None:
        """Begin with the length of an earlier life."""
        is_possible = width is not None and (width in WINDOW_LENGTHS or 0.0 < width <= LONGEST)
        self.width = width if is_possible else None

    def explain(self, seen: Sequence[Observation], shut: Closure, before: float) -> None:
        """Choose what explains all that was ``seen`` (in order of sending), after ``before`` was refused."""
        tolerance = max(1, round(before * TOLERANCE)) if self.fit is not None else 1
        shut_seconds = 0.0 if shut.was_silent else shut.shut_until - shut.began_at
        self._judge(before, shut_seconds, shut)
        # Told to wait for longer than all windows that are looked at, we met none of those that followed.
        self._open_at = shut.open_at if shut.is_hidden else None
        if not (shut.was_silent or shut.is_ban):
            self._openings.append(Opening(shut.shut_until, shut.open_at))
        known = self.fit if self._was_a_try(before) else None
        self.fit = self._earned_fit(seen, tolerance, shut_seconds)
        if self.fit is None:
            usual = self._usual(seen, tolerance, shut_seconds)
            least = RHYTHM if usual is not None else REPEATED
            self.fit = self._by_rhythm(seen, tolerance, shut_seconds, least) or usual
        if self.fit is not None and known is not None:
            self.fit = self.fit.narrowed_by(known)
        self.width = None if self.fit is None else self.fit.window_seconds
        if self.fit is not None and self.fit.full_windows >= RHYTHM:
            self._earned = self.fit.window_seconds

    def _judge(self, before: float, shut_seconds: float, shut: Closure) -> None:
        """A length needs proofs once what it allows was refused, and not at its very end.

        Where that does not show, once it was refused so soon that no timer can have drifted.
        """
        if self.fit is None or before > self.fit.rate * HELD_AT:
            return
        was_soon = bool(self._openings) and shut.began_at - self._openings[-1].open_at < SOON
        if shut_seconds > CLEARLY_SHUT * self.fit.window_seconds or (shut.is_hidden and was_soon):
            self._broken.add(self.fit.window_seconds)

    def _was_a_try(self, before: float) -> bool:
        """True if that rate was above a known limit."""
        return self.are_pinned and self.fit is not None and before > self.fit.rate * HELD_AT

    def _earned_fit(
        self, seen: Sequence[Observation], tolerance: int, shut_seconds: float
    ) -> WindowFit | None:
        """The length that was proven before, if it explains this refusal as well."""
        if self._earned is None or self._earned < shut_seconds:
            return None
        return fit_windows(seen, tolerance=tolerance, lengths=(self._earned,), open_at=self._open_at)

    def _usual(self, seen: Sequence[Observation], tolerance: int, shut_seconds: float) -> WindowFit | None:
        """The shortest usual length that explains it, and did not break its promise unless it has proofs."""
        for length in WINDOW_LENGTHS:
            if length < shut_seconds:
                continue  # shut for longer than a window, it counts over another one, or bans
            fit = fit_windows(seen, tolerance=tolerance, lengths=(length,), open_at=self._open_at)
            if fit is not None and (length not in self._broken or fit.full_windows >= REPEATED):
                return fit
        return None

    def _by_rhythm(
        self, seen: Sequence[Observation], tolerance: int, shut_seconds: float, least: int
    ) -> WindowFit | None:
        """The length with the most proofs of those that the openings suggest; None if it has too few."""
        fits = [
            fit
            for length in lengths_between(tuple(self._openings))
            if length >= shut_seconds
            and (fit := fit_windows(seen, tolerance=tolerance, lengths=(length,))) is not None
        ]
        telling = [fit for fit in fits if fit.full_windows >= least and fit.lowest_limit >= TELLING]
        return max(telling, key=lambda fit: fit.full_windows, default=None)

    def forget(self) -> None:
        """Nothing is explained by windows for now."""
        self.fit = self.width = None

    @property
    def are_pinned(self) -> bool:
        """True when the limit is known, give or take one."""
        return self.fit is not None and self.fit.is_pinned

    def leave_open(self, rate: float, price: float, *, is_hidden: bool) -> bool:
        """True if the limit may be above that rate, and to look costs little, or less than not to look.

        ``price`` is what a refusal cost (seconds). ``is_hidden``: we waited as we were told.
        """
        fit = self.fit
        if fit is None or fit.is_pinned or rate * fit.window_seconds > fit.highest_limit:
            return False
        is_wide = is_hidden and fit.lowest_limit < WIDE * fit.highest_limit
        return is_wide or price < max(DEAR_SECONDS, 2 * fit.window_seconds)

    def is_dearer(self, shut: Closure) -> bool:
        """True for a refusal that cost more than the windows that seem to explain it would."""
        if shut.was_silent or shut.was_partial:
            return False
        explained = 2 * (self.width or 0.0)
        return shut.cost_seconds > max(DEAR_SECONDS, explained)

    def cap(self, rate: float) -> Cap | None:
        """So many may leave in any window at that rate; None while no window is known."""
        if not self.width:
            return None
        return Cap(max(1, int(rate * self.width + 0.001)), self.width)

    def ends_at(self, now: float) -> float | None:
        """When the window of ``now`` has surely ended; None while the window is not known.

        A length that was measured is not known finely enough to tell: after some windows it would be wrong.
        """
        if self.fit is None or not self.fit.is_pinned or self.width not in WINDOW_LENGTHS:
            return None
        # A refusal right after a boundary was the old window's: the phase is known to its grain only.
        return max(now, self.fit.next_boundary(now - self.fit.grain_seconds)) + BOUNDARY_MARGIN
