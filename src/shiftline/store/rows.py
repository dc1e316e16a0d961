"""Many values as one parameter: a JSON document that PostgreSQL reads as a table of the statement itself.

A batch of 4,000 trades is so one round trip and one cached statement, whatever its size.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Table, Text, any_, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, Insert, insert
from sqlalchemy.sql.selectable import TableValuedAlias


def recordset(rows: Iterable[Mapping[str, object]], *columns: ColumnElement[Any]) -> TableValuedAlias:
    """``rows`` as a FROM item called ``incoming``, with the names and types of ``columns``."""
    document = json.dumps([*rows], default=_plain, allow_nan=False)
    shapes: list[ColumnClause[Any]] = [column(str(shape.key), shape.type) for shape in columns]
    function = func.jsonb_to_recordset(cast(literal(document, Text), JSONB))
    return function.table_valued(*shapes, name="incoming").render_derived(with_types=True)


def insert_rows(table: Table, rows: Sequence[Mapping[str, object]]) -> Insert:
    """INSERT .. SELECT of ``rows`` (at least one; all with the keys of the first)."""
    columns = [table.c[name] for name in rows[0]]
    return insert(table).from_select(columns, select(recordset(rows, *columns)))


def among(expression: ColumnElement[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """``expression`` is one of ``values``: IN, but with one parameter."""
    return expression == any_(literal([*values], ARRAY(expression.type)))


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in a row.")
