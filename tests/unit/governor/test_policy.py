"""What an operator may set, and what is refused where it is set."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from shiftline.errors import ConfigurationError
from shiftline.governor.policy import GovernorPolicy


@pytest.mark.parametrize("rate", [nan, inf, -1.0, True, "5", None, 1e-9])
@pytest.mark.parametrize("learn", [True, False])
def test_what_is_no_rate_is_refused(rate: Any, learn: bool) -> None:
    """By name, before anything is sent at it: neither a text nor a truth is a number."""
    with pytest.raises(ConfigurationError, match="max_rate = "):
        GovernorPolicy(learn=learn, max_rate=rate)


@pytest.mark.parametrize("share", [nan, inf, -0.1, True, "0.1", None, 0.999999, 1.0])
def test_what_is_no_share_is_refused(share: Any) -> None:
    """Nor one that leaves nothing to us."""
    with pytest.raises(ConfigurationError, match="headroom = "):
        GovernorPolicy(headroom=share)


def test_what_makes_sense_is_taken() -> None:
    """Once a minute as well as thousands a second, and no ceiling where it may learn."""
    assert GovernorPolicy(max_rate=1 / 60).ceiling == 1 / 60
    assert GovernorPolicy(max_rate=5, headroom=0.5).ceiling == 5
    assert GovernorPolicy(learn=True, max_rate=0).ceiling > 0


def test_a_trunk_begins_at_what_was_declared_or_slowly_where_it_may_learn() -> None:
    assert GovernorPolicy(max_rate=50).first_rate == 50
    assert GovernorPolicy(learn=True, max_rate=5).first_rate == 5
    assert GovernorPolicy(learn=True, max_rate=0).first_rate == 20
