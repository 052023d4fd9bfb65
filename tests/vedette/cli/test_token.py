"""This file is for `vedette token` against a real store; the command runs in this process, but for the first test."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reports.store.database import Database
from reports.store.ledger.audit import Audit
from reports.store.ledger.tokens import Tokens, taken_apart
from tests.vedette.conftest import Vedette
from vedette.cli.main import main

Token = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "empty.db"
    database = Database(path)
    database.make_ready()
    database.close()
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Token:
    """Return a function that runs `vedette token` in an empty folder and returns how it ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VEDETTE_STATE_DIR", raising=False)

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", sys.stdout)  # the command wraps both
            patch.setattr(sys, "stderr", sys.stderr)
            code = main(["token", *words])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, said.out, said.err)

    return call


@pytest.fixture
def token(bare: Token, empty_store: Path, tmp_path: Path) -> Token:
    """Return the same where a store is there already."""
    (tmp_path / ".vedette").mkdir()
    shutil.copyfile(empty_store, tmp_path / ".vedette" / "results.db")
    return bare


def test_a_token_is_printed_once_and_alone_on_standard_output(vedette: Vedette, tmp_path: Path) -> None:
    made = vedette("token", "create", "ci", "--scope", "write", "--scope", "read", "--expires", "90d")
    assert made.returncode == 0
    assert taken_apart(made.stdout.removesuffix("\n")) is not None
    assert re.fullmatch(
        r"the token 'ci' may read, write until \d{4}-\d\d-\d\d \d\d:\d\d UTC; it is shown this once, so keep it now\n",
        made.stderr,
    )
    tokens = Tokens(tmp_path / ".vedette" / "results.db")
    (token,) = tokens.list()
    tokens.close()
    assert token.expires_at is not None and (token.expires_at - token.created_at).days == 90
    assert vedette("token", "list").stdout.count(made.stdout.strip()) == 0


def test_tokens_are_listed_with_how_they_stand(token: Token) -> None:
    for words in (("good", "--scope", "read"), ("gone", "--scope", "metrics")):
        assert token("create", *words).returncode == 0
    assert token("revoke", "gone").returncode == 0
    lines = token("list").stdout.splitlines()
    assert lines[0].split() == ["name", "scopes", "made", "last", "used", "state"]
    assert re.fullmatch(r"good  read     .* UTC  never      good until revoked", lines[1])
    assert re.fullmatch(r"gone  metrics  .* UTC  never      revoked .* UTC", lines[2])


def test_revoking_says_so_and_again_says_that_it_was(token: Token) -> None:
    token("create", "ci", "--scope", "read")
    first, second = token("revoke", "ci"), token("revoke", "ci")
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout) == (0, "")
    assert "admits nobody any more" in first.stderr and "was revoked before" in second.stderr


def test_making_and_revoking_stand_in_the_audit_trail_without_the_token(token: Token, tmp_path: Path) -> None:
    text = token("create", "ci", "--scope", "read").stdout.strip()
    token("revoke", "ci")
    token("revoke", "ci")
    audit = Audit(tmp_path / ".vedette" / "results.db")
    entries = audit.list()
    audit.close()
    assert [(e.action, e.object) for e in entries] == [("revoke a token", "ci"), ("create a token", "ci")]
    assert all(e.who.startswith("command line") for e in entries)
    assert text not in str(entries) and text.rpartition("_")[2] not in str(entries)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "ci"), "--scope"),
        (("create", "ci", "--scope", "all"), "invalid choice: 'all'"),
        (("create", "c i", "--scope", "read"), "error: a token cannot be called 'c i'"),
        (("create", "ci", "--scope", "read", "--expires", "0"), "should be more than nothing"),
        (("create", "ci", "--scope", "read", "--expires", "soon"), "'soon'"),
        (
            ("create", "ci", "--scope", "read", "--expires", "99999999d"),
            "error: --expires is further away than any calendar goes",
        ),
        ((), "DEED"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_and_nothing_is_made(bare: Token, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = bare(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / ".vedette" / "results.db").exists()


def test_a_name_that_is_taken_and_one_that_is_unknown_are_told(token: Token) -> None:
    token("create", "ci", "--scope", "read")
    again, unknown = token("create", "ci", "--scope", "read"), token("revoke", "cd")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "error: there is a token 'ci' already: revoke it, or choose another name\n"
    assert (unknown.returncode, unknown.stderr) == (2, "error: there is no token 'cd'\n")


def test_a_store_that_is_not_there_holds_no_token(bare: Token) -> None:
    done = bare("list", "--store", "nowhere/results.db")
    assert (done.returncode, done.stdout) == (3, "")
    assert "there is no store 'nowhere/results.db' yet" in done.stderr


def test_a_store_that_is_no_store_is_told(bare: Token, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine " * 200)
    done = bare("create", "ci", "--scope", "read", "--store", "notes.txt")
    assert (done.returncode, done.stdout) == (3, "")
    assert "error: the store 'notes.txt' is not a SQLite database" in done.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine " * 200


def test_it_works_while_a_service_has_the_store_open(token: Token, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / ".vedette" / "results.db")) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM tokens").fetchall()
        assert token("create", "two", "--scope", "read").returncode == 0


def test_help_names_every_scope(token: Token) -> None:
    text = token("--help").stdout
    assert all(f"  {scope} " in text for scope in ("read", "metrics", "write", "gate", "heartbeat"))
