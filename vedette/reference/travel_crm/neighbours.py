"""This file is for what stands beside the CRM: one server for all of it, and what Prometheus has scraped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from vedette.reference.edge.promql_answers import Series
from vedette.reference.kit.prometheus import PrometheusApi, scraped
from vedette.reference.server import Request, Response, json_response
from vedette.reference.travel_crm.crm import TravelCrm
from vedette.reference.travel_crm.families import measure_process

_JOB = "travel-crm"
_LONG_AGO_S = 1800.0
Answer = Callable[[Request, str], Response]


class Neighbours:
    """Answers for each neighbour below a path of its own."""

    def __init__(self, known: Mapping[str, Answer]) -> None:
        self._known = known

    async def handle(self, request: Request) -> Response:
        name, slash, rest = request.path.removeprefix("/").partition("/")
        answer = self._known.get(name)
        return answer(request, slash + rest) if answer is not None else json_response(404, {"message": "not found"})


def prometheus(crm: TravelCrm) -> PrometheusApi:
    """Return a Prometheus that scrapes the CRM, and the time of the last backup as its job pushed it."""

    def series() -> list[Series]:
        bugs = crm.bugs
        measure_process(crm.metrics, bugs)
        found = scraped(crm.metrics, job=_JOB)
        if "prometheus_target_down" in bugs:
            found = [Series("up", {"job": _JOB}, 0.0), *(replace(one, age_s=_LONG_AGO_S) for one in found[1:])]
        if "prometheus_target_lost" in bugs:
            found = []
        age_s = 3 * 86_400 if "backup_old" in bugs else 3600
        backup = Series("backup_last_success_timestamp_seconds", {"job": "travel-crm-backup"}, time.time() - age_s)
        return found if "backup_never" in bugs else [*found, backup]

    return PrometheusApi(series, crm.bugs)
