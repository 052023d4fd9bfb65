"""This file is for knowing the tokens without asking the store at each request, and a revocation within two seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from reports.store.errors import StoreError
from reports.store.ledger.tokens import Token, Tokens, taken_apart
from vedette.service.problems import Problem

FRESH_S = 1.0  # how old the copy may be: with the patience below, a revocation by another process counts within 2 s
PATIENCE_S = 0.9  # what a request waits for a new copy before it uses the old one
STALE_S = 300.0  # without the store the last copy is good for so long: who cannot write there cannot revoke there either
USED_EVERY = timedelta(minutes=1)

_log = logging.getLogger(__name__)


class Roster:
    """A copy of all tokens, read anew when a request comes and the copy is old.

    The whole list is read, never one token: so asking with invented tokens makes no work for the store.
    """

    def __init__(self, tokens: Tokens, *, clock: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._clock = clock
        self._monotonic = monotonic
        self._known: Mapping[str, Token] = {}
        self._read_at = float("-inf")
        self._changes = -1
        self._reading: asyncio.Task[None] | None = None
        self._noting: set[asyncio.Task[None]] = set()
        self._noted: dict[str, datetime] = {}

    async def of_text(self, text: str) -> Token | None:
        """Return the usable token with this text. Raises: Problem 503 when the store has been away for too long."""
        parts = taken_apart(text)
        if parts is None:
            return None
        token = await self.of_id(parts[0])
        return token if token is not None and token.opened_by(parts[1]) else None

    async def of_id(self, token_id: str) -> Token | None:
        """Return the usable token with this id. Whoever asks must have proven otherwise that it is theirs."""
        await self._be_fresh()
        token = self._known.get(token_id)
        return token if token is not None and token.usable(self._clock()) else None

    def used(self, token: Token) -> None:
        """Remember that a token was used, at most once a minute, without making the request wait."""
        now = self._clock()
        last = self._noted.get(token.id) or token.last_used_at
        if last is not None and now - last < USED_EVERY:
            return
        self._noted[token.id] = now
        task = asyncio.create_task(self._note(token.id, now))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def close(self) -> None:
        """Wait for what is being read and noted."""
        await asyncio.gather(*self._noting, *([self._reading] if self._reading else []), return_exceptions=True)

    async def _be_fresh(self) -> None:
        for _ in range(2):  # the reading that is under way may have begun before the change that we want to see
            changed = self._changes != self._tokens.changes
            age_s = self._monotonic() - self._read_at
            if age_s < FRESH_S and not changed:
                return
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            await asyncio.wait([self._reading], timeout=None if changed or age_s > STALE_S else PATIENCE_S)
        if self._monotonic() - self._read_at > STALE_S:
            raise Problem(503, "the store of tokens cannot be read at the moment", headers={"Retry-After": "5"})

    async def _read(self) -> None:
        began, changes = self._monotonic(), self._tokens.changes
        try:
            known = await asyncio.to_thread(self._tokens.list)
        except StoreError as problem:
            _log.warning("tokens could not be read: %s", problem)
            return
        self._known = {token.id: token for token in known}
        self._read_at, self._changes = began, changes
        self._noted = {token_id: at for token_id, at in self._noted.items() if token_id in self._known}

    async def _note(self, token_id: str, at: datetime) -> None:
        try:
            await asyncio.to_thread(self._tokens.used, token_id, at)
        except StoreError as problem:
            _log.warning("a token's last use could not be stored: %s", problem)
