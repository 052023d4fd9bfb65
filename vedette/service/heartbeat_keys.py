"""This file is for the secret addresses of heartbeats: derived from one key in the state folder, so that none is stored."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

KEY_FILE = "heartbeat.key"
BOOK_FILE = "heartbeats.json"
_KEY_BYTES = 32
_SECRET_LETTERS = 32  # 128 bits


class KeyUnusable(Exception):
    """The key can be neither read nor made. The text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Place:
    """One heartbeat as an address needs it. Nothing in it is secret."""

    suite: str
    scenario: str
    target: str
    slug: str
    generation: int = 1


def read_key(state: Path) -> bytes:
    """Return the key of this service, made at its first start, readable by its owner only. Raises: KeyUnusable."""
    path = state / KEY_FILE
    try:
        _write_new(path, secrets.token_hex(_KEY_BYTES).encode("ascii"))
    except FileExistsError:
        pass
    except OSError as problem:
        raise KeyUnusable(f"the key of the heartbeats '{path}' cannot be made: {problem.strerror}") from problem
    return existing_key(state)


def existing_key(state: Path) -> bytes:
    """Return the key that is there. Raises: KeyUnusable, also for a key that others may read or that is too short."""
    path = state / KEY_FILE
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"others may read the key of the heartbeats '{path}': chmod 600 it, and remove it if they have")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not hexadecimal"
        raise KeyUnusable(f"the key of the heartbeats '{path}' cannot be read: {why}") from None
    if len(key) < _KEY_BYTES:
        raise KeyUnusable(f"the key of the heartbeats '{path}' is cut off: remove it, and give all jobs their new addresses")
    return key


def secret_of(key: bytes, slug: str, generation: int = 1) -> str:
    """Return the secret part of an address. Source: RFC 2104 (HMAC), with SHA-256."""
    return hmac.new(key, f"heartbeat {generation} {slug}".encode(), sha256).hexdigest()[:_SECRET_LETTERS]


def path_of(key: bytes, slug: str, generation: int = 1) -> str:
    """Return the path that a job calls."""
    return f"/heartbeat/{slug}/{secret_of(key, slug, generation)}"


def write_book(state: Path, places: Sequence[Place]) -> None:
    """Write down which heartbeats there are, for the command line on the same machine. Raises: OSError."""
    text = json.dumps({"heartbeats": [asdict(place) for place in places]}, ensure_ascii=False, indent=1)
    fresh = state / f"{BOOK_FILE}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    _write_new(fresh, text.encode("utf-8", "replace"))
    fresh.replace(state / BOOK_FILE)


def read_book(state: Path) -> list[Place]:
    """Return the heartbeats that the service of this state folder knows; none where there is no such service."""
    try:
        data = json.loads((state / BOOK_FILE).read_text(encoding="utf-8"))
        return [Place(**entry) for entry in data["heartbeats"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all, for its owner only. Raises: FileExistsError, OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, it takes nothing's place
    finally:
        draft.unlink(missing_ok=True)
