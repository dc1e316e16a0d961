"""Controllers by name: ours, and those that it is measured against."""
