"""Fuzzing of the SIP core, guided by coverage.

The invariant of every target, in words: **a message, a typed error, nothing else.** Whatever the bytes,
reading gives a value or SipSyntaxError, writing gives bytes without CR, LF or NUL where none belong or
MisuseError, the agent reports events, a stream is the same however it is cut, and no secret survives
redaction; no other exception, no endless loop, no growing memory.

``make fuzz`` runs each target for a minute (``make fuzz ARGS="reader digest --seconds 300"``). Each target
is a module with ``one(data)``; what it once stumbled over is kept as a small file in ``fuzz/seeds/<target>``,
and the unit tests replay all of them.
"""
