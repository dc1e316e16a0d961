"""What the Genesys client is told."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesysSettings:
    """Where the organisation is, who we are there and whom we look after.

    ``address_schema`` and ``address_field`` name the user custom attribute that carries an agent's SIP
    URI; without a schema the directory gives no addresses. Management units may be left out: then all
    of the business unit's are used.
    """

    api_url: str
    login_url: str
    client_id: str
    client_secret: Secret
    business_unit: str
    management_units: tuple[str, ...] = ()
    address_schema: str = ""
    address_field: str = ""
    ca_file: str | None = None
    connect_timeout_seconds: float = 5.0
    answer_timeout_seconds: float = 30.0
    poll_steps_seconds: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Pauses between looks at an unfinished job; the last one repeats."""
    job_timeout_seconds: float = 120.0
