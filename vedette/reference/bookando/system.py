"""This file is for running the booking platform under the suite `bookando`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from vedette.reference.bookando.people import PEOPLE
from vedette.reference.bookando.platform import Bookando
from vedette.reference.system import System


class BookandoSystem(System):
    """The platform with its log, its audit file and a token for each person."""

    name = "bookando"
    suite = "bookando"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        token, secret = secrets.token_hex(16), secrets.token_hex(16)
        platform = Bookando(self.bugs, self.folder, control_token=token, webhook_secret=secret.encode())
        async with platform.running() as url:
            owner, _, other = (platform.accounts.token(one) for one in PEOPLE)
            yield {
                "BOOKANDO_STAGING_URL": url,
                "BOOKANDO_PRODUCTION_URL": url,
                "BOOKANDO_PRODUCTION_IS_PRIVATE": "true",
                "BOOKANDO_LOG": str(self.folder / "bookando.log"),
                "BOOKANDO_TOKEN": owner,
                "BOOKANDO_PRODUCTION_TOKEN": owner,
                "BOOKANDO_SETTLE": "300ms",
                "BOOKANDO_WAIT": "3s",
                "BOOKANDO_OTHER_TOKEN": other,
                "BOOKANDO_EXPIRED_TOKEN": platform.accounts.token(PEOPLE[0], seconds=-60),
                "BOOKANDO_PASSWORD": PEOPLE[0].password,
                "BOOKANDO_WEBHOOK_SECRET": secret,
            }
