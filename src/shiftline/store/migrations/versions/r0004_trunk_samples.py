"""The time series of trunks: what was sent, what passed and what was refused in a few seconds each."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "trunk_sample",
        sa.Column("trunk_record_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["trunk_record_id"],
            ["trunk_record.id"],
            name=op.f("fk_trunk_sample_trunk_record_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("trunk_record_id", "at", name=op.f("pk_trunk_sample")),
    )
