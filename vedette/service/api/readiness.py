"""This file is for whether this service does its work: a pure judgement, so that each way to be broken can be tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vedette.service.api.service_models import HealthCheck

if TYPE_CHECKING:
    from vedette.service.state import Service

OVERDUE_S = 15.0  # what is due is taken up within milliseconds, even where all turns are taken: it waits in line then
LAG_S = 5.0  # an event loop that comes so late has stood still


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the judgement stands on."""

    store_healthy: bool
    waiting_for_store: int
    series: int
    overdue_s: float
    loop_lag_s: float
    stopping: bool


def vitals(service: Service) -> Vitals:
    """Return how the service is now. To be called on the event loop's thread."""
    store, scheduling = service.sink.figures(), service.watcher.figures()
    return Vitals(
        store_healthy=store.healthy,
        waiting_for_store=store.queued + store.spooled,
        series=len(service.watcher.series),
        overdue_s=scheduling.overdue_s,
        loop_lag_s=scheduling.loop_lag_s,
        stopping=service.stopping,
    )


def checks(seen: Vitals) -> Mapping[str, HealthCheck]:
    """Return every check of readiness. What they say is for anybody who asks: no path, no address, no error's text."""
    return {"store": _store(seen), "scheduler": _scheduler(seen), "configuration": _configuration(seen)}


def _store(seen: Vitals) -> HealthCheck:
    return _check("" if seen.store_healthy else f"the store takes nothing at present, ticks that wait: {seen.waiting_for_store}")


def _scheduler(seen: Vitals) -> HealthCheck:
    if seen.stopping:
        return _check("the service is stopping")
    if seen.loop_lag_s > LAG_S:
        return _check(f"the service comes {seen.loop_lag_s:.0f} s late to its own work")
    late = seen.overdue_s > OVERDUE_S
    return _check(f"a scenario has been due for {seen.overdue_s:.0f} s and was not taken up" if late else "")


def _configuration(seen: Vitals) -> HealthCheck:
    return _check("" if seen.series else "nothing is watched: no configuration is loaded")


def _check(trouble: str) -> HealthCheck:
    return HealthCheck(status="down" if trouble else "up", say=trouble)
