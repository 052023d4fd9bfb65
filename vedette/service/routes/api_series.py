"""This file is for the routes of series: the list, one of them, its ticks, its chart, its strip, and asking out of turn."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from probes.outcome import Severity, Verdict, to_json
from reports.line import Line, Mark
from scenarios.watch.asks import NotWatching
from scenarios.watch.events import SeriesKey, Trigger
from vedette.service.access import Caller, Scope, needs
from vedette.service.api import lines
from vedette.service.api.models import ChartAnswer, SeriesDetail, SeriesPage, StripAnswer, TickPage
from vedette.service.api.outcome_models import AskedAnswer, OutcomeAnswer
from vedette.service.api.paging import Asked, Paging, instant_at, micros_of, next_link, place_in, split_at
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1/series", tags=["series"])

Slug = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="`slug` of a series", examples=["3f9a0c1b2d4e5f60"])]
Name = Annotated[str | None, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
BUCKETS_S = {"3h": 300, "24h": 300, "7d": 3600, "30d": 3600}  # the spans that rollups are kept in
_RANGES = {"3h": timedelta(hours=3), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}


class SeriesFilter(Paging):
    """Which series are wanted: those that all given filters hold for."""

    suite: Name = Field(None, description="name of the suite")
    scenario: Name = Field(None, description="name of the scenario")
    target: Name = Field(None, description="name of the target")
    tag: Name = Field(None, description="one of the scenario's tags")
    severity: Severity | None = Field(None, description="P0 to P3")
    verdict: Verdict | None = Field(None, description="of the newest tick")
    mark: Mark | None = Field(None, description="how it counts in the headline")
    problem: bool | None = Field(None, description="true: only open problems; false: all others")

    def takes(self, line: Line) -> bool:
        """Return whether a series is wanted."""
        return (
            self.suite in (None, line.key.suite)
            and self.scenario in (None, line.key.scenario)
            and self.target in (None, line.key.target)
            and (self.tag is None or self.tag in line.subject.tags)
            and self.severity in (None, line.subject.severity)
            and self.verdict in (None, line.verdict)
            and self.mark in (None, line.mark)
            and self.problem in (None, line.is_problem)
        )


class TickFilter(Paging):
    """Which ticks are wanted."""

    only_bad: bool = Field(False, description="true: only those that failed or proved nothing")


class ChartFilter(Asked):
    """Which chart is wanted."""

    range: Literal["3h", "24h", "7d", "30d"] = Field("24h", description="how far back")


class StripFilter(Asked):
    """Which strip is wanted."""

    slots: int = Field(90, ge=1, le=366, description="how many")
    slot_s: int = Field(300, ge=300, le=86_400, multiple_of=300, description="how long each is")


async def line_of(slug: Slug, service: Annotated[Service, Depends(the_service)]) -> Line:
    """Return the series of an address. Raises: Problem 404."""
    line = service.board.by_slug(slug)
    if line is None:
        raise Problem(404, "there is no series with this slug; `/api/v1/series` lists them")
    return line


@router.get("", operation_id="list_series", dependencies=[needs(Scope.READ)])
async def series(
    request: Request, wanted: Annotated[SeriesFilter, Query()], service: Annotated[Service, Depends(the_service)]
) -> SeriesPage:
    """List what is watched, in the order of suite, scenario and target."""
    place = place_in(wanted, "series", str, str, str, str)
    after = SeriesKey(*place) if place else None
    chosen = (line for line in lines.ordered(request.app.state).after(after) if wanted.takes(line))
    found = list(islice(chosen, wanted.limit + 1))
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, "series", *page[-1].key) if more else None
    return SeriesPage(items=tuple(lines.brief(service, line) for line in page), next=link)


@router.get("/{slug}", operation_id="get_series", dependencies=[needs(Scope.READ)])
async def one(line: Annotated[Line, Depends(line_of)], service: Annotated[Service, Depends(the_service)]) -> SeriesDetail:
    """Tell how one series stands."""
    return lines.detail(service, line)


@router.get("/{slug}/ticks", operation_id="list_ticks", dependencies=[needs(Scope.READ)])
async def ticks(
    request: Request,
    line: Annotated[Line, Depends(line_of)],
    wanted: Annotated[TickFilter, Query()],
    service: Annotated[Service, Depends(the_service)],
) -> TickPage:
    """List the ticks of one series, the newest first."""
    listing = f"ticks {line.key.slug}"
    place = place_in(wanted, listing, int)
    before = instant_at(place[0]) if place else None
    found = await run_in_threadpool(service.history.recent, line.key, wanted.limit + 1, before, wanted.only_bad)
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, listing, micros_of(page[-1].at)) if more else None
    return TickPage(items=tuple(lines.tick(seen) for seen in page), next=link)


@router.get("/{slug}/chart", operation_id="get_chart", dependencies=[needs(Scope.READ)])
async def chart(
    line: Annotated[Line, Depends(line_of)],
    service: Annotated[Service, Depends(the_service)],
    wanted: Annotated[ChartFilter, Query()],
) -> ChartAnswer:
    """Tell the durations of one series over time: percentiles, and the mean of each phase."""
    until, span_s = service.clock(), BUCKETS_S[wanted.range]
    since = until - _RANGES[wanted.range]
    buckets = await run_in_threadpool(service.history.chart, line.key, since, until, span_s)
    return ChartAnswer(
        slug=line.key.slug,
        from_at=since,
        until_at=until,
        bucket_s=span_s,
        buckets=tuple(lines.bucket(one) for one in islice(buckets, 2000)),
    )


@router.get("/{slug}/strip", operation_id="get_strip", dependencies=[needs(Scope.READ)])
async def strip(
    line: Annotated[Line, Depends(line_of)],
    service: Annotated[Service, Depends(the_service)],
    wanted: Annotated[StripFilter, Query()],
) -> StripAnswer:
    """Tell the worst verdict of each slot of time, as the heat strip of the page shows it."""
    found = await run_in_threadpool(service.history.strips, [line.key], wanted.slots, wanted.slot_s, service.clock())
    return StripAnswer(slug=line.key.slug, slots=tuple(lines.slot(one) for one in found.get(line.key, ())))


@router.post("/{slug}/ask", operation_id="ask_now")
async def ask(
    caller: Annotated[Caller, needs(Scope.WRITE)],
    line: Annotated[Line, Depends(line_of)],
    service: Annotated[Service, Depends(the_service)],
) -> AskedAnswer:
    """Ask the question of one series out of turn, and wait for its outcome. Limits hold; the tick is kept and counted."""
    try:
        tick = await service.watcher.ask_now(line.key, Trigger.MANUAL)
    except KeyError:
        raise Problem(404, "this series is watched no longer") from None
    except ValueError as why:  # a heartbeat: its job reports, nobody asks
        raise Problem(409, str(why)) from why
    except NotWatching as why:
        raise Problem(503, str(why), headers={"Retry-After": "5"}) from why
    return AskedAnswer(
        slug=line.key.slug,
        trigger=tick.trigger,
        lateness_s=tick.lateness_s,
        maintenance=tick.maintenance,
        version=tick.version,
        outcome=OutcomeAnswer.model_validate(to_json(tick.outcome)),
    )
