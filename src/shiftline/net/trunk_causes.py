"""The causes that a trunk gives for evidence that it cannot bring."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.connector.reading import Reading
from shiftline.governor.refusals import RefusalClass
from shiftline.trades.model import EvidenceKind

CAUSES: Mapping[RefusalClass, str] = MappingProxyType(
    {
        # Each names a class: what looks the same from outside stands in docs/explanation/governor.md.
        RefusalClass.CREDENTIALS: "credentials.wrong-password",
        RefusalClass.POLICY: "acl.source",
        RefusalClass.BAN: "ban.source",
        RefusalClass.UNREACHABLE: "network.unreachable",
        RefusalClass.USER_BOUND: "throttle.user",
    }
)

UNASKABLE = Reading(EvidenceKind.UNVERIFIABLE, "message.malformed")
"""The question could not be written, or nothing could be made of its answer."""
