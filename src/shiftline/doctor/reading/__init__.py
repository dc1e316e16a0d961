"""From files to exchanges: captures, logs, traces and pasted messages, of whatever make and however broken.

Rules of this package: memory is bounded whatever a file claims; what is not read is counted with its
reason; the only exception that leaves it is a ShiftlineError.
"""
