"""The practice PBX: a legacy PBX with agents whose truth is known, and faults that can be switched on."""
