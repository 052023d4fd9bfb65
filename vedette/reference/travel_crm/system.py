"""This file is for running the CRM under the suite `travel-crm`, with all that stands beside it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from vedette.reference.kit.elasticsearch import ElasticsearchApi
from vedette.reference.server import HttpServer
from vedette.reference.system import System
from vedette.reference.travel_crm.agencies import AGENCY, BOOKING, PEOPLE, object_id
from vedette.reference.travel_crm.crm import TravelCrm
from vedette.reference.travel_crm.grafana import Grafana
from vedette.reference.travel_crm.neighbours import Neighbours, prometheus
from vedette.reference.travel_crm.winston import COMBINED, ERRORS

INDEX = "travel-crm-logs"


class TravelCrmSystem(System):
    """The CRM with its logs, and Prometheus, Grafana, Sentry, Slack, the mail and the log search beside it."""

    name = "travel_crm"
    suite = "travel-crm"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        control, key = secrets.token_hex(16), secrets.token_hex(16)
        crm = TravelCrm(self.bugs, self.folder, control_token=control, sentry_token=key)
        scraping = prometheus(crm)
        beside = HttpServer(
            Neighbours(
                {
                    "prometheus": scraping.answer,
                    "grafana": Grafana(scraping, key, self.bugs).answer,
                    "sentry": crm.sentry.answer,
                    "slack": crm.alerts.answer_slack,
                    "mail": crm.alerts.answer_mail,
                    "search": ElasticsearchApi(INDEX, lambda: crm.log.shipped, "timestamp").answer,
                }
            ).handle
        )
        async with crm.running() as url:
            around = f"http://127.0.0.1:{await beside.start('127.0.0.1', 0)}"
            try:
                yield self._variables(crm, url, around, control, key)
            finally:
                await beside.stop()

    def _variables(self, crm: TravelCrm, url: str, around: str, control: str, key: str) -> dict[str, str]:
        owner, _, other = (crm.accounts.token(one) for one in PEOPLE)
        return {
            "TRAVEL_STAGING_URL": url,
            "TRAVEL_PRODUCTION_URL": url,
            "TRAVEL_PRODUCTION_IS_PRIVATE": "true",
            "TRAVEL_LOG": str(self.folder / COMBINED),
            "TRAVEL_ERROR_LOG": str(self.folder / ERRORS),
            "TRAVEL_CONTROL_TOKEN": control,
            "TRAVEL_TOKEN": owner,
            "TRAVEL_OTHER_TOKEN": other,
            "TRAVEL_EXPIRED_TOKEN": crm.accounts.token(PEOPLE[0], seconds=-60),
            "TRAVEL_PRODUCTION_TOKEN": owner,
            "TRAVEL_BOOKING_ID": BOOKING,
            "TRAVEL_USER_ID": object_id(PEOPLE[0].user),
            "TRAVEL_AGENCY_ID": object_id(AGENCY),
            "TRAVEL_SENTRY_URL": f"{around}/sentry",
            "TRAVEL_SENTRY_TOKEN": key,
            "TRAVEL_SLACK_URL": f"{around}/slack",
            "TRAVEL_MAIL_URL": f"{around}/mail",
            **{f"TRAVEL_{where}PROMETHEUS_URL": f"{around}/prometheus" for where in ("", "PRODUCTION_")},
            **{f"TRAVEL_{where}GRAFANA_URL": f"{around}/grafana" for where in ("", "PRODUCTION_")},
            **{f"TRAVEL_{where}GRAFANA_TOKEN": key for where in ("", "PRODUCTION_")},
            **{f"TRAVEL_{where}SEARCH_URL": f"{around}/search" for where in ("", "PRODUCTION_")},
            "TRAVEL_SETTLE": "300ms",
            "TRAVEL_WAIT": "1500ms",
        }
