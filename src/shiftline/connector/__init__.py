"""The use cases of a trade's way (intake, check, decide, deliver, sweep) and the ports they need."""
