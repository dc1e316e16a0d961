"""The lab: stand-ins that reproduce the incident on one machine. Only the command line and tests use it."""
