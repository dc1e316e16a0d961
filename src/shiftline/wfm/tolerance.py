"""How one broken entity is kept from spoiling an answer that holds hundreds of good ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import structlog
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic.functional_validators import WrapValidator

log = structlog.get_logger("shiftline.wfm")

Entity = TypeVar("Entity")


def _leave_out_unreadable(value: Any, read: ValidatorFunctionWrapHandler) -> list[Any]:
    if not isinstance(value, list):
        return list(read(value))  # no list at all: that spoils the answer
    readable: list[Any] = []
    for entity in value:
        try:
            readable += read([entity])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"][1:])
            log.warning("left out what cannot be read", why=f"{where}: {first['msg']}", entity=_id_of(entity))
    return readable


def _id_of(entity: Any) -> str:
    """The id of an entity or of the trade in it, for a person who looks it up."""
    if not isinstance(entity, dict):
        return "without an id"
    return str(entity["id"]) if "id" in entity else _id_of(entity.get("trade"))


def _ids_of(value: Any) -> list[str]:
    return [_id_of(entity) for entity in value] if isinstance(value, list) else []


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies beyond the calendar") from error


Readable = Annotated[list[Entity], WrapValidator(_leave_out_unreadable)]
"""A list without those of its entities that cannot be read; each is logged."""
Mentioned = Annotated[list[str], BeforeValidator(_ids_of)]
"""The ids of all entities of a list: one that cannot be read is there nevertheless."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its offset, as UTC; one that has no place in UTC is refused."""
Version = Annotated[int, Field(ge=0, lt=2**63)]
"""A version that the books can hold."""
