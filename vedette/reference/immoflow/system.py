"""This file is for running ImmoflowMe under the suite `immoflow`, with all that watches over it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from vedette.reference.immoflow.around import Around
from vedette.reference.immoflow.people import PEOPLE
from vedette.reference.immoflow.platform import LOG, Immoflow
from vedette.reference.server import HttpServer
from vedette.reference.system import System

_BESIDE = ("PROMETHEUS", "ALERTMANAGER", "GRAFANA", "LOKI", "TEMPO", "SENTRY", "PAGERDUTY")


class ImmoflowSystem(System):
    """The platform, and Prometheus, Alertmanager, Grafana, Loki, Tempo, Sentry and PagerDuty around it."""

    name = "immoflow"
    suite = "immoflow"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        control, key = secrets.token_hex(16), secrets.token_hex(16)
        platform = Immoflow(self.bugs, self.folder, control_token=control)
        beside = HttpServer(Around(platform.exporters, self.folder / LOG, key, self.bugs).handle)
        async with platform.running() as url:
            around = f"http://127.0.0.1:{await beside.start('127.0.0.1', 0)}"
            try:
                yield self._variables(platform, url, around, control, key)
            finally:
                await beside.stop()

    def _variables(self, platform: Immoflow, url: str, around: str, control: str, key: str) -> dict[str, str]:
        office, other = (platform.accounts.token(one) for one in PEOPLE)
        places = {f"{name}_URL": f"{around}/{name.lower()}" for name in _BESIDE}
        keys = {f"{name}_TOKEN": key for name in ("GRAFANA", "SENTRY", "PAGERDUTY")}
        return {
            "IMMOFLOW_STAGING_URL": url,
            "IMMOFLOW_PRODUCTION_URL": url,
            "IMMOFLOW_PRODUCTION_IS_PRIVATE": "true",
            "IMMOFLOW_TOKEN": office,
            "IMMOFLOW_OTHER_TOKEN": other,
            "IMMOFLOW_EXPIRED_TOKEN": platform.accounts.token(PEOPLE[0], seconds=-60),
            "IMMOFLOW_PASSWORD": PEOPLE[0].password,
            "IMMOFLOW_PRODUCTION_TOKEN": office,
            "IMMOFLOW_CONTROL_TOKEN": control,
            **{f"IMMOFLOW_{name}": value for name, value in (places | keys).items()},
            **{f"IMMOFLOW_PRODUCTION_{name}": value for name, value in (places | keys).items()},
            "IMMOFLOW_SETTLE": "300ms",
            "IMMOFLOW_WAIT": "1500ms",
        }
