"""This file is for saying in one sentence why the store cannot be used, whichever layer noticed."""

from __future__ import annotations

import errno
import re
import sqlite3

LOCKED_WAIT_S = 5.0  # how long a writer waits for another process before it gives up

_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26  # sqlite3.h


class StoreError(Exception):
    """The store cannot be used or did not take everything. The text is one sentence for a person."""


class StoreHeld(StoreError):
    """Another service keeps the store: whoever kept it before must not write to it any more."""


def name_of(where: object) -> str:
    """Return how a store is called in a sentence: a path as it is, an address without its password and its options."""
    text = str(where)
    if "://" not in text:
        return text
    address, options, _ = text.partition("?")
    return re.sub(r"(://[^:/@]*:).*(?=@)", r"\1***", address) + ("?…" if options else "")


def explain(problem: BaseException, store: str, *, waited_s: float = LOCKED_WAIT_S) -> StoreError:
    """Return the sentence for what SQLite, SQLAlchemy or the file system raised about `store`."""
    if isinstance(problem, StoreError):
        return problem
    cause = getattr(problem, "orig", None) or problem
    if isinstance(cause, sqlite3.Error):
        return StoreError(_of_sqlite(cause, store, waited_s))
    if isinstance(cause, OSError):
        return StoreError(_of_system(cause, store))
    first_line = next(iter(str(cause).splitlines()), "")
    return StoreError(f"the store '{store}' cannot be used: {type(cause).__name__}: {first_line}")


def newer(store: str, found: str, known: str) -> StoreError:
    """Return the refusal of a database that a later version wrote."""
    return StoreError(
        f"the store '{store}' was written by a newer vedette (schema {found}, this one knows {known}): "
        "update vedette, or name another store"
    )


def foreign(store: str) -> StoreError:
    """Return the refusal of a database that is somebody else's."""
    return StoreError(f"the store '{store}' is the database of another program, nothing was written to it: name another store")


def unknown_schema(store: str, found: str) -> StoreError:
    """Return the refusal of a schema that no version of ours wrote."""
    return StoreError(f"the store '{store}' has an unknown schema '{found}', nothing was written to it: name another store")


def _of_sqlite(problem: sqlite3.Error, store: str, waited_s: float) -> str:
    code = (getattr(problem, "sqlite_errorcode", None) or 0) & 0xFF  # the upper bytes tell only the detail
    locked = f"the store '{store}' is locked by another process (waited {waited_s:g} s)"
    say = {
        _BUSY: locked,
        _LOCKED: locked,
        _READONLY: f"the store '{store}' is read-only: make it writable, or name another store",
        _CORRUPT: f"the store '{store}' is damaged: move it away, a new one is made at the next run",
        _FULL: f"the disk is full, the store '{store}' cannot grow",
        _CANTOPEN: f"the store '{store}' cannot be opened: is its folder there and writable?",
        _NOTADB: f"the store '{store}' is not a SQLite database: name another file",
        _IOERR: f"the disk under the store '{store}' did not take or give the data ({problem})",
    }
    return say.get(code, f"the store '{store}' cannot be used: {problem}")


def _of_system(problem: OSError, store: str) -> str:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full, the store '{store}' cannot grow"
    if problem.errno == errno.EFBIG:
        return f"the store '{store}' cannot grow: this process may not write files that large (ulimit -f)"
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the store '{store}' is read-only: make it and its folder writable, or name another store"
    if problem.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST):
        return f"the store '{store}' is not a file in a folder: name another store"
    return f"the store '{store}' cannot be used: {problem.strerror or problem}"
