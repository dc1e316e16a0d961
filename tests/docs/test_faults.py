"""The reference of the lab's faults says what the bank has."""

from __future__ import annotations

from pathlib import Path

from shiftline.lab.kamailio_faults import KAMAILIO_FAULTS
from shiftline.lab.pbx.bank.build import BANK
from shiftline.lab.pbx.personalities import PERSONALITIES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"


def _rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def test_every_fault_is_documented() -> None:
    """With its words, who shows it, and whether real Kamailio can."""
    expected = []
    for entry in BANK.values():
        shown = ", ".join(f"`{name}`" for name in PERSONALITIES if name in entry.shown)
        who = "all" if len(entry.shown) == len(PERSONALITIES) else shown
        expected.append([f"`{entry.id}`", entry.does, who, "yes" if entry.id in KAMAILIO_FAULTS else ""])
    assert _rows("Faults")[1:] == expected


def test_the_manners_are_documented() -> None:
    """Statuses of a challenge, and how long a nonce lives."""
    rows = {row[0]: row[1:] for row in _rows("Personalities")}
    assert [name.strip("`") for name in rows[""]] == [*PERSONALITIES]
    for number, one in enumerate(PERSONALITIES.values()):
        challenges = rows["challenge to REGISTER, to others"][number]
        assert challenges == "{}, {}".format(*one.challenge_statuses)
        assert f"{one.nonce_seconds:.0f} s" in rows["nonce"][number]
        assert rows["says `stale=true`"][number] == ("yes" if one.says_stale else "no")
