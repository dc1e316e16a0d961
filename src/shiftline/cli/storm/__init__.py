"""``shiftline storm``: what can this trunk take?"""
