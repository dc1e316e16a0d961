"""Which method a trunk's agents are asked by, and when its controls are asked again.

Sans-IO: the driver asks `next_control`, reports `answered`, asks agents by `method` while `may_check`, and
puts each reading through `judged`. With several candidates (``method = "auto"``) they are tried in their
order, the controls first, until one qualifies; that one stays until its controls say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shiftline.connector.families import BLIND, GENERIC
from shiftline.connector.qualification import (
    NO_CONTROLS,
    NOT_ASKED,
    Control,
    ControlAnswer,
    Qualification,
    QualificationState,
    qualify,
)
from shiftline.connector.reading import Reading

UNKNOWN_RETRY = timedelta(seconds=30)  # refused or silent controls are asked again so much later
BLIND_RETRY = timedelta(minutes=5)  # so are the controls of a blind trunk, while somebody waits for it
REFUSED_RETRY = timedelta(minutes=15)  # a method that had our credentials refused may lock the account
EAGER_AFTER = timedelta(seconds=30)  # a worker that nobody has asked for so long asks its controls anyway
RENEW_AT = 0.75  # part of the valid time after which the controls are asked again, outside publish windows
RENEW_INSIDE = 0.95  # the same inside one


def _never(_: datetime) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationPolicy:
    """What the configuration says. ``controls`` are SIP URIs: the present one, the absent one."""

    methods: tuple[str, ...]
    """Candidates in the order in which they are tried; one unless the method is "auto"."""
    about: str = ""
    """Which PBX this is: with another one, what the controls showed proves nothing."""
    controls: tuple[str, str] | None = None
    family: str = GENERIC
    valid: timedelta = timedelta(hours=4)
    trust_unqualified: bool = False
    in_publish_window: Callable[[datetime], bool] = _never


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlQuestion:
    """One control to be asked now, by this method."""

    method: str
    control: Control
    address: str
    is_trial: bool
    """One of several candidates: a refusal of our credentials is an answer, and no reason to insist."""


@dataclass(slots=True)
class _Trial:
    method: str
    rest: list[str]
    asked: Control | None = None
    answers: dict[Control, ControlAnswer] = field(default_factory=dict)


class Qualifier:
    """See the module's text. All times are aware datetimes of one clock."""

    def __init__(
        self,
        policy: QualificationPolicy,
        now: datetime,
        known: Mapping[str, Any] | None = None,
        *,
        is_awaited: bool = False,
    ) -> None:
        """``known`` is what `knowledge` returned before a restart; that of other controls is ignored.

        ``is_awaited``: somebody has re-armed the trunk and looks on, so the controls are asked at once.
        """
        self.policy = policy
        self._is_awaited = is_awaited
        self._since = now
        self._again_at = now
        self._trial: _Trial | None = None
        self._found: dict[str, Qualification] = {}
        self._barred: dict[str, datetime] = {}
        self._chosen = policy.methods[0]
        if known and known.get("setting") == self._setting():
            self._recall(known)

    @property
    def method(self) -> str:
        """How agents are asked."""
        return self._chosen

    def qualification(self, now: datetime) -> Qualification:
        """What is proven about the method now."""
        if self.policy.controls is None:
            return NO_CONTROLS
        found = self._found.get(self._chosen, NOT_ASKED)
        if found.state is QualificationState.UNKNOWN or found.holds(now, self.policy.valid):
            return found
        return Qualification(state=QualificationState.UNKNOWN, why="The controls were asked too long ago.")

    @property
    def others(self) -> list[tuple[str, Qualification]]:
        """The methods whose controls were asked and which were not taken."""
        return [(name, found) for name, found in self._found.items() if name != self._chosen]

    def may_check(self, now: datetime) -> bool:
        """False while the controls have yet to tell: checks wait for them."""
        if self.policy.controls is None or self.policy.trust_unqualified:
            return True
        return self._holds(self._chosen, now) and (self._trial is None or self._was_proven())

    def is_believed(self, now: datetime) -> bool:
        """Whether an agent may be called available on this method's word."""
        proven = self.qualification(now).state is QualificationState.QUALIFIED
        return self.policy.trust_unqualified or (proven and self.may_check(now))

    def next_control(self, now: datetime, *, needed: bool) -> ControlQuestion | None:
        """Return the control to be asked now, if one is. ``needed``: checks wait to be asked."""
        if self.policy.controls is None:
            return None
        if self._trial is None and self._is_due(now, needed=needed):
            self._begin(now)
        trial = self._trial
        if trial is None or trial.asked is not None:
            return None
        trial.asked = Control.ABSENT if Control.PRESENT in trial.answers else Control.PRESENT
        return ControlQuestion(
            method=trial.method,
            control=trial.asked,
            address=self.policy.controls[trial.asked is Control.ABSENT],
            is_trial=len(self.policy.methods) > 1
            and not (trial.method == self._chosen and self._was_proven()),
        )

    def answered(
        self,
        question: ControlQuestion,
        reading: Reading,
        status: int | None,
        now: datetime,
        *,
        credentials_refused: bool = False,
        credentials_proven: bool = True,
    ) -> None:
        """Take in what a control brought; a question of an earlier owner's changes nothing.

        Refused credentials that nothing ever accepted (not ``credentials_proven``) may be wrong: no other
        method tries them for a while, or the account would be locked.
        """
        trial = self._trial
        if trial is None or (trial.method, trial.asked) != (question.method, question.control):
            return
        answer = ControlAnswer(at=now, reading=reading, status=status)
        trial.answers[question.control] = answer
        trial.asked = None
        if credentials_refused:
            self._barred[trial.method] = now + REFUSED_RETRY
            if not credentials_proven:
                self._barred |= dict.fromkeys(trial.rest, now + REFUSED_RETRY)
                trial.rest.clear()
        if len(trial.answers) == 2 or not answer.tells:
            self._conclude(trial, now)

    def judged(self, reading: Reading, method: str, now: datetime) -> Reading | None:
        """Return the evidence that a reading of an agent is, or None if he must be asked again."""
        if self.policy.trust_unqualified:
            return reading
        if self.policy.controls is None:
            return NO_CONTROLS.judged(reading)
        return self._found[method].judged(reading) if self._holds(method, now) else None

    def trouble(self, now: datetime) -> str | None:
        """The cause id when nothing proves the method and its controls have been heard, or are not set."""
        if self.policy.trust_unqualified or (self.policy.controls is not None and not self._found):
            return None
        proven = self.qualification(now).state is QualificationState.QUALIFIED
        return None if proven or (self._trial is not None and self._was_proven()) else BLIND

    def knowledge(self, now: datetime) -> dict[str, Any]:
        """What should survive a restart and be shown, as plain JSON values."""
        current = self.qualification(now)
        qualified = current.state is QualificationState.QUALIFIED and current.asked_at is not None
        until = current.asked_at + self.policy.valid if qualified and current.asked_at is not None else None
        return {
            "method": self._chosen,
            "state": str(current.state),
            "why": current.why,
            "until": until.isoformat() if until is not None else None,
            "trust_unqualified": self.policy.trust_unqualified,
            "setting": self._setting(),
            "methods": {name: _as_json(found) for name, found in self._found.items()},
            "barred": {name: until.isoformat() for name, until in self._barred.items()},
        }

    def _setting(self) -> dict[str, Any]:
        """What the answers were about: with another one, they prove nothing."""
        controls = list(self.policy.controls) if self.policy.controls is not None else None
        return {
            "about": self.policy.about,
            "methods": list(self.policy.methods),
            "controls": controls,
            "family": self.policy.family,
        }

    def _recall(self, known: Mapping[str, Any]) -> None:
        for name, one in known["methods"].items():
            answers = [None if one[who] is None else ControlAnswer.from_json(one[who]) for who in Control]
            self._found[name] = qualify(*answers)
        self._barred = {name: datetime.fromisoformat(until) for name, until in known["barred"].items()}
        if known["method"] in self.policy.methods:
            self._chosen = known["method"]

    def _holds(self, method: str, now: datetime) -> bool:
        found = self._found.get(method)
        return found is not None and found.holds(now, self.policy.valid)

    @property
    def _blind_retry(self) -> timedelta:
        """Before the old answers lapse, which would keep checks waiting."""
        return min(BLIND_RETRY, self.policy.valid * RENEW_AT)

    def _was_proven(self) -> bool:
        found = self._found.get(self._chosen)
        return found is not None and found.state is QualificationState.QUALIFIED

    def _is_due(self, now: datetime, *, needed: bool) -> bool:
        if self._is_awaited:
            return True
        if now < self._again_at:
            return False
        current = self.qualification(now)
        if current.asked_at is None or current.state is QualificationState.UNKNOWN:
            return needed or now >= self._since + EAGER_AFTER
        age = now - current.asked_at
        if current.state is QualificationState.BLIND and needed:
            return age >= self._blind_retry
        inside = self.policy.in_publish_window(now)
        return age >= self.policy.valid * (RENEW_INSIDE if inside else RENEW_AT)

    def _begin(self, now: datetime) -> None:
        self._is_awaited = False
        order = sorted(self.policy.methods, key=lambda name: name != self._chosen or not self._was_proven())
        open_to_us = [name for name in order if self._barred.get(name, now) <= now]
        if open_to_us:
            self._trial = _Trial(open_to_us[0], open_to_us[1:])
        else:
            self._again_at = min(self._barred.values())

    def _conclude(self, trial: _Trial, now: datetime) -> None:
        result = qualify(trial.answers.get(Control.PRESENT), trial.answers.get(Control.ABSENT))
        unheard = result.state is QualificationState.UNKNOWN
        if unheard and trial.method == self._chosen and self._was_proven() and self._holds(trial.method, now):
            self._end_trial(now + UNKNOWN_RETRY)  # what was proven before lasts until its time is over
            return
        self._found[trial.method] = result
        if result.state is QualificationState.QUALIFIED:
            self._chosen = trial.method
            self._end_trial(now)
        elif trial.rest:
            self._trial = _Trial(trial.rest[0], trial.rest[1:])
        else:
            self._settle_for_less(now)

    def _settle_for_less(self, now: datetime) -> None:
        """No candidate qualifies: one that at least answers tells the unknown users apart."""
        heard = [name for name in self.policy.methods if self._holds(name, now)]
        self._chosen = heard[0] if heard else self.policy.methods[0]
        self._end_trial(now + (self._blind_retry if heard else UNKNOWN_RETRY))

    def _end_trial(self, again_at: datetime) -> None:
        self._trial = None
        self._again_at = again_at


def _as_json(found: Qualification) -> dict[str, Any]:
    return {
        "state": str(found.state),
        "why": found.why,
        "present": found.present.as_json() if found.present is not None else None,
        "absent": found.absent.as_json() if found.absent is not None else None,
    }
