"""The command that would settle it keeps what was given, and adds what is wanted."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.cli.doctor.command import typed
from shiftline.diagnosis.options import OPTIONS
from shiftline.diagnosis.separation import DOCTOR_RUN

RUN = "shiftline doctor run"


@pytest.mark.parametrize(
    ("wanted", "arguments", "command"),
    [
        ("--subscribes", "--server sip:x --allow harmless", "--server sip:x --allow harmless --subscribes"),
        ("--allow may-trip", "--server sip:x --allow harmless", "--server sip:x --allow may-trip"),
        ("--source IP --source IP2", "--user u --source ::1", "--user u --source ::1 --source IP2"),
        ("--source IP --source IP2", "--user u", "--user u --source IP --source IP2"),
        ("--header 'NAME: VALUE'", "--header 'X: 1'", "--header 'X: 1' --header 'NAME: VALUE'"),
    ],
)  # fmt: skip
def test_what_was_given_stands(wanted: str, arguments: str, command: str) -> None:
    assert typed(f"{DOCTOR_RUN} {wanted}", arguments) == f"{RUN} {command}"


@given(
    st.lists(
        st.sampled_from(sorted(set(OPTIONS.values()) | {"--allow may-trip", "--patience 900"})), unique=True
    )
)
def test_all_that_is_wanted_is_there_once(wanted: list[str]) -> None:
    """However it was called before."""
    arguments = "--server sip:x --user u --allow harmless --patience 8 --source 10.0.0.1 --subscribes"
    words = shlex.split(typed(" ".join((DOCTOR_RUN, *wanted)), arguments))
    for name in ("--server", "--user", "--allow", "--patience", "--subscribes", "--public-address"):
        assert words.count(name) <= 1
    for option in wanted:
        assert option.split()[0] in words
    assert words.count("--source") <= 2
