"""What has to stand on the command line for an experiment to be asked, and to be asked in full."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.experiment import Experiment, Means, Permission
from shiftline.diagnosis.programme import means_wanted
from shiftline.diagnosis.stopping import CREDENTIALS_SECONDS

OPTIONS: Mapping[Means, str] = MappingProxyType(
    {
        Means.CREDENTIALS: "--user U --password-env VAR",
        Means.KNOWN_GOOD_ACCOUNT: "--known-good USER --known-good-password-env VAR",
        Means.SECOND_SOURCE: "--source IP --source IP2",
        Means.CONTROLS: "--present USER --absent USER",
        Means.SERVED_DOMAIN: "--domain NAME",
        Means.OTHER_HOST: "--domain NAME",
        Means.OTHER_CALLER: "--caller USER",
        Means.WORKING_AGENT: "--agent NAME",
        Means.METADATA: "--header 'NAME: VALUE'",
        Means.OTHER_ADDRESS: "--public-address IP",
        Means.SUBSCRIPTIONS: "--subscribes",
    }
)
"""In the order in which they are typed. A run always has the other transport."""
_LATER = f"--patience {CREDENTIALS_SECONDS:.0f}"
"""For what is there, and may be used when refused logins are old enough."""


def options_for(one: Experiment, permission: Permission) -> tuple[str, ...]:
    """What to add for the experiment in full; empty where nothing that can be typed is lacking."""
    lacking = means_wanted(one) - permission.means
    told = [
        _LATER if means in permission.spent else option
        for means, option in OPTIONS.items()
        if means in lacking
    ]
    if one.risk > permission.risk:
        told.append(f"--allow {one.risk.word}")
    if one.wait_seconds > permission.patience_seconds:
        told.append(f"--patience {one.wait_seconds:.0f}")
    return tuple(dict.fromkeys(told))
