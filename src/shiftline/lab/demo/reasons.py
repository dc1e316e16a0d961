"""Reasons for a referral in words that a supervisor knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_SIDES: Mapping[str, str] = MappingProxyType(
    {"initiating": "the agent who offered the shift", "receiving": "the agent who takes the shift"}
)
_STANDINGS: Mapping[str, str] = MappingProxyType(
    {
        "unknown-user": "The PBX does not know {side}",
        "no-address": "The roster has no SIP address for {side}",
        "no-evidence": "No answer yet about {side}",
        "not-registered.on-duty": "On duty, but no phone registered: {side}",
        "not-registered.off-duty": "Off duty, no phone registered: {side}",
        "unverifiable": "Could not check {side}",
        "available": "Held back although reachable: {side}",
        "busy": "Held back although on a call: {side}",
    }
)
_RULES: Mapping[str, str] = MappingProxyType(
    {
        "violation": "Breaks a planning rule: {rule}",
        "admin-review": "The plan wants a supervisor's eye: {rule}",
        "unevaluated": "The WFM could not evaluate a rule: {rule}",
    }
)
_OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "late.refer-by": "Checks not complete in time",
        "late.expired-before-decision": "The trade had expired before it could be decided",
        "late.deadline": "Nobody answered the referral in time",
        "delivery.refused": "The WFM did not take the decision",
    }
)
_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "credentials.wrong-password": "the PBX does not accept the trunk's password",
        "credentials.unknown-user": "the PBX does not know the trunk's account",
        "acl.source": "the PBX does not let this address in",
        "ban.source": "the PBX has banned this address for now",
        "throttle.source": "the PBX limits how fast this address may ask",
        "network.unreachable": "no answer",
        "capacity.overload": "the PBX is overloaded",
        "policy.method": "the PBX does not allow this kind of question",
        "message.malformed": "the answer made no sense",
        "method.blind": "this kind of check proves nothing here",
    }
)
_IN_FULL: Mapping[str, str] = MappingProxyType({"min": "minimum", "max": "maximum"})
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def in_words(reason: str) -> str:
    """Say a reason such as ``receiving.unknown-user`` in words; an unknown one keeps its own."""
    room, _, rest = reason.partition(".")
    word, _, cause = rest.partition(":")
    if room in _SIDES and word in _STANDINGS:
        said = _STANDINGS[word].format(side=_SIDES[room])
        return f"{said} ({_CAUSES.get(cause, _spelled(cause))})" if cause else said
    if room in _RULES and rest:
        return _RULES[room].format(rule=_rule(rest))
    if reason in _OTHERS:
        return _OTHERS[reason]
    if room == "trunk" and rest:
        return f"The trunk had stopped: {_CAUSES.get(rest, _spelled(rest))}"
    return _spelled(reason)


def _rule(name: str) -> str:
    """``ReceivingWeeklyMinPaidTime`` as ``weekly minimum paid time (the agent who takes the shift)``."""
    side, _, rest = _spelled(name).partition(" ")
    words = " ".join(_IN_FULL.get(word, word) for word in rest.split())
    return f"{words} ({_SIDES[side]})" if side in _SIDES and words else _spelled(name)


def _spelled(word: str) -> str:
    """``OneSidedTradeCreation`` as ``one sided trade creation``."""
    return _CAMEL_HUMP.sub(" ", word).replace("-", " ").replace("_", " ").replace(".", ", ").lower()
