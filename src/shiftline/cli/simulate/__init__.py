"""``shiftline simulate``: limiters and controllers in virtual time."""
