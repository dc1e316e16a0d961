"""The governor: who may send when, and how much a trunk takes. Pure: time comes in as ``now`` (seconds)."""
