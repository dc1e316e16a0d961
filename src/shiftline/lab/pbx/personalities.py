"""The five families of PBXs that the practice PBX can play, and itself (facts: 3.1 and 3.3 to 3.6).

Where the facts say nothing of a manner, the plainest one stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from shiftline.errors import ConfigurationError
from shiftline.lab.pbx.personality import (
    Personality,
    base64_nonce,
    hex_nonce,
    stamped_nonce,
    uuid_nonce,
)
from shiftline.lab.pbx.refusal import CHALLENGE, say
from shiftline.lab.pbx.visit import Stage

PRACTICE = "practice"

_FIREWALL = (Stage.BAN, Stage.RATE)
"""A PBX without a limiter of its own stands behind a firewall that has one (facts: A14, V24)."""
_PROVEN = (Stage.USER, Stage.DIGEST, Stage.ACCOUNT)

_ALL = (
    Personality(
        name=PRACTICE,
        title="the plain practice PBX of the demo: a legacy PBX's order and no name",
        order=(
            Stage.BAN,
            Stage.STATE,
            Stage.SOURCE,
            Stage.DIALOG,
            Stage.RATE,
            Stage.SHAPE,
            Stage.KEEPALIVE,
            Stage.METHOD,
            Stage.PLACE,
            *_PROVEN,
            Stage.TARGET,
        ),
        keepalive=say(200, "Keepalive"),
        compares_uri=True,
        draws_times=False,
    ),
    Personality(
        name="chan_sip",
        title="Asterisk with chan_sip: 401, then 403; tells the log why, not the client",
        order=(
            *_FIREWALL,
            Stage.STATE,
            Stage.SHAPE,
            Stage.DIALOG,
            Stage.METHOD,
            Stage.KEEPALIVE,
            Stage.SOURCE,
            Stage.PLACE,
            *_PROVEN,
            Stage.TARGET,
        ),
        servers=(
            "Asterisk PBX 1.8.32.3",
            "Asterisk PBX 11.25.3",
            "Asterisk PBX 13.38.3",
            "FPBX-2.11.0(11.25.3)",
        ),
        nonce=hex_nonce(8),
        nonce_seconds=60.0,
        offers_qop=False,
        wrong_password=say(403, "Forbidden"),  # C1, C4
        unknown_user=CHALLENGE,  # C2, alwaysauthreject
    ),
    Personality(
        name="pjsip",
        title="Asterisk with PJSIP: endless 401 for whatever it does not want to explain",
        order=(
            *_FIREWALL,
            Stage.STATE,
            Stage.SOURCE,
            Stage.SHAPE,
            Stage.DIALOG,
            *_PROVEN,
            Stage.METHOD,
            Stage.PLACE,
            Stage.KEEPALIVE,
            Stage.TARGET,
        ),
        servers=(
            "Asterisk PBX 16.30.0",
            "Asterisk PBX 18.19.0",
            "Asterisk PBX 20.5.1",
            "FPBX-16.0.40(18.19.0)",
        ),
        nonce=stamped_nonce,
        nonce_seconds=32.0,
        nonce_is_of_source=True,
        has_opaque=True,
        keepalive=None,  # A11: authenticated like any request
    ),
    Personality(
        name="freeswitch",
        title="FreeSWITCH: 403 after the credentials for seven different reasons",
        order=(
            *_FIREWALL,
            Stage.STATE,
            Stage.SOURCE,
            Stage.DIALOG,
            Stage.KEEPALIVE,
            Stage.SHAPE,
            Stage.METHOD,
            Stage.PLACE,
            *_PROVEN,
            Stage.TARGET,
        ),
        servers=(
            "FreeSWITCH-mod_sofia/1.6.20-37-987c9b9~64bit",
            "FreeSWITCH-mod_sofia/1.10.7-release+git~20211024T163933Z~883d2cb662~64bit",
            "FreeSWITCH-mod_sofia/1.10.10-release~64bit",
        ),
        server_header="User-Agent",
        challenge_statuses=(401, 407),
        nonce=uuid_nonce,
        nonce_seconds=60.0,
        wrong_password=say(403, "Forbidden"),  # F5
        unknown_user=say(403, "Forbidden"),
    ),
    Personality(
        name="kamailio",
        title="Kamailio with its stock script: never 403 for credentials, silence for a flood",
        order=(
            Stage.BAN,
            Stage.RATE,
            Stage.STATE,
            Stage.SHAPE,
            Stage.KEEPALIVE,
            Stage.DIALOG,
            Stage.SOURCE,
            Stage.METHOD,
            Stage.PLACE,
            *_PROVEN,
            Stage.TARGET,
        ),
        servers=(
            "kamailio (5.6.3 (x86_64/linux))",
            "kamailio (5.7.4 (x86_64/linux))",
            "kamailio (5.8.1 (x86_64/linux))",
            "",
        ),
        challenge_statuses=(401, 407),
        nonce=base64_nonce,
        nonce_seconds=300.0,
        says_stale=False,  # K8
        keepalive=say(200, "Keepalive"),  # K19
        unregistered_status=404,  # K20
        answer_seconds=(0.002, 0.040),
    ),
    Personality(
        name="sbc",
        title="a carrier behind an Oracle-like SBC: says little, and 403 for most",
        order=(
            Stage.BAN,
            Stage.SOURCE,
            Stage.STATE,
            Stage.SHAPE,
            Stage.DIALOG,
            Stage.RATE,
            Stage.KEEPALIVE,
            Stage.METHOD,
            Stage.PLACE,
            *_PROVEN,
            Stage.TARGET,
        ),
        challenge_statuses=(401, 407),
        nonce=hex_nonce(32),
        nonce_seconds=120.0,
        wrong_password=say(403, "Forbidden"),
        unknown_user=say(403, "Forbidden"),
        answer_seconds=(0.010, 0.120),
    ),
)
PERSONALITIES: Mapping[str, Personality] = MappingProxyType({one.name: one for one in _ALL})
FAMILIES = tuple(name for name in PERSONALITIES if name != PRACTICE)
"""The personalities that play somebody else."""


def personality_of(name: str) -> Personality:
    """The personality of that name. Raises ConfigurationError for one that does not exist."""
    found = PERSONALITIES.get(name)
    if found is None:
        near = get_close_matches(name, PERSONALITIES, n=1)
        raise ConfigurationError(
            f"There is no personality {name!r}.",
            remedy=f"Did you mean {near[0]}?" if near else f"There are {', '.join(PERSONALITIES)}.",
        )
    return found
