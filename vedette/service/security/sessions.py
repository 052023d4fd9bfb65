"""This file is for browser sessions: a signed cookie that stands for a token, and the word that forms must repeat."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from reports.store.ledger.tokens import Token

COOKIE = "vedette_session"
LASTS = timedelta(hours=12)
_FORM = re.compile(r"v1\.([0-9a-f]{12})\.([0-9]{1,12})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")
_KEY_BYTES = 32
_ENDED_KEPT = 10_000  # sessions that were ended before their time; more than that do not happen in twelve hours


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie says once its signature was found right."""

    token_id: str
    expires_at_s: int
    nonce: str


class Sessions:
    """Makes and reads cookies. The key lies in the state folder, so that a restart ends no session."""

    def __init__(self, folder: Path, *, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._ended: dict[str, None] = {}

    def begin(self, token: Token) -> str:
        """Return the cookie of a new session of a token; revoking the token ends it."""
        session = Session(token.id, int((self._clock() + LASTS).timestamp()), secrets.token_hex(16))
        return f"{_text(session)}.{self._signed(_text(session))}"

    def read(self, cookie: str) -> Session | None:
        """Return what a cookie says, or None where it is not ours, over, or ended."""
        found = _FORM.fullmatch(cookie)
        if found is None:
            return None
        session = Session(found[1], int(found[2]), found[3])
        if not hmac.compare_digest(self._signed(_text(session)), found[4]):
            return None
        over = self._clock().timestamp() >= session.expires_at_s
        return None if over or session.nonce in self._ended else session

    def end(self, session: Session) -> None:
        """Let a cookie be worth nothing from now on, wherever a copy of it may be."""
        self._ended[session.nonce] = None
        while len(self._ended) > _ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def form_token(self, session: Session) -> str:
        """Return the word that every form of this session must send back: a page from elsewhere cannot know it."""
        return self._signed(f"form.{session.nonce}")

    def repeats(self, session: Session, word: str) -> bool:
        """Return whether a word is the session's form token."""
        return hmac.compare_digest(self.form_token(session).encode(), word.encode("utf-8", "replace"))

    def ready(self) -> None:
        """Make or read the key now, so that trouble with its file shows at the start. Raises: OSError."""
        _ = self._key

    def _signed(self, text: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._key, text.encode("ascii"), sha256)).decode("ascii").rstrip("=")

    @cached_property
    def _key(self) -> bytes:
        path = self._folder / "session.key"
        kept = _kept_key(path)
        if kept is not None:
            return kept
        self._folder.mkdir(parents=True, exist_ok=True)
        return _new_key(path)


def _text(session: Session) -> str:
    return f"v1.{session.token_id}.{session.expires_at_s}.{session.nonce}"


def _kept_key(path: Path) -> bytes | None:
    """Return the key in a file, or None where there is none that only we could know."""
    try:
        with path.open("rb") as file:
            others_may_read = os.fstat(file.fileno()).st_mode & 0o077
            key = file.read(_KEY_BYTES + 1)
    except FileNotFoundError:
        return None
    return None if others_may_read or len(key) != _KEY_BYTES else key


def _new_key(path: Path) -> bytes:
    """Write a new key under another name first: nobody ever sees half of it, and two who start at once agree on one."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".session-")  # for our eyes only, by mkstemp's own promise
    try:
        with os.fdopen(number, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():  # one that is damaged, or that others could read
            os.replace(name, path)
        else:
            os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink(missing_ok=True)
    return path.read_bytes()
