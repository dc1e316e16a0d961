"""The doctor's knowledge as data: causes, their signatures, marks, and how healthy trunks answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.catalogue import acl, credentials, throttle
from shiftline.diagnosis.catalogue.cause import Cause

CATALOGUE: Mapping[str, Cause] = MappingProxyType(
    {cause.id: cause for group in (credentials.CAUSES, acl.CAUSES, throttle.CAUSES) for cause in group}
)
"""Every cause by its id."""
