"""The tables. Words are those of the glossary; a state is a checked word, a time a timestamptz.

This file says what the newest schema is; ``migrations`` says how a database gets there, and a test
compares the two.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shiftline.trades.model import EvidenceKind, Verdict


class TradeRowState(StrEnum):
    """Where a trade stands with us (not in the WFM, see `shiftline.trades.model.TradeState`)."""

    OPEN = "open"
    DELIVERING = "delivering"
    REFERRED = "referred"
    SETTLED = "settled"


class CheckRowState(StrEnum):
    """Where a check stands."""

    DUE = "due"
    CLAIMED = "claimed"
    DONE = "done"


class DeliveryRowState(StrEnum):
    """Where a delivery stands; the last three are final."""

    DUE = "due"
    SENDING = "sending"
    CONFIRMED = "confirmed"
    OVERTAKEN = "overtaken"
    REFUSED = "refused"


MISSING = "missing"
"""Outcome of a trade that the WFM no longer shows, so that its final state there is not known."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _row_id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _word(name: str, words: type[StrEnum]) -> tuple[Column[str], CheckConstraint]:
    listed = ", ".join(f"'{word}'" for word in words)
    return Column(name, Text, nullable=False), CheckConstraint(f"{name} IN ({listed})", name=name)


trade = Table(
    "trade",
    metadata,
    _row_id(),
    Column("wfm", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    *_word("state", TradeRowState),
    Column("outcome", Text),
    _moment("settled_at", nullable=True),
    Column("version", BigInteger, nullable=False),
    Column("management_unit", Text, nullable=False),
    Column("week_date", Date, nullable=False),
    Column("initiating_agent", Text, nullable=False),
    Column("receiving_agent", Text, nullable=False),
    Column("initiating_shift", Text, nullable=False),
    _moment("initiating_starts_at"),
    _moment("initiating_ends_at"),
    Column("receiving_shift", Text),
    _moment("receiving_starts_at", nullable=True),
    _moment("receiving_ends_at", nullable=True),
    _moment("matched_at"),
    _moment("expires_at"),
    _moment("deadline"),
    _moment("refer_by"),
    Column("evaluation", JSONB, nullable=False),
    Column("needs_evaluation", Boolean, nullable=False),
    _moment("recorded_at"),
    UniqueConstraint("wfm", "external_id"),
    CheckConstraint("(state = 'settled') = (outcome IS NOT NULL)", name="outcome"),
    CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name="settled_at"),
    CheckConstraint(
        "num_nulls(receiving_shift, receiving_starts_at, receiving_ends_at) IN (0, 3)", name="shift"
    ),
    Index(None, "wfm", "state"),
    Index("ix_trade_open_refer_by", "wfm", "refer_by", postgresql_where=text("state = 'open'")),
    Index("ix_trade_referred_deadline", "wfm", "deadline", postgresql_where=text("state = 'referred'")),
    Index(
        "ix_trade_needs_evaluation",
        "wfm",
        "management_unit",
        "week_date",
        postgresql_where=text("state = 'open' AND needs_evaluation"),
    ),
)

trade_wait = Table(
    "trade_wait",
    metadata,
    Column("trade_id", ForeignKey(trade.c.id), primary_key=True),
    Column("earlier_id", ForeignKey(trade.c.id), primary_key=True),
)

agent = Table(
    "agent",
    metadata,
    _row_id(),
    Column("wfm", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text),
    Column("trunk", Text),
    UniqueConstraint("wfm", "external_id"),
)

working_hours = Table(
    "working_hours",
    metadata,
    _row_id(),
    Column("wfm", Text, nullable=False),
    Column("agent", Text, nullable=False),
    _moment("starts_at"),
    _moment("ends_at"),
    Index(None, "wfm", "agent", "starts_at"),
)

agent_check = Table(
    "agent_check",
    metadata,
    _row_id(),
    Column("wfm", Text, nullable=False),
    Column("trunk", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    *_word("state", CheckRowState),
    _moment("needed_by"),
    Column("claimed_epoch", BigInteger),
    _moment("answered_at", nullable=True),
    UniqueConstraint("wfm", "trunk", "agent"),
    CheckConstraint("(state = 'claimed') = (claimed_epoch IS NOT NULL)", name="claimed_epoch"),
    Index(
        "ix_agent_check_pending",
        "wfm",
        "trunk",
        "needed_by",
        "id",
        postgresql_where=text("state IN ('due', 'claimed')"),
    ),
)

evidence = Table(
    "evidence",
    metadata,
    _row_id(),
    Column("wfm", Text, nullable=False),
    Column("trunk", Text, nullable=False),
    Column("agent", Text, nullable=False),
    *_word("kind", EvidenceKind),
    Column("method", Text, nullable=False),
    _moment("taken_at"),
    Column("cause", Text),
    Column("status", Integer),
    Column("said", Text),
    Index(None, "wfm", "agent", "taken_at"),
)

decision = Table(
    "decision",
    metadata,
    _row_id(),
    Column("trade_id", ForeignKey(trade.c.id), nullable=False, unique=True),
    *_word("verdict", Verdict),
    Column("rule", Text, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("detail", JSONB, nullable=False),
    _moment("decided_at"),
)

delivery = Table(
    "delivery",
    metadata,
    _row_id(),
    Column("trade_id", ForeignKey(trade.c.id), nullable=False, unique=True),
    *_word("state", DeliveryRowState),
    Column("attempts", Integer, nullable=False),
    _moment("ready_at"),
    _moment("sent_at", nullable=True),
    _moment("settled_at", nullable=True),
    Column("reason", Text, nullable=False),
    Index("ix_delivery_pending", "state", postgresql_where=text("state IN ('due', 'sending')")),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    _row_id(),
    _moment("recorded_at"),
    Column("kind", Text, nullable=False),
    Column("trade_id", ForeignKey(trade.c.id), index=True),
    Column("detail", JSONB, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    _moment("expires_at"),
)

worker = Table(
    "worker",
    metadata,
    Column("owner", Text, primary_key=True),
    _moment("seen_at"),
)

trunk_record = Table(
    "trunk_record",
    metadata,
    _row_id(),
    Column("trunk", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("auth_user", Text, nullable=False),
    Column("governor", JSONB, nullable=False),
    Column("disarmed_cause", Text),
    _moment("disarmed_at", nullable=True),
    _moment("saved_at"),
    UniqueConstraint("trunk", "source", "auth_user"),
    CheckConstraint("(disarmed_cause IS NULL) = (disarmed_at IS NULL)", name="disarmed"),
)

trunk_sample = Table(
    "trunk_sample",
    metadata,
    Column("trunk_record_id", ForeignKey(trunk_record.c.id, ondelete="CASCADE"), primary_key=True),
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("seconds", Double, nullable=False),
    Column("rate", Double, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("refusal", Text),
)

api_call = Table(
    "api_call",
    metadata,
    _row_id(),
    Column("bucket", Text, nullable=False),
    _moment("called_at"),
    Index(None, "bucket", "called_at"),
)

poll = Table(
    "poll",
    metadata,
    Column("wfm", Text, primary_key=True),
    _moment("polled_at"),
)
