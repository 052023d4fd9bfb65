"""This package is for the history of the schema: Alembic revisions, found inside the installed package, no ini file needed.

A new revision: change `tables.py`, then call `reports.store.migrations.revise("what changes")` in a checkout, read what
it wrote, and set `HEAD` in `schema.py`.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for these scripts, with the connection to work on."""
    made = Config()
    # A percent sign in the path would be taken for an interpolation.
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Bring the schema to our head, inside the transaction that `connection` is in."""
    command.upgrade(config(connection), "head")


def revise(message: str, revision: str, connection: Connection) -> None:
    """Write a new revision from the difference between the tables and the database of `connection`."""
    command.revision(config(connection), message=message, rev_id=revision, autogenerate=True)
