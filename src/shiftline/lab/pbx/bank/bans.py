"""ban.* and credentials.shared-lockout: refusals that outlast their reason (K1, K5, A14, V3, V6, V22)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.limits import limiter_of
from shiftline.lab.pbx.bank.words import FORBIDDEN, LISTED, Stage, Visit, at, everywhere, is_trunk, say
from shiftline.lab.pbx.refusal import SILENCE


@dataclass(slots=True, kw_only=True)
class Lock:
    """So many failures within a window (seconds) lock their key for a time; a locked key is not counted."""

    failures: int
    window_seconds: float
    lock_seconds: float
    _failed: dict[str, deque[float]] = field(default_factory=dict)
    _locked_until: dict[str, float] = field(default_factory=dict)

    def holds(self, key: str, now: float) -> bool:
        """Whether it is locked."""
        return self._locked_until.get(key, 0.0) > now

    def note(self, key: str, now: float) -> None:
        """Take note of a failure."""
        failed = self._failed.setdefault(key, deque(maxlen=self.failures))
        failed.append(now)
        if len(failed) == self.failures and now - failed[0] <= self.window_seconds:
            self._locked_until[key] = now + self.lock_seconds
            failed.clear()


def _lock(draw: Draw, low: float, high: float) -> Lock:
    return Lock(
        failures=draw.pick("failures", 3, 5),
        window_seconds=600.0,
        lock_seconds=draw.between("lock_seconds", low, high, digits=0),
    )


def _ban_user(draw: Draw) -> None:
    lock = _lock(draw, 60.0, 900.0)
    draw.settings.watchers.append(lambda visit: lock.note(visit.account or "", visit.elapsed))
    in_force = draw.between("in_force_seconds", 20.0, 300.0, digits=0)

    def strikes(visit: Visit) -> bool:
        began = is_trunk(visit) and visit.elapsed - draw.wishes.since_seconds < in_force
        return began or lock.holds(visit.account or "", visit.elapsed)

    draw.refuse(strikes)


def _shared_lockout(draw: Draw) -> None:
    """The other system fails every so often, unseen; with 0 for it only what is seen here counts."""
    lock = _lock(draw, 20.0, 300.0)
    every = draw.between("others_every_seconds", 60.0, 400.0, digits=0)
    draw.settings.watchers.append(lambda visit: lock.note(visit.account or "", visit.elapsed))

    def strikes(visit: Visit) -> bool:
        theirs = bool(every) and is_trunk(visit) and visit.elapsed % every < lock.lock_seconds
        return theirs or lock.holds(visit.account or "", visit.elapsed)

    draw.refuse(strikes)


def _ban_source(draw: Draw) -> None:
    """In force from the first request on; later by pike's rate, and on the others by failed logins."""
    banned: list[str] = []
    in_force = draw.between("in_force_seconds", 20.0, 120.0, digits=0)
    ban_seconds = draw.between("ban_seconds", 60.0, 600.0, digits=0)
    lock = Lock(failures=draw.pick("failures", 5, 8), window_seconds=600.0, lock_seconds=ban_seconds)
    draw.settings.watchers.append(lambda visit: lock.note(visit.source, visit.elapsed))
    density = draw.pick("density", 16, 30)
    flood = limiter_of(draw, f"pike:{density}/2s,ban={ban_seconds:.0f}s")

    def strikes(visit: Visit) -> bool:
        if not banned and visit.source not in LISTED:
            banned.append(visit.source)
        is_first = visit.source in banned and visit.elapsed - draw.wishes.since_seconds < in_force
        return is_first or lock.holds(visit.source, visit.elapsed) or flood(visit)

    draw.refuse(strikes)


_LOCKED = {
    "kamailio": (at(Stage.USER, say(403, "Try later")),),  # K5
    "sbc": (at(Stage.USER, say(403, "Forbidden", "Account locked")),),  # V22
    "practice": (at(Stage.USER, FORBIDDEN), at(Stage.USER, say(403, "Try later"))),
}

BANS = (
    Entry(
        id="credentials.shared-lockout",
        does="another system's failures lock the account shiftline again and again",
        make=_shared_lockout,
        shown=_LOCKED,
    ),
    Entry(
        id="ban.user",
        does="the account shiftline is locked at first, and after failures of its own",
        make=_ban_user,
        shown=_LOCKED,
    ),
    Entry(
        id="ban.source",
        does="the first address that asks is banned at first; so is any that floods, or fails to log in",
        make=_ban_source,
        shown=everywhere(at(Stage.BAN, SILENCE)),
    ),
)
