"""Shiftline: shift trades checked over SIP, decided in time, without tripping the PBX's throttle."""

__version__ = "0.1.0"
