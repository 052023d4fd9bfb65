"""This file is for running the platform under the suite `platform-baseline`: staging and production, each with its worker."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from vedette.reference.edge.promql_answers import Series
from vedette.reference.kit.accounts import Accounts
from vedette.reference.kit.prometheus import PrometheusApi, scraped
from vedette.reference.kit.service import utc_now
from vedette.reference.platform_baseline.people import COLLEAGUE, OWNER, PEOPLE, STRANGER
from vedette.reference.platform_baseline.platform import Platform
from vedette.reference.platform_baseline.rules import rules
from vedette.reference.platform_baseline.worker import Worker
from vedette.reference.server import HttpServer, Request, Response
from vedette.reference.system import System, lacks


class PlatformBaseline(System):
    """Two environments with their logs, their workers and their Prometheus; the same people may use both."""

    name = "platform_baseline"
    suite = "platform-baseline"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        token = secrets.token_hex(16)
        accounts = Accounts(PEOPLE, secrets.token_bytes(32), self.bugs, utc_now)
        variables = {
            "PLATFORM_TOKEN": accounts.token(OWNER),
            "PLATFORM_COLLEAGUE_TOKEN": accounts.token(COLLEAGUE),
            "PLATFORM_OTHER_ORG_TOKEN": accounts.token(STRANGER),
            "PLATFORM_EXPIRED_TOKEN": accounts.token(OWNER, seconds=-60),
            "PLATFORM_CONTROL_TOKEN": token,
            "PLATFORM_PRODUCTION_IS_PRIVATE": "true",
            "PLATFORM_WAIT": "4s",
            "PLATFORM_SETTLE": "300ms",
            "PLATFORM_BITE": "2s",
            "PLATFORM_TICK": "100ms",
            "PLATFORM_LIVE_WITHIN": "2s",
        }
        async with AsyncExitStack() as stack:
            for environment in ("staging", "production"):
                switch = token if environment == "staging" else ""
                platform = Platform(self.bugs, self.folder, accounts, environment=environment, control_token=switch)
                named = f"PLATFORM_{environment.upper()}"
                variables[f"{named}_URL"] = await stack.enter_async_context(platform.running())
                variables[f"{named}_WORKER_URL"] = await stack.enter_async_context(Worker(platform).running())
                variables[f"{named}_PROMETHEUS_URL"] = await stack.enter_async_context(self._prometheus(platform))
                variables[f"{named}_LOG"] = str(self.folder / f"{environment}.log")
            yield variables

    @classmethod
    def missing(cls) -> str:
        if lacks("playwright"):
            return "the extra 'browser'"
        from probes.browsing.chromium import is_installed

        return "" if is_installed() else "a Chromium"

    @asynccontextmanager
    async def _prometheus(self, platform: Platform) -> AsyncIterator[str]:
        def series() -> list[Series]:
            platform.read_figures()
            return self._series(platform)

        api = PrometheusApi(series, self.bugs, lambda: rules(self.bugs))

        async def answer(request: Request) -> Response:
            return api.answer(request, request.path)

        server = HttpServer(answer)
        try:
            yield f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        finally:
            await server.stop()

    def _series(self, platform: Platform) -> list[Series]:
        """Return what Prometheus has of the API, of the worker, and of the probes of their readiness."""
        made = scraped(platform.metrics, job="api")
        if "worker_not_scraped" not in self.bugs:
            made += scraped(platform.metrics, job="worker")
        if "worker_scrape_fails" in self.bugs:
            made = [Series("up", one.labels, 0.0) if (one.name, one.labels["job"]) == ("up", "worker") else one for one in made]
        made += [Series("probe_success", {"job": job, "probe": "ready"}, 1.0) for job in ("api", "worker")]
        return [one for one in made if f"series_without_{one.name}" not in self.bugs]
