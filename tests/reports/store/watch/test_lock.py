"""This file is for one service a store: the second says who is there, and a killed one is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy

from reports.store import StoreError
from reports.store.errors import StoreHeld
from reports.store.watch.lock import only_service

ROOT = Path(__file__).parents[4]
HOLDER = """
import sys
from reports.store.watch.lock import only_service
with only_service(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder_of(where: str, location: str = "local") -> subprocess.Popen[str]:
    """Return a process that holds the lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, where, location], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str], sent: int = signal.SIGKILL) -> None:
    child.send_signal(sent)
    child.communicate(timeout=30)


def test_the_second_service_says_who_keeps_the_store(anywhere: str) -> None:
    child = holder_of(anywhere)
    with (
        pytest.raises(
            StoreError, match=rf"^another vedette service \(pid {child.pid}.*\) already keeps .* since 20.* UTC: stop it"
        ),
        only_service(anywhere, "local"),
    ):
        pytest.fail("two services keep one store")
    end(child)


def test_a_killed_service_is_in_nobodys_way(anywhere: str) -> None:
    end(holder_of(anywhere))
    with only_service(anywhere, "local"):
        pass


def test_a_service_that_ended_makes_room_for_the_next(anywhere: str) -> None:
    for _ in range(2):
        with (
            only_service(anywhere, "local"),
            pytest.raises(StoreError, match=f"pid {os.getpid()}"),
            only_service(anywhere, "local"),
        ):
            pass


def test_a_file_has_one_service_whatever_its_location_or_the_name_it_goes_by(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    other_name = tmp_path / "link.db"
    other_name.symlink_to(path)
    with only_service(path, "here"), pytest.raises(StoreError, match="already keeps"), only_service(other_name, "there"):
        pass


def test_locations_share_a_server_and_so_do_schemas(postgres: str) -> None:
    another_schema = postgres.partition("?")[0]
    with only_service(postgres, "here"), only_service(postgres, "there"), only_service(another_schema, "here"):
        pass


def test_a_lost_connection_is_taken_up_again_unless_another_was_faster(postgres: str) -> None:
    with only_service(postgres, "local") as lock:
        lock.renew()
        cut_connections("vedette service, pid%")
        lock.renew()
        with pytest.raises(StoreError, match="already keeps"), only_service(postgres, "local"):
            pass
        cut_connections("vedette service, pid%")
        with only_service(postgres, "local"), pytest.raises(StoreError, match="already keeps location 'local'"):
            lock.renew()


def test_a_file_whose_lock_was_deleted_is_taken_again_unless_another_was_faster(path: Path) -> None:
    lock_file = path.with_name(path.name + ".service")
    with only_service(path, "local") as lock:
        lock.renew()
        lock_file.unlink()
        lock.renew()
        with pytest.raises(StoreHeld, match="already keeps"), only_service(path, "local"):
            pass
        lock_file.unlink()
        with only_service(path, "local"), pytest.raises(StoreHeld, match="already keeps"):
            lock.renew()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is not a file in a folder"), only_service(tmp_path / "file" / "x.db", "local"):
        pass


def cut_connections(name: str) -> None:
    """Cut our own connections to the server, as a restart of it would. Others' services must not be hurt: by our pid."""
    engine = sqlalchemy.create_engine(
        os.environ.get("VEDETTE_TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s",
            (name.replace("%", f" {os.getpid()} on %"),),
        )
    engine.dispose()
