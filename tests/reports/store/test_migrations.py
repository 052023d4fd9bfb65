"""This file is for the schema's history: it makes what the tables say, on every database, from the package alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from reports.store.database import Database
from reports.store.migrations import config
from reports.store.schema import HEAD
from reports.store.tables import Table

ROOT = Path(__file__).parents[3]


def test_the_head_that_the_code_knows_is_the_head_of_the_scripts() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


def test_the_migrations_make_exactly_what_the_tables_say(anywhere: str) -> None:
    database = Database(anywhere)
    database.make_ready()
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
    database.close()


def test_a_difference_between_tables_and_migrations_would_show(anywhere: str) -> None:
    database = Database(anywhere)
    database.make_ready()
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE checks DROP COLUMN say")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert [difference[0] for difference in compare_metadata(context, Table.metadata)] == ["add_column"]
    database.close()


def test_every_constraint_has_a_name(anywhere: str) -> None:
    database = Database(anywhere)
    database.make_ready()
    with database.reading() as connection:
        look = inspect(connection)
        for table in Table.metadata.tables:
            assert look.get_pk_constraint(table)["name"] == f"pk_{table}"
            assert all(key["name"] for key in look.get_foreign_keys(table))
    database.close()


def test_the_first_step_can_be_taken_back(anywhere: str) -> None:
    database = Database(anywhere)
    database.make_ready()
    with database.writing() as connection:
        command.downgrade(config(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    database.close()


def test_a_failing_step_leaves_no_half_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.store import migrations

    real = migrations.upgrade

    def fails_at_the_end(connection: object) -> None:
        real(connection)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(migrations, "upgrade", fails_at_the_end)
    database = Database(path)
    with pytest.raises(Exception, match="the disk is full"):
        database.make_ready()
    monkeypatch.undo()
    database.make_ready()
    with database.reading() as connection:
        assert "runs" in inspect(connection).get_table_names()
    database.close()


def test_the_migrations_work_from_an_installed_copy_in_a_folder_with_a_percent_sign(tmp_path: Path) -> None:
    home = tmp_path / "50% off"
    for package in ("probes", "scenarios", "reports"):
        shutil.copytree(ROOT / package, home / package, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import reports, sys; from reports.store.database import Database; Database('x.db').make_ready(); print(reports.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(home)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().startswith(str(home))
    assert (tmp_path / "x.db").stat().st_size > 4096
