"""The first books: trades, agents, checks, decisions, deliveries, trunks, journal, audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_trades()
    _index_trades()
    _create_trade_waits()
    _create_agents()
    _create_checks()
    _create_decisions()
    _create_trunks()
    _create_journal()
    _forbid_changes_of_the_audit_trail()


def _create_trades() -> None:
    op.create_table(
        "trade",
        _row_id(),
        _text("wfm"),
        _text("external_id"),
        _text("state"),
        _text("outcome", nullable=True),
        _moment("settled_at", nullable=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        _text("management_unit"),
        sa.Column("week_date", sa.Date, nullable=False),
        _text("initiating_agent"),
        _text("receiving_agent"),
        _text("initiating_shift"),
        _moment("initiating_starts_at"),
        _moment("initiating_ends_at"),
        _text("receiving_shift", nullable=True),
        _moment("receiving_starts_at", nullable=True),
        _moment("receiving_ends_at", nullable=True),
        _moment("matched_at"),
        _moment("expires_at"),
        _moment("deadline"),
        _moment("refer_by"),
        sa.Column("evaluation", JSONB, nullable=False),
        sa.Column("needs_evaluation", sa.Boolean, nullable=False),
        _moment("recorded_at"),
        sa.CheckConstraint("(state = 'settled') = (outcome IS NOT NULL)", name=op.f("ck_trade_outcome")),
        sa.CheckConstraint(
            "state IN ('open', 'delivering', 'referred', 'settled')", name=op.f("ck_trade_state")
        ),
        sa.CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name=op.f("ck_trade_settled_at")),
        sa.CheckConstraint(
            "num_nulls(receiving_shift, receiving_starts_at, receiving_ends_at) IN (0, 3)",
            name=op.f("ck_trade_shift"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade")),
        sa.UniqueConstraint("wfm", "external_id", name=op.f("uq_trade_wfm_external_id")),
    )


def _index_trades() -> None:
    op.create_index(
        "ix_trade_needs_evaluation",
        "trade",
        ["wfm", "management_unit", "week_date"],
        postgresql_where=sa.text("state = 'open' AND needs_evaluation"),
    )
    op.create_index(
        "ix_trade_open_refer_by",
        "trade",
        ["wfm", "refer_by"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_trade_referred_deadline",
        "trade",
        ["wfm", "deadline"],
        postgresql_where=sa.text("state = 'referred'"),
    )
    op.create_index(op.f("ix_trade_wfm_state"), "trade", ["wfm", "state"])


def _create_trade_waits() -> None:
    op.create_table(
        "trade_wait",
        sa.Column("trade_id", sa.BigInteger, nullable=False),
        sa.Column("earlier_id", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["earlier_id"], ["trade.id"], name=op.f("fk_trade_wait_earlier_id")),
        sa.ForeignKeyConstraint(["trade_id"], ["trade.id"], name=op.f("fk_trade_wait_trade_id")),
        sa.PrimaryKeyConstraint("trade_id", "earlier_id", name=op.f("pk_trade_wait")),
    )


def _create_agents() -> None:
    op.create_table(
        "agent",
        _row_id(),
        _text("wfm"),
        _text("external_id"),
        _text("name"),
        _text("address", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent")),
        sa.UniqueConstraint("wfm", "external_id", name=op.f("uq_agent_wfm_external_id")),
    )
    op.create_table(
        "working_hours",
        _row_id(),
        _text("wfm"),
        _text("agent"),
        _moment("starts_at"),
        _moment("ends_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_working_hours")),
    )
    op.create_index(
        op.f("ix_working_hours_wfm_agent_starts_at"),
        "working_hours",
        ["wfm", "agent", "starts_at"],
    )


def _create_checks() -> None:
    op.create_table(
        "agent_check",
        _row_id(),
        _text("wfm"),
        _text("trunk"),
        _text("agent"),
        _text("address"),
        _text("state"),
        _moment("needed_by"),
        sa.Column("claimed_epoch", sa.BigInteger, nullable=True),
        _moment("answered_at", nullable=True),
        sa.CheckConstraint(
            "(state = 'claimed') = (claimed_epoch IS NOT NULL)", name=op.f("ck_agent_check_claimed_epoch")
        ),
        sa.CheckConstraint("state IN ('due', 'claimed', 'done')", name=op.f("ck_agent_check_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_check")),
        sa.UniqueConstraint("wfm", "trunk", "agent", name=op.f("uq_agent_check_wfm_trunk_agent")),
    )
    op.create_index(
        "ix_agent_check_pending",
        "agent_check",
        ["wfm", "trunk", "needed_by"],
        postgresql_where=sa.text("state IN ('due', 'claimed')"),
    )
    op.create_table(
        "evidence",
        _row_id(),
        _text("wfm"),
        _text("trunk"),
        _text("agent"),
        _text("kind"),
        _text("method"),
        _moment("taken_at"),
        _text("cause", nullable=True),
        sa.Column("status", sa.Integer, nullable=True),
        sa.CheckConstraint(
            "kind IN ('Available', 'Busy', 'NotRegistered', 'UnknownUser', 'Unverifiable')",
            name=op.f("ck_evidence_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_wfm_agent_taken_at"), "evidence", ["wfm", "agent", "taken_at"])


def _create_decisions() -> None:
    op.create_table(
        "decision",
        _row_id(),
        sa.Column("trade_id", sa.BigInteger, nullable=False),
        _text("verdict"),
        _text("rule"),
        sa.Column("reasons", ARRAY(sa.Text), nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        _moment("decided_at"),
        sa.CheckConstraint("verdict IN ('approve', 'deny', 'refer')", name=op.f("ck_decision_verdict")),
        sa.ForeignKeyConstraint(["trade_id"], ["trade.id"], name=op.f("fk_decision_trade_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("trade_id", name=op.f("uq_decision_trade_id")),
    )
    op.create_table(
        "delivery",
        _row_id(),
        sa.Column("trade_id", sa.BigInteger, nullable=False),
        _text("state"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _moment("ready_at"),
        _moment("sent_at", nullable=True),
        _moment("settled_at", nullable=True),
        _text("reason"),
        sa.CheckConstraint(
            "state IN ('due', 'sending', 'confirmed', 'overtaken', 'refused')", name=op.f("ck_delivery_state")
        ),
        sa.ForeignKeyConstraint(["trade_id"], ["trade.id"], name=op.f("fk_delivery_trade_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("trade_id", name=op.f("uq_delivery_trade_id")),
    )
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["state"],
        postgresql_where=sa.text("state IN ('due', 'sending')"),
    )


def _create_trunks() -> None:
    op.create_table(
        "lease",
        _text("name"),
        _text("owner"),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "trunk_record",
        _row_id(),
        _text("trunk"),
        _text("source"),
        _text("auth_user"),
        sa.Column("governor", JSONB, nullable=False),
        _text("disarmed_cause", nullable=True),
        _moment("disarmed_at", nullable=True),
        _moment("saved_at"),
        sa.CheckConstraint(
            "(disarmed_cause IS NULL) = (disarmed_at IS NULL)", name=op.f("ck_trunk_record_disarmed")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunk_record")),
        sa.UniqueConstraint(
            "trunk", "source", "auth_user", name=op.f("uq_trunk_record_trunk_source_auth_user")
        ),
    )


def _create_journal() -> None:
    op.create_table(
        "api_call",
        _row_id(),
        _text("bucket"),
        _moment("called_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_call")),
    )
    op.create_index(op.f("ix_api_call_bucket_called_at"), "api_call", ["bucket", "called_at"])
    op.create_table(
        "poll",
        _text("wfm"),
        _moment("polled_at"),
        sa.PrimaryKeyConstraint("wfm", name=op.f("pk_poll")),
    )
    op.create_table(
        "audit_entry",
        _row_id(),
        _moment("recorded_at"),
        _text("kind"),
        sa.Column("trade_id", sa.BigInteger, nullable=True),
        sa.Column("detail", JSONB, nullable=False),
        sa.ForeignKeyConstraint(["trade_id"], ["trade.id"], name=op.f("fk_audit_entry_trade_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_trade_id"), "audit_entry", ["trade_id"])


def _forbid_changes_of_the_audit_trail() -> None:
    op.execute("""
        CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit trail is append-only';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """)


def _row_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
