"""What the fuzzing starts from, and what it ever stumbled over, stays a test."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from fuzz.__main__ import TARGETS

SEEDS = Path(__file__).parents[3] / "fuzz" / "seeds"


@pytest.mark.parametrize(
    "seed", sorted(SEEDS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_seed_keeps_the_invariant(seed: Path) -> None:
    """A message, a typed error, nothing else."""
    import_module(f"fuzz.{seed.parent.name}").one(seed.read_bytes())


def test_every_target_has_seeds() -> None:
    """And every folder of seeds a target."""
    assert {path.name for path in SEEDS.iterdir()} == set(TARGETS)
