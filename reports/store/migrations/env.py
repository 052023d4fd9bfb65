"""This file is for Alembic, which runs it for each command: it joins our tables with the connection it was given."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

import reports.store.ledger.tables
import reports.store.watch.tables  # noqa: F401 - for their tables
from reports.store.tables import Instant, Table


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own type into a revision as what it is in the database, so that old revisions need no code of ours."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
