"""What the platform showed, in its own words, beside the evidence that was made of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("evidence", sa.Column("said", sa.Text, nullable=True))
