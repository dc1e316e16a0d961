"""The doctor's knowledge as data: causes, their signatures, marks, and how healthy trunks answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.catalogue import (
    about_users,
    acl,
    ban,
    beyond,
    capacity,
    credentials,
    digests,
    failing,
    message,
    network,
    policy,
    registrar,
    standing,
    throttle,
    transports,
    uneven,
)
from shiftline.diagnosis.catalogue.cause import Cause

CATALOGUE: Mapping[str, Cause] = MappingProxyType(
    {
        cause.id: cause
        for group in (
            beyond.HEALTH,
            about_users.with_rules_about_users(throttle.CAUSES),
            about_users.with_rules_about_users(about_users.CAUSES),
            ban.CAUSES,
            credentials.CAUSES,
            digests.CAUSES,
            about_users.with_rules_about_users(acl.CAUSES),
            about_users.with_rules_about_users(policy.CAUSES),
            transports.CAUSES,
            standing.CAUSES,
            registrar.CAUSES,
            capacity.CAUSES,
            message.CAUSES,
            failing.CAUSES,
            network.CAUSES,
            uneven.CAUSES,
            network.TLS_CAUSES,
            beyond.CAUSES,
        )
        for cause in group
    }
)
"""Every cause by its id, the usual ones first."""
