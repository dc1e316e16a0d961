"""The roster file: which agent is reached at which SIP address, for organisations whose WFM does not know.

A CSV file with the header ``agent,address``; ``agent`` is the WFM's user id or the agent's name, exactly
as the WFM writes it. The file wins over the WFM's custom attribute.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from shiftline.errors import ConfigurationError, SipSyntaxError
from shiftline.sip.uri import SipUri

COLUMNS = ("agent", "address")


def read_roster(path: Path) -> dict[str, str]:
    """Return agent -> SIP URI. Raises ConfigurationError that names the line of the first fault."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"The roster file {path} cannot be read: {why}.", remedy="Give a UTF-8 CSV file."
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return _addresses(path, reader)
    except csv.Error as error:
        raise ConfigurationError(
            f"{path}, line {reader.line_num + 1}: not CSV: {error}.", remedy="Mend that line."
        ) from error


def _addresses(path: Path, reader: csv.DictReader[str]) -> dict[str, str]:
    if reader.fieldnames is None or not set(COLUMNS) <= set(reader.fieldnames):
        raise ConfigurationError(
            f"The roster file {path} does not begin with the columns agent,address.",
            remedy="Make its first line: agent,address",
        )
    addresses: dict[str, str] = {}
    for row in reader:
        agent, address = (row["agent"] or "").strip(), (row["address"] or "").strip()
        if not address:
            continue  # a known gap: the agent is listed as without an address
        where = f"{path}, line {reader.line_num}"
        if not agent or addresses.get(agent, address) != address:
            fault = f"{agent!r} has two addresses" if agent else "the agent is missing"
            raise ConfigurationError(f"{where}: {fault}.", remedy="Leave one line for each agent.")
        _require_user_address(address, where)
        addresses[agent] = address
    return addresses


def _require_user_address(address: str, where: str) -> None:
    try:
        usable = address.isprintable() and bool(SipUri.parse(address).user)
    except SipSyntaxError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{where}: {address!r} is not the SIP URI of a user.",
            remedy="Write it like sip:4711@pbx.example",
        )
