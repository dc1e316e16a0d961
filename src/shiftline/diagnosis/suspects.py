"""The suspects of the incident, each with a verdict by name.

People accuse the password, the allow list, the ticket desk, the export, the clock. Each is told "it is",
"it is not, because …", or "cannot be told from this; do …".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.cause import Acts, when
from shiftline.diagnosis.catalogue.words import LOGGED_IN
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.finding import Finding, Separation, SuspectVerdict, Suspicion
from shiftline.diagnosis.hypotheses import candidates
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Method, Shape, Source
from shiftline.diagnosis.statements import statements_for
from shiftline.diagnosis.wording import limit_in_words, trial_sentence

_CLEARED = 0.1
"""Nobody is let go who is at least this likely: what is left when another is named with confidence (0.9)."""
_AGAINST = 1.0 / 3.0
"""Odds that fell to this share of what they were before any evidence: the evidence speaks against him. A
suspect who was never likely is not let go for that alone, but for what was seen."""
_CONVICTED = 0.5
_SPEAKS_AGAINST = -0.4


_CHECKS = (Method.OPTIONS, Method.REGISTER, Method.SUBSCRIBE)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Somebody to accuse, and the causes that he stands for."""

    name: str
    causes: tuple[str, ...]
    needs_record: bool = False
    """Whether only a record of the client's traffic shows it."""
    absent: str = ""
    """What is said when a record does not show it: a sentence after "because"."""
    marks: frozenset[str] = frozenset()
    """Kinds of marks by which a record shows it."""
    passes: Acts | None = None
    """Questions that he would not let pass, of our own; one that passed clears him."""
    because: str = ""
    """What such a passage shows: a sentence after "because"."""


SUSPECTS = (
    Suspect(
        "credentials mismatch",
        (
            "credentials.wrong-password",
            "credentials.unknown-user",
            "credentials.identity-mismatch",
            "credentials.realm",
            "credentials.algorithm",
            "credentials.digest-uri",
            "credentials.stale-nonce",
            "credentials.nonce-count",
        ),
        passes=when(source=Source.OWN, account=Account.OWN, credentials=LOGGED_IN),
        because="the same account logs in from the same address",
    ),
    Suspect(
        "IP allow list",
        ("acl.source", "acl.partial", "acl.contact", "acl.via-source", "policy.no-trunk-match"),
        passes=when(source=Source.OWN, account=Account.OWN),
        because="the same address is served",
    ),
    Suspect(
        "account shared with the ticket desk",
        ("credentials.shared-lockout", "registrar.shared-aor"),
        absent="no second program logs in with this account",
        marks=frozenset(
            {"traffic.two-agents-one-account", "traffic.foreign-failures", "traffic.contact-churn"}
        ),
        passes=when(source=Source.OWN, account=Account.OWN, credentials=LOGGED_IN),
        because="nobody has locked the account",
    ),
    Suspect(
        "burst throttle",
        (
            "throttle.source",
            "throttle.user",
            "throttle.method",
            "throttle.concurrency",
            "throttle.registration-rate",
            "ban.source",
        ),
    ),
    Suspect(
        "missing agent metadata (includeCustomAttributes)",
        ("message.missing-metadata",),
        passes=when(source=Source.OWN, account=Account.OWN, shape=Shape.USUAL),
        because="requests with the same headers pass",
    ),
    Suspect(
        "short retry timeout",
        ("client.retry-too-short",),
        needs_record=True,
        absent="no question was asked anew before its answer could come",
        marks=frozenset({"traffic.resent-early"}),
    ),
    Suspect(
        "only the verification calls fail, campaigns work",
        (
            "policy.method",
            "policy.caller-identity",
            "policy.unregistered-source",
            "policy.event-package",
        ),
        passes=when(source=Source.OWN, account=Account.OWN, method=_CHECKS),
        because="verification calls pass as well, as long as they are few",
    ),
    Suspect(
        "something else that runs at that hour",
        ("schedule.time-of-day", "credentials.rotated", "capacity.maintenance"),
    ),
)
PUBLISH_WINDOW = "publish window (America/Chicago)"


def suspicions_of(
    beliefs: Sequence[Belief], findings: Sequence[Finding], separation: Separation | None
) -> tuple[Suspicion, ...]:
    """A verdict on each suspect, from the beliefs about every part of the traffic."""
    judged = [_judge(suspect, beliefs, findings, separation) for suspect in SUSPECTS]
    return (*judged, _publish_window(beliefs, findings))


def _judge(
    suspect: Suspect, beliefs: Sequence[Belief], findings: Sequence[Finding], separation: Separation | None
) -> Suspicion:
    shares = [(_share(suspect, belief), belief) for belief in beliefs]
    share, belief = max(shares, key=lambda pair: pair[0])
    likeliest = max(suspect.causes, key=lambda cause: belief.causes.get(cause, 0.0))
    culprit = _named(suspect, findings)
    if culprit is not None and share >= _CONVICTED:
        limit = limit_in_words(culprit.figures)
        verdict = SuspectVerdict.IT_IS
        sentence = f"It is: {CATALOGUE[culprit.cause].meaning}" + (f" Here {limit}." if limit else "")
    elif suspect.needs_record and not any(one.evidence.subject.requests for one in beliefs):
        verdict = SuspectVerdict.CANNOT_TELL
        sentence = (
            "Questions of ours do not show it; have `shiftline doctor read` look at a capture of the client."
        )
    elif share < _CLEARED and culprit is None and _speaks_against(suspect, share, belief):
        verdict, sentence = (
            SuspectVerdict.IT_IS_NOT,
            f"It is not, because {_why_not(suspect, likeliest, belief)}.",
        )
    else:
        verdict = SuspectVerdict.CANNOT_TELL
        todo = "record a quiet and a busy hour" if separation is None else f"run {separation.command}"
        sentence = f"It cannot be told from this ({share:.0%}); {todo}."
    return Suspicion(suspect=suspect.name, causes=suspect.causes, verdict=verdict, sentence=sentence)


def _share(suspect: Suspect, belief: Belief) -> float:
    """How likely one of its causes is at work; a pair of them counts once."""
    accused = frozenset(suspect.causes)
    return sum(one.probability for one in belief.explanations if accused & frozenset(one.causes))


def _speaks_against(suspect: Suspect, share: float, belief: Belief) -> bool:
    """Whether something was seen that he would not have let happen, or all of it together is unlike him."""
    if _is_absent(suspect, belief) or _passage(suspect, belief) is not None:
        return True
    before = sum(_prior(cause) for cause in suspect.causes)
    return share * (1.0 - before) <= _AGAINST * before * (1.0 - share)


def _is_absent(suspect: Suspect, belief: Belief) -> bool:
    """Whether a record would show him, and there is one that does not."""
    evidence = belief.evidence
    is_seen = any(mark.kind in suspect.marks for mark in evidence.marks)
    return bool(suspect.absent and evidence.subject.requests) and not is_seen


@lru_cache(maxsize=128)
def _prior(cause: str) -> float:
    """How likely a cause is before any evidence."""
    return sum(one.prior for one in candidates() if one.cause == cause)


def _named(suspect: Suspect, findings: Sequence[Finding]) -> Finding | None:
    return next((finding for finding in findings if finding.cause in suspect.causes), None)


def _why_not(suspect: Suspect, likeliest: str, belief: Belief) -> str:
    if _is_absent(suspect, belief):
        return suspect.absent
    passage = _passage(suspect, belief)
    if passage is not None:
        return f"{suspect.because}: {_as_clause(trial_sentence(passage))}"
    against = [one for one in statements_for(belief, likeliest) if one.weight <= _SPEAKS_AGAINST]
    # A passage convinces more than a refusal that had to be explained.
    passages = [one for one in against if one.weight <= -1.0 and "was accepted" in one.sentence]
    if against:
        return _as_clause((passages or against)[0].sentence)
    leading = " and ".join(belief.leading.causes)
    return f"nothing speaks for it and {leading} explains what was seen"


def _passage(suspect: Suspect, belief: Belief) -> Trial | None:
    """The commonest question that passed and that he would have refused."""
    rule = suspect.passes
    passed = [
        one
        for one in belief.evidence.trials
        if rule is not None and one.outcome is Outcome.OK and rule.matches(one.probe)
    ]
    return max(passed, key=lambda one: one.count, default=None)


def _as_clause(sentence: str) -> str:
    inner = sentence.rstrip(".")
    return f"there {inner[6:]}" if inner.startswith("There ") else inner


def _publish_window(beliefs: Sequence[Belief], findings: Sequence[Finding]) -> Suspicion:
    causes = ("throttle.source", "schedule.time-of-day")
    marks = [
        mark for belief in beliefs for mark in belief.evidence.marks if mark.kind == "traffic.publish-window"
    ]
    limited = any(
        finding.cause.startswith(("throttle.", "ban.", "capacity.overload")) for finding in findings
    )
    if marks and limited:
        verdict = SuspectVerdict.IT_IS
        sentence = (
            f"It is the occasion, not the cause: the burst came {marks[0].text}, and the limit did the rest."
        )
    elif any(finding.cause == "schedule.time-of-day" for finding in findings):
        verdict = SuspectVerdict.IT_IS
        sentence = "The trouble keeps to that hour whatever the load: look for what else runs then."
    elif any(belief.evidence.subject.requests for belief in beliefs):
        verdict = SuspectVerdict.IT_IS_NOT
        sentence = "It is not, because the trouble does not follow the rate or the hour."
    else:
        verdict = SuspectVerdict.CANNOT_TELL
        sentence = (
            "It cannot be told without a record of that hour; capture one and run `shiftline doctor read`."
        )
    return Suspicion(suspect=PUBLISH_WINDOW, causes=causes, verdict=verdict, sentence=sentence)
