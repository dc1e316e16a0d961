"""``shiftline lab``: a PBX, an organisation and faults to practise on."""
