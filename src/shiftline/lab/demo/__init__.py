"""The demo: the incident before, and Shiftline after, against the same PBX, organisation and truth."""
