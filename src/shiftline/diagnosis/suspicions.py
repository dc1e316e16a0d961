"""A verdict on each suspect of the incident: "it is", "it is not, because …", "cannot be told; do …"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from shiftline.diagnosis.belief import UNKNOWN, Belief
from shiftline.diagnosis.beside import METHOD, passed_about_present
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.finding import Finding, Separation, SuspectVerdict, Suspicion
from shiftline.diagnosis.hypotheses import HEALTHY, candidates
from shiftline.diagnosis.loads_passed import is_unloaded, not_loaded
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.passages import is_login, passage, without_empty_passages
from shiftline.diagnosis.probe import Aim, Credentials
from shiftline.diagnosis.publish_window import LONG_SECONDS, judge_publish_window
from shiftline.diagnosis.second import LOADS
from shiftline.diagnosis.statements import statements_for
from shiftline.diagnosis.suspects import SUSPECTS, Suspect
from shiftline.diagnosis.wording import LIMITS, PASSED, limit_in_words, trial_sentence

SEE_WHAT_SETTLES_IT = 'see "What would settle it"'
"""Each report has that heading once, with the command."""
_ONE_MOMENT = (
    "It cannot be told while nothing is wrong; ask, or record, in the hour of the trouble and in a quiet one."
)
_CLEARED = 0.1
"""Nobody is let go who is at least this likely: what is left when another is named with confidence (0.9)."""
_AGAINST = 1.0 / 3.0
"""Odds that fell to this share of what they were before any evidence: the evidence speaks against him. A
suspect who was never likely is not let go for that alone, but for what was seen."""
_OF_USERS = frozenset({Outcome.NOT_FOUND, Outcome.REDIRECTED, Outcome.UNAVAILABLE_NOW, Outcome.BUSY})
_CONVICTED, _SURE = 0.5, 0.9
_SPEAKS_AGAINST = -0.4


def suspicions_of(
    beliefs: Sequence[Belief],
    findings: Sequence[Finding],
    separation: Separation | None,
    *,
    is_over: bool = True,
) -> tuple[Suspicion, ...]:
    """A verdict on each suspect, from the beliefs about every part of the traffic.

    Of questions that were cut short only a login that passed clears anybody.
    """
    judged = [_judge(suspect, beliefs, findings, separation, is_over=is_over) for suspect in SUSPECTS]
    return (*judged, judge_publish_window(beliefs, findings))


def _judge(
    suspect: Suspect,
    beliefs: Sequence[Belief],
    findings: Sequence[Finding],
    separation: Separation | None,
    *,
    is_over: bool,
) -> Suspicion:
    shares = [(_share(suspect, belief), belief) for belief in beliefs]
    share, belief = max(shares, key=lambda pair: pair[0])
    likeliest = max(suspect.causes, key=lambda cause: belief.causes.get(cause, 0.0))
    culprit = _named(suspect, findings)
    why = _not_asked(suspect, beliefs, findings)
    if culprit is None and not why:
        why = _left_open(suspect, belief, findings, is_over=is_over)
    served = passed_about_present(belief.evidence.trials) if _is_of_a_method(culprit) else None
    if served is not None:
        verdict = SuspectVerdict.IT_IS_NOT
        sentence = f"It is not, as long as checks ask by OPTIONS: {_as_clause(trial_sentence(served))}."
    elif culprit is not None and share >= _CONVICTED:
        verdict = SuspectVerdict.IT_IS
        sentence = _conviction(suspect, culprit, share)
    elif suspect.needs_record and not any(one.evidence.subject.requests for one in beliefs):
        verdict = SuspectVerdict.CANNOT_TELL
        were_asked = any(one.evidence.trials for one in beliefs)
        why = "Questions of ours do not show it" if were_asked else "No requests were seen"
        sentence = f"{why}; have `shiftline doctor read` look at a capture of the client."
    elif (other := _unlike(suspect, findings)) is not None:
        verdict = SuspectVerdict.IT_IS_NOT
        sentence = f"It is not, because name and password are right: {CATALOGUE[other.cause].meaning}"
    elif suspect.needs_hours and _is_one_moment(beliefs, findings):
        verdict, sentence = SuspectVerdict.CANNOT_TELL, _ONE_MOMENT
    elif why:
        verdict, sentence = SuspectVerdict.CANNOT_TELL, f"It cannot be told: {why}."
    elif share < _CLEARED and culprit is None and _speaks_against(suspect, share, belief):
        verdict, sentence = (
            SuspectVerdict.IT_IS_NOT,
            f"It is not, because {_why_not(suspect, likeliest, belief)}.{_behind(suspect, beliefs)}",
        )
    else:
        verdict = SuspectVerdict.CANNOT_TELL
        todo = "record a quiet and a busy hour" if separation is None else SEE_WHAT_SETTLES_IT
        sentence = f"It cannot be told from this ({share:.0%}); {todo}."
    return Suspicion(suspect=suspect.name, causes=suspect.causes, verdict=verdict, sentence=sentence)


def _behind(suspect: Suspect, beliefs: Sequence[Belief]) -> str:
    """What is still to be said of a suspect who shows under a load, where none was made."""
    is_open = suspect.follows_load and all(map(is_unloaded, beliefs))
    return " Whether one stands behind what was found was not asked: no load was put on." if is_open else ""


def _is_of_a_method(culprit: Finding | None) -> bool:
    """Whether one method is refused: others that checks may ask by are not then."""
    return culprit is not None and culprit.cause == METHOD and culprit.is_decided


def _left_open(suspect: Suspect, belief: Belief, findings: Sequence[Finding], *, is_over: bool) -> str:
    """Why he cannot be cleared though nothing speaks for him: a clause, empty if he can be."""
    if suspect.phrase and (words := _words(suspect.phrase, belief)):
        return f'the PBX itself speaks of it ("{words}"); ask, or record, in another hour'
    faults = [one for one in findings if one.is_decided and one.cause != HEALTHY]
    if suspect.follows_load and not faults and (load := _refused_load(belief)) is not None:
        return _as_clause(trial_sentence(load))
    passed = passage(suspect, belief.evidence)
    is_sure = any(one.confidence >= _SURE for one in faults)
    if is_over or is_sure or (passed is not None and is_login(passed)):
        return ""
    return "the questions ended before those that would tell; run it to its end"


def _words(kind: str, belief: Belief) -> str:
    """What a mark of this kind says; empty if there is none."""
    return next((one.text for one in belief.evidence.marks if one.kind == kind), "")


def _refused_load(belief: Belief) -> Trial | None:
    """A load of ours that was refused; what is said of a user who was asked about is no refusal."""
    refused = (
        trial
        for trial in belief.evidence.trials
        if trial.experiment
        and trial.probe.load in LOADS
        and trial.outcome in REFUSALS
        and (trial.probe.aim in (Aim.SERVER, Aim.USER) or trial.outcome not in _OF_USERS)
    )
    return next(refused, None)


def _not_asked(suspect: Suspect, beliefs: Sequence[Belief], findings: Sequence[Finding]) -> str:
    """What was not asked that alone clears him; empty if that was, or something else does."""
    if suspect.follows_load:
        return not_loaded(beliefs, findings)
    return _no_logins(beliefs) if suspect.needs_login and not suspect.absent else ""


def _no_logins(beliefs: Sequence[Belief]) -> str:
    """Why a record tells nothing of credentials: none are in it. Empty for any other."""
    evidence = [belief.evidence for belief in beliefs]
    trials = [trial for one in evidence for trial in one.trials]
    is_record = any(one.subject.requests for one in evidence)
    if not is_record or not trials or any(one.probe.credentials is not Credentials.NONE for one in trials):
        return ""
    kind = "traffic.challenge-unanswered"
    unanswered = next((mark.text for one in evidence for mark in one.marks if mark.kind == kind), "")
    told = f", and {unanswered} challenges (401, 407) were never answered" if unanswered else ""
    return f"nobody logs in in this record{told}"


def _unlike(suspect: Suspect, findings: Sequence[Finding]) -> Finding | None:
    """What is named for sure and only looks like him."""
    return next((one for one in findings if one.is_decided and one.cause in suspect.unlike), None)


def _is_one_moment(beliefs: Sequence[Belief], findings: Sequence[Finding]) -> bool:
    """Whether nothing is wrong now, and no other hour was seen."""
    is_long = any(one.evidence.subject.seconds >= LONG_SECONDS for one in beliefs)
    return not is_long and all(one.cause == HEALTHY for one in findings)


def _conviction(suspect: Suspect, culprit: Finding, share: float) -> str:
    share = min(share, culprit.confidence)  # no surer than what is named
    sure = "It is" if share >= _SURE else f"It probably is ({share:.0%})"
    if not culprit.is_decided:
        named = (culprit.cause, *culprit.indistinguishable_from)
        mine = [one for one in named if one in suspect.causes]
        if len(mine) > 1:
            return f"{sure}: {', '.join(mine[:-1])} or {mine[-1]}."
    limit = limit_in_words(culprit.figures) if culprit.cause.startswith(LIMITS) else ""
    return f"{sure}: {CATALOGUE[culprit.cause].meaning}" + (f" Here {limit}." if limit else "")


def _share(suspect: Suspect, belief: Belief) -> float:
    """How likely one of its causes is at work; a pair of them counts once."""
    accused = frozenset(suspect.causes)
    return sum(one.probability for one in belief.explanations if accused & frozenset(one.causes))


def _speaks_against(suspect: Suspect, share: float, belief: Belief) -> bool:
    """Whether something was seen that he would not have let happen, or all of it together is unlike him."""
    if _is_absent(suspect, belief) or passage(suspect, belief.evidence) is not None:
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
    passed = passage(suspect, belief.evidence)
    if passed is not None:
        return f"{suspect.because}: {_as_clause(trial_sentence(passed))}"
    told = statements_for(without_empty_passages(suspect, belief), likeliest)
    against = [one for one in told if one.weight <= _SPEAKS_AGAINST]
    # A passage convinces more than a refusal that had to be explained.
    passages = [
        one for one in against if one.weight <= -1.0 and any(words in one.sentence for words in PASSED)
    ]
    if passages:
        return _as_clause(passages[0].sentence)
    if against:
        return f"it would not show like this: {_as_clause(against[0].sentence)}"
    leading = belief.leading.causes
    if UNKNOWN in leading:
        return "nothing that was seen is like it"
    verb = "explain" if len(leading) > 1 else "explains"
    return f"nothing speaks for it and {' and '.join(leading)} {verb} what was seen"


def _as_clause(sentence: str) -> str:
    inner = sentence.rstrip(".")
    return f"there {inner[6:]}" if inner.startswith("There ") else inner
