"""A command of the report as it may be shown to strangers: pseudonyms for names, words for the rest.

Rules of this file: options stay, so that one sees what was asked with; only their values change.
"""

from __future__ import annotations

import shlex

from shiftline.sip.pseudonyms import Pseudonyms

_NAMES = (
    "--server", "--user", "--known-good", "--present", "--absent", "--caller", "--domain", "--agent",
    "--i-may-load",
)  # fmt: skip
_WORDS = {
    "--password-env": "VAR",
    "--known-good-password-env": "VAR",
    "--config": "FILE",
    "--tls-ca": "FILE",
}
"""Options whose values often hold a name in some other writing."""


def renamed_command(command: str, names: Pseudonyms) -> str:
    """The command with what ``names`` knows replaced in the values of its options."""
    try:
        words = shlex.split(command)
    except ValueError:  # no command of ours; then nothing of it is shown
        return ""
    pairs = zip(("", *words), words, strict=False)
    return shlex.join(_shown(before, word, names) for before, word in pairs)


def _shown(option: str, value: str, names: Pseudonyms) -> str:
    if option in _WORDS:
        return _WORDS[option]
    if option == "--header":
        name, colon, told = value.partition(":")
        return f"{name}{colon} {names.argument(told.strip())}"
    return names.argument(value) if option in _NAMES else value
