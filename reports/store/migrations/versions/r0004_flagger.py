"""This file is for the schema's step 0004: rollouts that Flagger makes, and how far each was let."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flagger_rollouts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("increases", sa.Integer(), nullable=False),
        sa.Column("granted_weight", sa.Float(), nullable=True),
        sa.Column("told_weight", sa.Float(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_flagger_rollouts")),
    )


def downgrade() -> None:
    op.drop_table("flagger_rollouts")
