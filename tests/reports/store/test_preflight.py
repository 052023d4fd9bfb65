"""This file is for the look at the store before a run: one sentence for everything that could lose outcomes."""

from __future__ import annotations

import os
import resource
import sqlite3
from pathlib import Path

import pytest

from reports.store import StoreError, StoreSink, check_store
from reports.store import preflight as preflight_module
from reports.store.schema import HEAD
from tests.reports.store.stored_runs import a_run, feed
from tests.reports.store.test_sink import in_child


def make_store(path: Path) -> None:
    sink = StoreSink(path)
    feed(sink, a_run())
    sink.close()


def said_of(path: Path | str) -> str:
    try:
        check_store(path)
    except StoreError as problem:
        return str(problem)
    return "good"


def test_a_new_place_is_good_and_its_folder_is_made(path: Path) -> None:
    assert said_of(path) == "good"
    assert path.parent.is_dir()
    assert not path.exists()
    assert list(path.parent.iterdir()) == []


def test_a_store_of_ours_is_good_and_stays_as_it_was(path: Path) -> None:
    make_store(path)
    assert said_of(path) == "good"
    assert HEAD == "0005"


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert said_of(path) == "good"
    make_store(path)


def test_another_address_is_left_to_the_first_outcome() -> None:
    assert said_of("postgresql+psycopg://127.0.0.1:1/x") == "good"


def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a shopping list")
    assert said_of(path) == f"the store '{path}' is not a SQLite database: name another file"
    assert path.read_text() == "a shopping list"


def test_the_database_of_another_program_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    told = f"the store '{path}' is the database of another program, nothing was written to it: name another store"
    assert said_of(path) == told
    sink = StoreSink(path)
    feed(sink, a_run())
    with pytest.raises(StoreError, match="is the database of another program"):
        sink.close()


@pytest.mark.parametrize("look", ["preflight", "sink"])
def test_a_newer_schema_is_refused_and_kept(path: Path, look: str) -> None:
    make_store(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0007'")
    connection.close()
    told = f"the store '{path}' was written by a newer vedette (schema 0007, this one knows {HEAD})"
    if look == "preflight":
        assert said_of(path).startswith(told)
        return
    sink = StoreSink(path)
    feed(sink, a_run())
    with pytest.raises(StoreError) as problem:
        sink.close()
    assert str(problem.value).startswith(told)


def test_a_schema_that_nobody_wrote_is_refused(path: Path) -> None:
    make_store(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'a1b2c3'")
    connection.close()
    assert "has an unknown schema 'a1b2c3'" in said_of(path)


def test_a_store_that_another_process_locks_is_waited_for_then_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store(path)
    monkeypatch.setattr(preflight_module, "PATIENCE_S", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert said_of(path) == f"the store '{path}' is locked by another process (waited 0.05 s)"
    holder.execute("ROLLBACK")
    assert said_of(path) == "good"
    holder.close()


def test_a_damaged_store_is_refused(path: Path) -> None:
    make_store(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    assert f"the store '{path}' is damaged" in said_of(path)


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    assert said_of(path) == f"the store '{path}' is not a file in a folder: name another store"


def test_a_file_where_its_folder_should_be_is_refused(path: Path) -> None:
    path.parent.write_text("")
    assert said_of(path) == f"the store '{path}' is not a file in a folder: name another store"


@pytest.mark.parametrize("what", ["file", "folder", "folder to be made"])
def test_what_may_not_be_written_is_said_to_be_read_only(path: Path, what: str) -> None:
    make_store(path)
    path.chmod(0o444 if what == "file" else 0o666)
    path.parent.chmod(0o777 if what == "file" else 0o555)
    path.parent.parent.chmod(0o755)

    def as_nobody() -> str:
        os.chdir(path.parent)  # the folders above need not be ours to pass
        if os.getuid() == 0:
            os.setuid(65534)
        return said_of("new/results.db" if what == "folder to be made" else path.name)

    assert in_child(as_nobody).endswith("is read-only: make it and its folder writable, or name another store")
    path.parent.chmod(0o755)


def test_a_disk_without_room_is_seen_before_anything_is_sent(path: Path) -> None:
    def short_of_room() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        return said_of(path)

    assert in_child(short_of_room) == f"the store '{path}' cannot grow: this process may not write files that large (ulimit -f)"
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_is_called_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(preflight_module.os, "write", full)
    assert said_of(path) == f"the disk is full, the store '{path}' cannot grow"
    assert list(path.parent.iterdir()) == []
