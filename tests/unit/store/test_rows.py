"""Values as one parameter."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from types import MappingProxyType

import pytest
from sqlalchemy import Integer, Text, column, create_engine, select

from shiftline.store.rows import among, insert_rows, recordset
from shiftline.store.schema import poll
from shiftline.trades.model import Verdict

DIALECT = create_engine("postgresql+psycopg://").dialect


def parameters(*rows: dict[str, object]) -> list[object]:
    compiled = select(recordset(rows, column("a", Text))).compile(dialect=DIALECT)
    (document,) = compiled.params.values()
    return list(json.loads(document))


def test_rows_are_one_parameter() -> None:
    """Moments, dates, words, tuples and mappings are written as JSON knows them."""
    moment = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
    row = {
        "a": moment,
        "b": date(2026, 11, 2),
        "c": Verdict.DENY,
        "d": ("x",),
        "e": MappingProxyType({"f": 1}),
    }
    assert parameters(row) == [
        {"a": "2026-11-02T15:00:00+00:00", "b": "2026-11-02", "c": "deny", "d": ["x"], "e": {"f": 1}}
    ]
    assert parameters() == []


def test_a_value_without_a_place_is_our_defect() -> None:
    """Nothing is turned into text by guesswork."""
    with pytest.raises(TypeError, match="object has no place"):
        parameters({"a": object()})
    with pytest.raises(ValueError, match="JSON"):
        parameters({"a": float("nan")})


def test_the_statement_does_not_depend_on_the_number_of_rows() -> None:
    """One cached statement serves every batch."""
    texts = {
        str(
            insert_rows(poll, [{"wfm": str(i), "polled_at": date.min} for i in range(size)]).compile(
                dialect=DIALECT
            )
        )
        for size in (1, 2, 3)
    }
    assert len(texts) == 1
    assert "jsonb_to_recordset" in texts.pop()


def test_among_is_one_parameter() -> None:
    """A list of any length is one array."""
    compiled = among(column("n", Integer), range(3)).compile(dialect=DIALECT)
    assert list(compiled.params.values()) == [[0, 1, 2]]
