"""The index of pending checks in the order in which they are claimed: the next few need no sort."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_index("ix_agent_check_pending", "agent_check")
    op.create_index(
        "ix_agent_check_pending",
        "agent_check",
        ["wfm", "trunk", "needed_by", "id"],
        postgresql_where=sa.text("state IN ('due', 'claimed')"),
    )
