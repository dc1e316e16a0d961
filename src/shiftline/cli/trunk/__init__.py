"""``shiftline trunk``: what a governor knows of its trunk."""
