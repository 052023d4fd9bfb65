"""The secret addresses of heartbeats: the same for ever, different for each, in no file, and readable by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.service.heartbeat_keys import (
    BOOK_FILE,
    KEY_FILE,
    KeyUnusable,
    Place,
    existing_key,
    path_of,
    read_book,
    read_key,
    secret_of,
    write_book,
)

SLUG = "3f9a0c1b2d4e5f60"


def test_the_address_is_the_same_after_a_restart_and_no_file_holds_it(tmp_path: Path) -> None:
    before = path_of(read_key(tmp_path), SLUG)
    write_book(tmp_path, [Place("shop", "nightly backup", "production", SLUG)])
    assert path_of(read_key(tmp_path), SLUG) == before
    secret = before.rpartition("/")[2]
    assert all(secret not in path.read_text() for path in tmp_path.iterdir())


def test_each_heartbeat_each_generation_and_each_service_has_an_address_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = read_key(tmp_path / "a"), read_key(tmp_path / "b")
    secrets = {secret_of(one, SLUG), secret_of(one, SLUG[::-1]), secret_of(one, SLUG, 2), secret_of(other, SLUG)}
    assert len(secrets) == 4
    assert all(len(secret) == 32 for secret in secrets)


def test_the_key_and_the_book_are_for_their_owner_only(tmp_path: Path) -> None:
    read_key(tmp_path)
    write_book(tmp_path, [])
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in (KEY_FILE, BOOK_FILE)] == [0o600, 0o600]
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY_FILE, BOOK_FILE]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    read_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(KeyUnusable, match="others may read the key"):
        read_key(tmp_path)


@pytest.mark.parametrize("content", ["", "abcd", "no key"], ids=["empty", "cut off", "something else"])
def test_a_key_that_is_none_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    read_key(tmp_path)
    (tmp_path / KEY_FILE).write_text(content)
    with pytest.raises(KeyUnusable):
        read_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_text() == content


def test_a_folder_that_takes_no_key_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="cannot be made: No such file or directory"):
        read_key(tmp_path / "missing")
    with pytest.raises(KeyUnusable, match="cannot be read: No such file or directory"):
        existing_key(tmp_path)


def test_a_book_is_read_as_it_was_written_and_garbage_is_no_book(tmp_path: Path) -> None:
    places = [Place("shop", "nächtliche Sicherung", "production", SLUG, 2)]
    write_book(tmp_path, places)
    write_book(tmp_path, places)
    assert read_book(tmp_path) == places
    (tmp_path / BOOK_FILE).write_text('{"heartbeats": [{"no": "place"}]}')
    assert read_book(tmp_path) == []
