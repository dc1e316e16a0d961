"""Probes, outcomes and trials as sentences, as an engineer would say them."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import (
    Account,
    Aim,
    Credentials,
    Hour,
    Load,
    Method,
    Path,
    Probe,
    Shape,
    Source,
)

OUTCOME_WORDS = {
    Outcome.OK: "accepted",
    Outcome.CHALLENGE: "asked for credentials",
    Outcome.CHALLENGE_AGAIN: "asked for credentials again, although they had just been given",
    Outcome.CHALLENGE_STALE: "told that the nonce was stale",
    Outcome.FORBIDDEN: "refused with 403, without a challenge",
    Outcome.FORBIDDEN_AFTER_CHALLENGE: "refused with 403 with its credentials",
    Outcome.FORBIDDEN_RETRY_AFTER: "refused with 403 and a Retry-After",
    Outcome.BAD_REQUEST: "called a bad request (400 and its kind)",
    Outcome.NOT_FOUND: "answered with 404",
    Outcome.NO_METHOD: "answered that there is no such method (405, 501)",
    Outcome.TIMEOUT: "answered with 408",
    Outcome.TOO_LARGE: "called too large (413)",
    Outcome.TOO_BRIEF: "told that the interval was too brief (423)",
    Outcome.REDIRECTED: "sent elsewhere (3xx)",
    Outcome.UNAVAILABLE_NOW: "answered with 480",
    Outcome.BUSY: "answered busy (486, 600)",
    Outcome.NOT_ACCEPTABLE: "answered not acceptable (488, 606)",
    Outcome.BAD_EVENT: "told that there is no such event package (489)",
    Outcome.SERVER_ERROR: "answered with a server error (500)",
    Outcome.UNAVAILABLE: "answered with 503",
    Outcome.UNAVAILABLE_RETRY_AFTER: "answered with 503 and a Retry-After",
    Outcome.LIMITED: "refused in a status of the limit's own (429, 480 and others)",
    Outcome.OTHER: "answered oddly",
    Outcome.SILENCE: "not answered at all",
    Outcome.ICMP: "turned away by the network (ICMP)",
    Outcome.CONNECTION_REFUSED: "not even connected",
    Outcome.DNS_FAILURE: "not sent: the name does not resolve",
    Outcome.TLS_UNTRUSTED: "not sent: the certificate is not trusted",
    Outcome.TLS_NAME: "not sent: the certificate names another host",
    Outcome.TLS_EXPIRED: "not sent: the certificate has expired",
    Outcome.TLS_VERSION: "not sent: no common TLS version",
    Outcome.TLS_CLIENT_CERTIFICATE: "not sent: the server wants another certificate of ours",
}
"""What became of a request: "it was …"."""

_METHODS = {Method.REGISTER_CONTACT: "REGISTER with a Contact", Method.OTHER: "another method"}
_CREDENTIALS = {
    Credentials.NONE: "without credentials",
    Credentials.UNASKED: "without credentials",
    Credentials.FRESH: "with credentials",
    Credentials.CACHED: "with credentials and an earlier nonce",
    Credentials.AGED: "with credentials and an old nonce",
    Credentials.WRONG: "with a wrong password",
}
_ACCOUNTS = {
    Account.OTHER: "of another account",
    Account.NONEXISTENT: "of a user who does not exist",
    Account.NOBODY: "to the server itself",
}
_LOADS = {
    Load.BRISK: "at some 10 a second",
    Load.RAISED: "at some 50 a second",
    Load.STORM: "at some 200 a second",
    Load.CONCURRENT: "with many under way at once",
    Load.CROWD: "with twice as many under way at once",
    Load.PACED: "soon after other questions of ours",
    Load.DURING: "beside a load that was refused",
    Load.AFTER_PAUSE: "some seconds after the rate had fallen",
    Load.AFTER_BAN: "minutes after the rate had fallen",
}
_RECORDED_LOADS = {
    Load.BRISK: "at less than 30 a second",
    Load.RAISED: "at 30 to 120 a second",
    Load.STORM: "at 120 a second or more",
}
"""What those of a record say, by `passive.arrivals`: ours are steady, others' are not."""
_LET_THROUGH = "let through"
"""Of a record's questions about a user: a 404 or 480 that speaks of him is not the trunk's refusal."""
_SHAPES = {
    Shape.MINIMAL: "in the shortest form",
    Shape.OTHER_AGENT: "under another User-Agent",
    Shape.INVENTED_AGENT: "under an invented User-Agent",
    Shape.OTHER_CONTACT: "with another host in Contact",
    Shape.OTHER_DOMAIN: "with another domain",
    Shape.GUESSED_DOMAIN: "with a guessed domain",
    Shape.OTHER_CALLER: "with another name in From",
    Shape.OTHER_EVENT: "for another event package",
    Shape.THIRD_EVENT: "for a third event package",
    Shape.OTHER_DIGEST_URI: "with another digest URI",
    Shape.ONCE_REGISTERED: "while registered",
    Shape.WITH_METADATA: "with the headers that production adds",
    Shape.LARGE: "in a large message",
    Shape.FOREIGN: "as another program builds it",
    Shape.OTHER_VIA: "with another address in Via",
}
_CHANGES = {
    Shape.INVENTED_AGENT: "User-Agent",
    Shape.OTHER_CALLER: "From",
    Shape.OTHER_DOMAIN: "domain",
    Shape.OTHER_DIGEST_URI: "digest URI",
    Shape.WITH_METADATA: "headers",
}
"""What `Shape.ALL_CHANGED` changes."""
_HOURS = {Hour.TROUBLED: "in the troubled hours", Hour.QUIET: "outside the troubled hours"}
_AIMS = {
    Aim.PRESENT: "about a user who is there",
    Aim.ABSENT: "about a user who is absent",
    Aim.INVENTED: "about a user whom nobody has",
    Aim.USER: "about a user",
    **dict.fromkeys((Aim.OTHER_USER, Aim.ANOTHER), "about another user"),
}


def probe_words(probe: Probe, *, carried: bool = True, is_known: bool = True) -> str:
    """The question, such as "REGISTER with credentials from the other source".

    ``is_known`` if somebody said which user is there: of a record's users nobody did.
    """
    parts = [_METHODS.get(probe.method, str(probe.method))]
    if probe.account is not Account.NOBODY:
        parts.append(_CREDENTIALS[probe.credentials if carried else Credentials.NONE])
    parts.append(_ACCOUNTS.get(probe.account, ""))
    parts.append("from another source" if probe.source is Source.OTHER else "")
    parts.append(_changed(probe) if probe.shape is Shape.ALL_CHANGED else _SHAPES.get(probe.shape, ""))
    is_told = is_known or probe.aim in (Aim.SERVER, Aim.ANOTHER)
    parts.append(_AIMS.get(probe.aim, "") if is_told else "about a user")
    parts.append("over the other transport" if probe.path is Path.OTHER_TRANSPORT else "")
    parts.append(_HOURS.get(probe.hour, ""))
    parts.append((_LOADS if is_known else _LOADS | _RECORDED_LOADS).get(probe.load, ""))
    return " ".join(part for part in parts if part)


def _changed(probe: Probe) -> str:
    told = [words for shape, words in _CHANGES.items() if shape in probe.changes]
    return f"with {', '.join(told[:-1])} and {told[-1]} changed" if told[1:] else f"with {told[0]} changed"


def trial_sentence(trial: Trial) -> str:
    """The question and what came back, as a whole sentence."""
    often = f", {trial.count} times" if trial.count > 1 else ""
    asked = probe_words(trial.probe, carried=trial.carried, is_known=bool(trial.experiment))
    return f"{asked} was {_became(trial)}{often}."


def _became(trial: Trial) -> str:
    if trial.outcome is Outcome.OK and trial.probe.aim in (Aim.USER, Aim.OTHER_USER):
        return "answered as at rest"
    words = OUTCOME_WORDS[trial.outcome]
    is_about_user = trial.probe.aim is not Aim.SERVER or trial.probe.method is Method.SUBSCRIBE
    if trial.outcome is Outcome.OK and is_about_user and not trial.experiment:
        return _LET_THROUGH
    if not trial.heard:
        return words
    if trial.outcome in (Outcome.FORBIDDEN, Outcome.FORBIDDEN_AFTER_CHALLENGE):
        return words.replace("403", trial.heard)  # another code that means the same
    if trial.outcome is Outcome.LIMITED:
        return f"refused with {trial.heard}"
    return f"{words}: {trial.heard}"


PASSED = ("was accepted", f"was {_LET_THROUGH}")
"""How sentences tell of a passage."""
LIMITS = ("throttle.", "ban.", "capacity.")
"""Causes of which a limit may be told."""


def limit_in_words(figures: Mapping[str, float]) -> str:
    """The limit that was measured or fitted; empty if none was."""
    if "set_off_highest" in figures:
        lowest, highest = figures["set_off_lowest"], figures["set_off_highest"]
        count = f"{highest:,.0f}" if lowest == highest else f"{lowest:,.0f} to {highest:,.0f}"
        minute = f"{figures['set_off_in_minute']:,.0f} within a minute"
        return f"it began after {count} requests within {figures['set_off_seconds']:g} s, {minute}"
    if "rate_lowest" in figures:
        return f"{_bounds_in_words(figures)}, as far as a short load tells"
    limit, window = figures.get("limit"), figures.get("window_seconds")
    if limit is None:
        return f"about {figures['places']:.0f} are under way at most" if "places" in figures else ""
    if window is None:
        return f"about {limit:.4g} requests a second pass"
    if window == 1.0:
        return f"{_pass(f'{limit:,.0f}')} in each second"
    return f"{_pass(f'{limit:,.0f}')} in each {window:g} s, {_rate(limit / window)} a second"


def limit_in_short(figures: Mapping[str, float]) -> str:
    """For a headline: of all that short loads leave possible, the fastest that may pass for long.

    Empty where nothing bounds it.
    """
    has_one_length = figures.get("window_seconds_lowest") == figures.get("window_seconds_highest")
    if "rate_lowest" not in figures or (has_one_length and "burst_highest" not in figures):
        return limit_in_words(figures)
    if "rate_highest" not in figures:
        return ""
    return f"at most about {_rate(figures['rate_highest'])} requests a second pass"


def _rate(rate: float) -> str:
    """Three digits, and no powers of ten."""
    return f"{rate:,.3g}" if rate < 999.5 else f"{rate:,.0f}"


def _pass(count: str) -> str:
    return "1 request passes" if count == "1" else f"{count} requests pass"


def _bounds_in_words(figures: Mapping[str, float]) -> str:
    """What short loads leave possible; where that is more than one kind of limit, as rates."""
    bursts = f"at most {figures['burst_highest']:,.0f} at once" if "burst_highest" in figures else ""
    rates = _rates_in_words(figures)
    if "limit_lowest" not in figures:
        return ", ".join(part for part in (rates, bursts) if part)
    lowest, highest = figures["limit_lowest"], figures["limit_highest"]
    shortest, longest = figures["window_seconds_lowest"], figures["window_seconds_highest"]
    count = f"{lowest:,.0f}" if lowest == highest else f"{lowest:,.0f} to {highest:,.0f}"
    if shortest == longest and not bursts:
        return f"{_pass(count)} in each window of {shortest:g} s"
    window = f"{shortest:g} s" if shortest == longest else f"{shortest:g} to {longest:g} s"
    told = f"{rates}, {count} in a window of {window}" if rates else f"{_pass(count)} in a window of {window}"
    return f"{told} or {bursts}" if bursts else told


def _rates_in_words(figures: Mapping[str, float]) -> str:
    """How many requests a second pass; empty where that may be any number."""
    slowest, fastest = figures["rate_lowest"], figures.get("rate_highest")
    if fastest is None:
        return f"at least {_rate(slowest)} requests a second pass" if slowest else ""
    rates = _rate(slowest) if slowest == fastest else f"{_rate(slowest)} to {_rate(fastest)}"
    return f"{rates} requests a second pass"
