"""Files that are written whole or not at all: beside their place, then renamed.

Of a full disk or a process that dies nothing is left that looks like a result, and who reads meanwhile reads
what was there before.
"""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from stat import S_IMODE


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Give ``path``, or the file that it links to, this content. Raises OSError if that cannot be done.

    A ``private`` file can be read by its owner only; another keeps the mode that it had. A device or a pipe
    is written to, never replaced. So is a file of ours in a directory that is not, unless it is private.
    """
    place = path.resolve()
    if path.exists() and not (path.is_file() and (private or os.access(place.parent, os.W_OK))):
        path.write_bytes(content)
        return
    draft = place.with_name(f".{place.name}.{token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if not private and place.exists():
            draft.chmod(S_IMODE(place.stat().st_mode))
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
