"""``shiftline doctor``: why does the trunk refuse?"""
