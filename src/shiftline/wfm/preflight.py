"""Will this organisation ever ask us? (facts/genesys.md section 2.7)"""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.wfm import wire


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFinding:
    """Something in the WFM's settings that keeps trades from us, or us from what we were told to ask.

    ``cause`` is an id of the catalogue; ``management_unit`` is empty when all are concerned.
    """

    cause: str
    management_unit: str
    message: str
    remedy: str


def examine(unit: wire.ManagementUnit) -> list[SettingsFinding]:
    """Return what is wrong with a management unit's shift-trade settings."""
    trading = unit.settings.shift_trading if unit.settings else None
    name = unit.name or unit.id
    if trading is None or not trading.enabled:
        return [_not_asked(unit.id, f"Shift trading is off in management unit {name}.", "Enable it there.")]
    if trading.auto_review and not trading.asks_a_person:
        return [
            _not_asked(
                unit.id,
                f"Management unit {name} reviews trades automatically and no rule asks an administrator.",
                "Switch automatic review off, or set a rule to AdminReview.",
            )
        ]
    return []


def _not_asked(unit: str, message: str, remedy: str) -> SettingsFinding:
    return SettingsFinding(cause="wfm.not-asked", management_unit=unit, message=message, remedy=remedy)
