"""``shiftline check``: can these agents be reached?"""
