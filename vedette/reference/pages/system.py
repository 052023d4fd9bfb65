"""This file is for running the booking site under the suite `pages`, apart from the other faces: each run starts a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from vedette.reference.pages.site import PASSWORD, USER, Site
from vedette.reference.server import HttpServer
from vedette.reference.system import System, lacks


class Pages(System):
    """The booking site on a port of its own."""

    name = "pages"
    suite = "pages"
    targets = ("staging",)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        server = HttpServer(Site(self.bugs).answer)
        port = await server.start("127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{port}"
            yield {"VEDETTE_PAGES_URL": url, "VEDETTE_PAGES_USER": USER, "VEDETTE_PAGES_PASSWORD": PASSWORD}
        finally:
            await server.stop()

    @classmethod
    def missing(cls) -> str:
        if lacks("playwright"):
            return "the extra 'browser'"
        from probes.browsing.chromium import is_installed

        return "" if is_installed() else "a Chromium"
