"""This file is for reading what pages show from the parts of the service, so that a part that fails takes no page with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from reports.durations import quantile_s
from reports.page import seconds
from reports.status import strip as strips
from reports.status.lines import Seen
from reports.status.watching import Watching
from reports.store.errors import StoreError
from scenarios.watch.events import SeriesKey
from vedette.service.state import Service

Given = ParamSpec("Given")
Told = TypeVar("Told")

DAY = timedelta(hours=24)


async def or_else(fallback: Told, call: Callable[Given, Told], *args: Given.args, **keys: Given.kwargs) -> tuple[Told, str]:
    """Return what a blocking call says, and no trouble; else the fallback and why. A page without history is still a page."""
    return await run_in_threadpool(lambda: tried(fallback, call, *args, **keys))


def tried(fallback: Told, call: Callable[Given, Told], *args: Given.args, **keys: Given.kwargs) -> tuple[Told, str]:
    """Return the same as `or_else`, for those who are in a thread already. It blocks, as does all below but `watching_of`."""
    try:
        return call(*args, **keys), ""
    except StoreError as problem:
        return fallback, str(problem)


def watching_of(service: Service) -> Watching:
    """Return how the service itself is, but for its gaps. To be called on the loop's thread."""
    figures, store, reload = service.watcher.figures(), service.sink.figures(), service.reloads.last
    return Watching(
        started_at=service.started_at,
        stopping=service.stopping,
        reload_error=reload.error if reload is not None and not reload.ok else "",
        reload_at=reload.at if reload is not None else None,
        store_healthy=store.healthy,
        store_error=store.last_error,
        spooled=store.spooled,
        lost=store.lost,
        missed={str(reason): ticks for reason, ticks in figures.missed.items()},
        loop_lag_s=figures.loop_lag_s,
        overdue_s=figures.overdue_s,
        not_taken=figures.sink_errors,
    )


def with_gaps(watching: Watching, service: Service, now: datetime) -> Watching:
    """Return the same with when nothing was watched, and whether the history can be read."""
    gaps, trouble = tried([], service.history.gaps, service.settings.location, now - DAY)
    return replace(watching, gaps=gaps, unreadable=trouble)


def history_of(
    service: Service, rows: Sequence[Seen], range_: str, now: datetime, *, spoken: bool = False
) -> tuple[dict[SeriesKey, strips.Strip], dict[SeriesKey, str]]:
    """Return the strip and the p95 of each row; empty ones where the store does not answer."""
    keys, slot_s = [row.key for row in rows], strips.RANGES_S[range_]
    slots, trouble = tried({}, service.history.strips, keys, strips.SLOTS, slot_s, strips.until(now, slot_s))
    slow = {} if trouble else p95s(service, keys, now)
    drawn = {key: strips.strip(slots.get(key, ()), spoken=spoken) for key in keys}
    return drawn, {key: slow.get(key, "–") for key in keys}


def p95s(service: Service, keys: Sequence[SeriesKey], now: datetime) -> dict[SeriesKey, str]:
    """Return the p95 of the good ticks of 24 h of each series that has any, in words."""
    found, _ = tried({}, service.history.durations_between, keys, now - DAY, now)
    return {key: seconds(quantile_s(durations, 0.95) or 0.0) for key, durations in found.items()}


def deploys_at(service: Service, key: SeriesKey, since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """Return when which version went out to a target, for the markers of a chart."""
    found, _ = tried([], service.burn_ins.ledger.between, key.suite, key.target, since, until)
    return [(one.deployed_at, one.version) for one in found]
