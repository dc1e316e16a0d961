"""Database URLs, and what is said about those that do not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.store.database import open_engine


@pytest.mark.parametrize(
    "url",
    ["", "not a url", "sqlite:///x.db", "mysql://host/db", "postgresql+asyncpg://h/d", "postgresql://h:x/d"],
)
async def test_what_is_no_postgresql_url_is_refused(url: str) -> None:
    """One clear sentence with a remedy, before anything is connected to."""
    with pytest.raises(ConfigurationError) as caught:
        await open_engine(url)
    assert caught.value.remedy


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
async def test_an_unreachable_database_is_unavailable(scheme: str, tmp_path: Path) -> None:
    """The message says where and why, and never the password."""
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        await open_engine(f"{scheme}://me:hush@/db?host={tmp_path}")
    assert str(tmp_path).replace("/", "%2F") in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_an_unknown_option_is_told(tmp_path: Path) -> None:
    """A word behind the question mark that PostgreSQL does not know is a matter of configuration."""
    with pytest.raises(ConfigurationError, match="option"):
        await open_engine(f"postgresql+psycopg:///db?host={tmp_path}&no_such_option=1")


async def test_a_url_that_cannot_be_read_is_not_repeated() -> None:
    """It may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        await open_engine("postgresql:/me:hush@host/db")
    assert "hush" not in str(caught.value)
