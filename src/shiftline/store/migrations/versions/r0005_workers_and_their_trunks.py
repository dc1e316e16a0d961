"""Several trunks, shared by the workers that live: who serves an agent, and who was heard of when."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("agent", sa.Column("trunk", sa.Text))  # a worker fills it at its start
    op.create_table(
        "worker",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_worker"),
    )
