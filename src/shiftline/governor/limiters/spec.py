"""A limiter from a short text, such as ``window:50/1s`` or ``pike:30/2s,ban=300s``.

NAME:AMOUNT[,OPTION=VALUE]...; the names, amounts and options are `forms.FORMS`, and
docs/reference/limiters.md lists them. Writing a spec and reading it again gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf

from shiftline.errors import ConfigurationError
from shiftline.governor.limiters.circumstances import Changing
from shiftline.governor.limiters.form import AmountKind, Chance, Form, Kind, Wanted
from shiftline.governor.limiters.forms import CHANGING, FORMS
from shiftline.governor.limiters.model import Limiter
from shiftline.governor.limiters.spec_text import Amount, Value, read_amount, read_seconds, written


@dataclass(frozen=True, slots=True)
class Step:
    """An amount and the moment (seconds) from which it holds."""

    amount: Amount
    since: float = 0.0

    def __str__(self) -> str:
        return str(self.amount) + (f"@{written(self.since)}s" if self.since else "")


@dataclass(frozen=True, slots=True)
class LimiterSpec:
    """What `parse_limiter` reads; ``str`` writes it again."""

    name: str
    steps: tuple[Step, ...]
    options: Mapping[str, Value] = field(default_factory=dict)
    """All of its form's options, defaults filled in."""

    @property
    def form(self) -> Form:
        """What its name stands for."""
        return FORMS[self.name]

    @property
    def kind(self) -> Kind:
        """What it does to whoever is too fast."""
        return self.form.kind

    @property
    def amount(self) -> Amount:
        """The amount at the start."""
        return self.steps[0].amount

    def ideal_rate(self, at: float = 0.0, *, answer_seconds: float = 0.04) -> float:
        """The steadiest rate (req/s) at that moment (seconds) that is never refused.

        That is what an all-knowing sender gets, who needs ``answer_seconds`` for one request.
        """
        now = [step.amount for step in self.steps if step.since <= at]
        return self.form.ideal(Wanted((now or [self.amount])[-1], self.options), answer_seconds)

    def ideal_requests(self, until: float, *, since: float = 0.0, answer_seconds: float = 0.04) -> float:
        """How many requests an all-knowing sender gets through between two moments (seconds)."""
        total = 0.0
        ends = [step.since for step in self.steps[1:]] + [inf]
        for step, end in zip(self.steps, ends, strict=True):
            lasts = min(end, until) - max(step.since, since)
            total += max(0.0, lasts) * self.ideal_rate(step.since, answer_seconds=answer_seconds)
        return total

    def build(self, phase_share: float = 0.0, *, random: Callable[[], float] | None = None) -> Limiter:
        """A fresh limiter.

        ``phase_share`` says where in its first window time 0 falls (0 to 1); ``random`` draws the
        other senders' arrivals from [0, 1), which come evenly without it.
        """
        chance = Chance(phase_share, random)
        built = [
            (step.since, self.form.build(Wanted(step.amount, self.options), chance)) for step in self.steps
        ]
        return built[0][1] if len(built) == 1 else Changing(built)

    def __str__(self) -> str:
        words = [str(step) for step in self.steps]
        for name, option in self.form.options.items():
            if self.options[name] != option.default:
                words.append(f"{name}={written(self.options[name])}{option.unit}")
        return f"{self.name}:{','.join(words)}"


def parse_limiter(text: str) -> LimiterSpec:
    """Read a limiter's text. Raises ConfigurationError, which says what to write instead."""
    name, colon, rest = text.strip().partition(":")
    form = FORMS.get(name)
    if form is None:
        near = get_close_matches(name, FORMS, n=1)
        raise ConfigurationError(
            f"No limiter is called {name!r} (in {text!r}).",
            remedy=f"Did you mean {near[0]}?" if near else f"Known are {', '.join(FORMS)}.",
        )
    if not colon or not rest:
        raise ConfigurationError(f"The limiter {name} lacks its amount.", remedy=_usage(name))
    first, *words = rest.split(",")
    given = dict(form.options)
    values: dict[str, Value] = {option: given[option].default for option in given}
    steps = [Step(_amount(name, first))]
    for word in words:
        option, equals, value = word.partition("=")
        if equals:
            values[option] = _option(name, option, value)
        else:
            steps.append(_step(name, word, steps[-1]))
    return LimiterSpec(name, tuple(steps), values)


def _amount(name: str, text: str) -> Amount:
    wants = FORMS[name].amount
    try:
        amount = read_amount(text)
    except ValueError as error:
        raise ConfigurationError(f"In the limiter {name}, {error}.", remedy=_usage(name)) from error
    is_places = amount.seconds == 0
    needs_whole = wants is not AmountKind.RATE
    if (
        is_places is not (wants is AmountKind.PLACES)
        or amount.count <= 0
        or (needs_whole and not amount.count.is_integer())
    ):
        raise ConfigurationError(f"The limiter {name} cannot have the amount {text!r}.", remedy=_usage(name))
    return amount


def _step(name: str, text: str, last: Step) -> Step:
    amount, at, since = text.partition("@")
    if name != CHANGING or not at:
        raise ConfigurationError(f"The limiter {name} does not know {text!r}.", remedy=_usage(name))
    try:
        moment = read_seconds(since)
    except ValueError as error:
        raise ConfigurationError(f"In the limiter {name}, {error}.", remedy=_usage(name)) from error
    if moment <= last.since:
        raise ConfigurationError(
            f"In the limiter {name}, {text!r} is not later than the amount before it.", remedy=_usage(name)
        )
    return Step(_amount(name, amount), moment)


def _option(name: str, option: str, text: str) -> Value:
    options = FORMS[name].options
    if option not in options:
        near = get_close_matches(option, options, n=1)
        raise ConfigurationError(
            f"The limiter {name} has no option {option!r}.",
            remedy=f"Did you mean {near[0]}?" if near else f"It has {', '.join(options)}.",
        )
    try:
        return options[option].read(text)
    except ValueError as error:
        raise ConfigurationError(
            f"In the limiter {name}, {option} cannot be that: {error}.", remedy=_usage(name)
        ) from error


def _usage(name: str) -> str:
    """How to write it, for instance."""
    return f"Write it like {FORMS[name].example}."
