"""The page of causes is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.reference import cause_as_json, causes_document

ROOT = Path(__file__).parents[2]


def test_the_page_of_causes_is_up_to_date() -> None:
    """What `scripts/causes` would write is what stands there."""
    written = (ROOT / "docs/reference/causes.md").read_text(encoding="utf-8")
    assert written == causes_document(), "run scripts/causes"


def test_every_key_of_a_cause_is_documented() -> None:
    """What `doctor causes --json` prints stands in the reference."""
    text = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    assert [key for key in cause_as_json(CATALOGUE["healthy"]) if f"`causes[].{key}" not in text] == []
