"""Habits that only several answers together show, as marks of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shiftline.diagnosis.evidence import MOST_PLACES, Mark, Trial
from shiftline.diagnosis.exchange import Exchange, Place
from shiftline.diagnosis.losses import losses
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Load, Shape
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.load import TRIPPED
from shiftline.doctor.examination.records import RECEIVED
from shiftline.errors import SipSyntaxError
from shiftline.sip.address import Contact
from shiftline.sip.grammar import split_list

_LEAST_ANSWERS = 2
_DISLIKED = (Outcome.FORBIDDEN, Outcome.FORBIDDEN_AFTER_CHALLENGE, Outcome.BAD_REQUEST)
_PASSED = (Outcome.OK, Outcome.CHALLENGE)
_LEAST_REPEATED, _REPEATED_SHARE = 2, 0.15


def notice_habits(
    trials: Sequence[Trial], exchanges: Sequence[Exchange], account: str, own_hosts: frozenset[str]
) -> tuple[Mark, ...]:
    """What stands out in all that was asked."""
    found = (
        _blind(trials),
        _contact_churn(exchanges, account, own_hosts),
        _unnamed(exchanges),
        _answered_on_repeat(exchanges),
        _seen_as(exchanges, own_hosts),
        _fewer_refused(trials),
        _passed_with_header(trials),
    )
    return tuple(mark for mark in found if mark is not None)


def _blind(trials: Sequence[Trial]) -> Mark | None:
    """Both controls get 200, and an invented user does, if one was asked about: the method tells nothing."""
    told = {trial.probe.aim: trial for trial in trials if trial.probe.aim is not Aim.SERVER}
    present, absent, invented = (told.get(aim) for aim in (Aim.PRESENT, Aim.ABSENT, Aim.INVENTED))
    if present is None or absent is None or not present.outcome is absent.outcome is Outcome.OK:
        return None
    if invented is not None and invented.outcome is not Outcome.OK:
        return None
    return Mark(kind="method.blind", places=(*present.places[-1:], *absent.places[-1:]))


def _contact_churn(exchanges: Sequence[Exchange], account: str, own_hosts: frozenset[str]) -> Mark | None:
    """The registrar lists somebody else's contact for our account at one time, and not at another."""
    listed: dict[frozenset[str], Exchange] = {}
    for one in exchanges:
        if one.method == "REGISTER" and one.status == 200 and _is_of(one, account):
            hosts = _hosts(one.hints.get("contact", "")) - own_hosts
            listed.setdefault(hosts, one)
    if len(listed) < 2:
        return None
    text = ", ".join(sorted(frozenset[str]().union(*listed)))
    return Mark(kind="traffic.contact-churn", text=text, places=_places(listed.values()))


def _seen_as(exchanges: Sequence[Exchange], own_hosts: frozenset[str]) -> Mark | None:
    """Which address the server saw: it has to say so where Via names another (RFC 3261 section 18.2.1)."""
    answered = [one for one in exchanges if one.status is not None]
    elsewhere = [one for one in answered if one.hints.get(RECEIVED, one.via_host) not in own_hosts]
    if elsewhere:
        seen = ", ".join(dict.fromkeys(one.hints.get(RECEIVED, "") for one in elsewhere))
        return Mark(kind="via.seen-elsewhere", text=seen, places=_places(elsewhere))
    usual = [one for one in answered if one.hints.get(RECEIVED, one.via_host) == one.via_host]
    if len(usual) < _LEAST_ANSWERS:
        return None
    return Mark(kind="via.seen-as-sent", count=len(usual), places=_places(usual))


def _answered_on_repeat(exchanges: Sequence[Exchange]) -> Mark | None:
    """Single requests at rest that got their answer only when they were sent again.

    A load is of hundreds that are sent once: among them these would be few, however many they are.
    """
    at_rest = [one for one in exchanges if _is_at_rest(one.probe)]
    asked = [one for one in at_rest if one.transport == "UDP"]
    answered = [one for one in asked if one.status is not None]
    repeated = [one for one in answered if one.copies > 1]
    if len(repeated) < max(_LEAST_REPEATED, _REPEATED_SHARE * len(answered)):
        return None
    return Mark(
        kind="traffic.answered-on-repeat",
        count=len(repeated),
        text=f"{len(repeated)} of {len(answered)}",
        figures=losses(len(repeated) + len(asked) - len(answered), len(asked)),
        places=_places(repeated),
    )


def _is_at_rest(name: str) -> bool:
    one = PROGRAMME.get(name)
    return one is None or (one.plan is None and one.probe.load is not Load.DURING)


def _fewer_refused(trials: Sequence[Trial]) -> Mark | None:
    """A load that was refused, though a faster one of the other kind passed, which is refused as well.

    A limit that counts all of an address, or those under way, does not do that; chance does.
    """
    loads = [(trial, PROGRAMME[trial.experiment]) for trial in trials if trial.experiment in PROGRAMME]
    plans = [(trial, one.plan) for trial, one in loads if one.plan is not None]
    refused = [(trial, plan) for trial, plan in plans if trial.outcome in TRIPPED]
    for trial, plan in refused:
        methods = {other.probe.method for other, _ in refused} - {trial.probe.method}
        for other, faster in plans:
            passed = other.outcome not in TRIPPED and other.probe.method in methods
            if passed and faster.rate > plan.rate and faster.requests >= plan.requests:
                text = f"{PROGRAMME[trial.experiment].name}, and not {PROGRAMME[other.experiment].name}"
                return Mark(kind="traffic.fewer-refused", text=text, places=trial.places[:2])
    return None


def _passed_with_header(trials: Sequence[Trial]) -> Mark | None:
    """A question that never passed as usual, and did with the headers that were named."""
    refused = {trial.probe: trial for trial in trials if trial.outcome in _DISLIKED}
    passed = {trial.probe for trial in trials if trial.outcome in _PASSED}
    for trial in trials:
        usual = replace(trial.probe, shape=Shape.USUAL)
        named = trial.probe.shape is Shape.WITH_METADATA and trial.probe in passed
        if named and usual in refused and usual not in passed:
            places = (*refused[usual].places[-1:], *trial.places[-1:])
            return Mark(kind="message.passed-with-header", text=trial.probe.method, places=places)
    return None


def _is_of(one: Exchange, account: str) -> bool:
    return one.carried is not None and one.carried.username == account


def _unnamed(exchanges: Sequence[Exchange]) -> Mark | None:
    answers = [one for one in exchanges if one.status is not None]
    if len(answers) < _LEAST_ANSWERS or any("server" in one.hints for one in answers):
        return None
    return Mark(kind="server.unnamed", count=len(answers), places=_places(answers))


def _hosts(contacts: str) -> frozenset[str]:
    found = set()
    for text in split_list(contacts):
        try:
            address = Contact.parse(text).address
        except SipSyntaxError:
            continue  # a contact that cannot be read names no host
        if address is not None:
            found.add(address.uri.host)
    return frozenset(found)


def _places(exchanges: Iterable[Exchange]) -> tuple[Place, ...]:
    return tuple(place for one in exchanges for place in one.places[:1])[:MOST_PLACES]
