"""The configuration: a TOML file, overridden by ``SHIFTLINE_<SECTION>__<KEY>`` environment variables.

Secrets never stand in the file: it names the environment variables that hold them.
"""

from shiftline.config.loading import load_settings
from shiftline.config.sections import (
    DatabaseSettings,
    PolicySettings,
    TicketingSettings,
    WebSettings,
    WfmSettings,
    WindowSettings,
    length_of,
    zone_of,
)
from shiftline.config.settings import Settings, check_secrets, default_data_directory
from shiftline.config.trunk import Serves, TrunkSettings
from shiftline.config.values import HIGHEST_RATE, PbxFamily
from shiftline.secrets import secret

__all__ = [
    "HIGHEST_RATE",
    "DatabaseSettings",
    "PbxFamily",
    "PolicySettings",
    "Serves",
    "Settings",
    "TicketingSettings",
    "TrunkSettings",
    "WebSettings",
    "WfmSettings",
    "WindowSettings",
    "check_secrets",
    "default_data_directory",
    "length_of",
    "load_settings",
    "secret",
    "zone_of",
]
