"""This file is for the schema's step 0001: the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("runs", *_run_columns())
    op.create_index("ix_runs_started_at", "runs", ["started_at"])
    op.create_table("outcomes", *_outcome_columns())
    op.create_index("ix_outcomes_run_id_place", "outcomes", ["run_id", "place"])
    op.create_index("ix_outcomes_scenario_target_started_at_verdict", "outcomes", ["scenario", "target", "started_at", "verdict"])
    op.create_table("checks", *_check_columns())
    op.create_table("measurements", *_measurement_columns())


def downgrade() -> None:
    for table in ("measurements", "checks", "outcomes", "runs"):
        op.drop_table(table)


def _run_columns() -> list[sa.schema.SchemaItem]:
    return [
        *_texts("id", "suite", "suite_path", "target", "environment", "base_url"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        *_texts("vedette_version", "selection"),
        sa.Column("remarks", sa.JSON(), nullable=False),
        sa.Column("planned", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("ended", sa.Text()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("wall_s", sa.Float()),
        sa.Column("critical_path_s", sa.Float()),
        sa.Column("signal", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    ]


def _outcome_columns() -> list[sa.schema.SchemaItem]:
    return [
        *_texts("id", "run_id"),
        sa.Column("place", sa.Integer(), nullable=False),
        *_texts("suite", "scenario", "kind", "target", "environment", "severity", "owner"),
        sa.Column("subject", sa.JSON(), nullable=False),
        *_texts("verdict", "sentence"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("exchanges", sa.JSON(), nullable=False),
        sa.Column("exchanges_left_out", sa.Integer(), nullable=False),
        sa.Column("undo_failures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outcomes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_outcomes_run_id_runs", ondelete="CASCADE"),
    ]


def _check_columns() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("outcome_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        *_texts("name", "verdict"),
        sa.Column("control", sa.Boolean(), nullable=False),
        *_texts("expected", "observed", "say"),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("outcome_id", "place", name="pk_checks"),
        sa.ForeignKeyConstraint(["outcome_id"], ["outcomes.id"], name="fk_checks_outcome_id_outcomes", ondelete="CASCADE"),
    ]


def _measurement_columns() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("outcome_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("outcome_id", "place", name="pk_measurements"),
        sa.ForeignKeyConstraint(["outcome_id"], ["outcomes.id"], name="fk_measurements_outcome_id_outcomes", ondelete="CASCADE"),
    ]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]
