"""SIPp scenario files of the common kind as scripts: send, recv, ``auth="true"``, pause.

What the file says of retransmission, response times and repartitions is left out: the engine has its own.
Anything else is an error that names it, for a scenario half understood would measure something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from shiftline.errors import ConfigurationError
from shiftline.secrets import Secret
from shiftline.storm.script import Script, Step
from shiftline.storm.template import Place, Template

_LEFT_OUT = frozenset(
    {"CallLengthRepartition", "ResponseTimeRepartition", "Reference", "label", "timewait"}
)  # timewait: the wheel and the kernel hear late copies of every flow anyway
_KNOWN = {
    "send": frozenset({"retrans", "rtd", "start_rtd", "crlf", "counter"}),
    "recv": frozenset({"response", "auth", "optional", "rtd", "crlf", "counter", "rrs", "timeout"}),
    "pause": frozenset({"milliseconds", "crlf"}),
}
_OF_CALLS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"})
_AUTHENTICATION = re.compile(r"\[authentication((?:[^\[\]]|\[[^\]]*\])*)\]", re.IGNORECASE)
_INJECTED = re.compile(r"^[ \t]*\[field1\][ \t]*$", re.IGNORECASE | re.MULTILINE)
"""A row of its own: SIPp's injection files have ``[authentication ...]`` there; ours have the password."""
_CREDENTIAL = re.compile(r"\b(username|password)=(\[[^\]]*\]|\S+)")
_MOST_STEPS = 20
_REMEDY = "Storm takes send, recv (with auth and optional) and pause; for calls use --method invite."
_NOWHERE = Place(remote_host="h", remote_port=1, local_host="h", local_port=1, transport="UDP", mark="x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A script, and the credentials that stand in the file itself, if any do."""

    script: Script
    username: str = ""
    password: Secret | None = None


@dataclass(slots=True)
class _Reading:
    path: Path
    steps: list[Step] = field(default_factory=list)
    credentials: dict[str, str] = field(default_factory=dict, repr=False)
    pause: float = 0.0
    is_open: bool = False
    """Whether the last request's final answer has not been read yet."""

    def fault(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"The scenario {self.path} {what}.", remedy=_REMEDY)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises ConfigurationError that names what storm cannot do."""
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"The scenario {path} cannot be read: {error.strerror}.") from error
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ConfigurationError(f"The scenario {path} is no XML that can be read: {error}.") from error
    reading = _Reading(path)
    for element in root:
        _take(reading, element)
    if not reading.steps:
        raise reading.fault("sends nothing")
    if reading.is_open:
        reading.steps[-1] = replace(reading.steps[-1], is_answered=False)
    if len(reading.steps) > _MOST_STEPS:
        raise reading.fault(f"sends more than {_MOST_STEPS} requests")
    for step in reading.steps:
        Template(step.text, _NOWHERE)  # an unknown word is said now, not by an engine
    given = reading.credentials
    return Scenario(
        script=Script(name=path.stem, steps=tuple(reading.steps)),
        username=given.get("username", ""),
        password=Secret(given["password"]) if "password" in given else None,
    )


def _take(reading: _Reading, element: Any) -> None:
    name = str(element.tag)
    if name in _LEFT_OUT:
        return
    if name not in _KNOWN:
        raise reading.fault(f"has the element <{name}>, which storm does not know")
    for attribute in element.attrib:
        if attribute not in _KNOWN[name]:
            raise reading.fault(f"has the attribute {attribute} of <{name}>, which storm does not know")
    for child in element:
        raise reading.fault(f"has the element <{child.tag}> within <{name}>, which storm does not know")
    if name == "send":
        _take_send(reading, element.text or "")
    elif name == "recv":
        _take_recv(reading, element)
    else:
        reading.pause += _number(reading, element.get("milliseconds", "0")) / 1000.0


def _take_send(reading: _Reading, text: str) -> None:
    if reading.is_open:  # two requests in a row: the first one's answer matters to nobody
        reading.steps[-1] = replace(reading.steps[-1], is_answered=False)
    method = text.split(maxsplit=1)[0] if text.strip() else ""
    if not method or method.startswith("SIP/"):
        raise reading.fault("has a <send> that is no request; storm plays the client only")
    if method in _OF_CALLS:
        raise reading.fault(f"sends {method}")
    text = _INJECTED.sub("[authentication]", text)
    _take_credentials(reading, text)
    reading.steps.append(
        Step(
            method=method,
            text=_AUTHENTICATION.sub("[authentication]", text),
            pause_seconds=reading.pause,
            answers_challenge=False,
        )
    )
    reading.pause, reading.is_open = 0.0, True


def _take_recv(reading: _Reading, element: Any) -> None:
    status = int(_number(reading, element.get("response", "")))
    if not reading.is_open:
        raise reading.fault(f"waits for {status} without having sent a request")
    is_optional = element.get("optional", "false") != "false"
    if status < 200:
        if not is_optional:
            raise reading.fault(f"waits for {status}, a provisional answer, without optional")
        return
    if is_optional:
        raise reading.fault(f"has an optional {status}; storm takes optional provisional answers only")
    reading.steps[-1] = replace(reading.steps[-1], expects=frozenset({status}))
    reading.is_open = False


def _number(reading: _Reading, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise reading.fault(f"has {text!r} where a number is expected") from error


def _take_credentials(reading: _Reading, text: str) -> None:
    """User and password that are written out; words in brackets are filled from storm's own users."""
    for found in _AUTHENTICATION.finditer(text):
        for name, value in _CREDENTIAL.findall(found[1]):
            if not value.startswith("["):
                reading.credentials.setdefault(name, value)
