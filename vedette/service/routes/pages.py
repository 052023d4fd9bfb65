"""This file is for the pages of the watching: the overview, one scenario, one outcome with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from reports.page import card_of
from reports.status import overview as over
from reports.status import scenario as one
from reports.status import strip as strips
from reports.status.chart import RANGES_S as CHART_RANGES
from reports.status.chart import SAID as CHART_SAID
from reports.status.chart import USUAL as CHART_USUAL
from reports.status.chart import bounds, chart, filled
from reports.status.deployments import shown as as_shown
from reports.status.lines import seen
from reports.status.pages import link
from reports.status.watching import Trouble, troubles
from reports.store.watch.answers import WINDOWS_S, TickSeen
from scenarios.maintenance import Window
from scenarios.watch.events import SeriesKey
from vedette.service.access import Caller, Scope, needs
from vedette.service.pages.frames import frame_of, shown
from vedette.service.pages.reading import deploys_at, history_of, or_else, tried, watching_of, with_gaps
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

The = Annotated[Service, Depends(the_service)]
Reader = Annotated[Caller, needs(Scope.READ)]


@router.get("/")
async def overview(
    request: Request, service: The, caller: Reader, q: str = "", range: str = "", page: str = "", suite: str = "",
    target: str = "", only: str = "",
) -> HTMLResponse:  # fmt: skip
    """Show what is broken, since when and for whom; then every scenario."""
    now, lines, bad = service.clock(), list(service.board.lines()), service.board.problems()
    wish = over.asked(q, range, _number(page), suite, target, only)
    watching, frame = watching_of(service), frame_of(request, service, caller)

    def choose() -> tuple[over.Chosen, tuple[Trouble, ...], list[Window]]:
        found = troubles(with_gaps(watching, service, now), lines, now)
        return over.choose(lines, bad, wish, now), found, service.calendar.active(now)

    chosen, found, windows = await run_in_threadpool(choose)
    rows, problems = [seen(line) for line in chosen.rows], [seen(line) for line in chosen.problems]
    burning = [as_shown(one, now) for one in service.burn_ins.active]
    headline = over.headline(chosen, found, now)

    def made() -> HTMLResponse:
        drawn, p95 = history_of(service, rows, wish.range, now)
        return shown(
            "overview.html.j2", frame, title=headline.title, tone=headline.tone, here="overview",
            headline=headline, troubles=found, problems=problems, problems_left_out=chosen.problems_left_out, chosen=chosen,
            groups=over.grouped(rows, chosen.groups), groups_nav=over.nav_groups(chosen), windows=windows, burning=burning,
            strips=drawn, p95=p95, wish=wish,
            ranges=strips.SAID, range_said=strips.SAID[wish.range], legend=strips.legend(), pager=over.pager(chosen),
            range_links={name: link("/", wish.but(range=name, page=wish.page)) for name in strips.RANGES_S},
            page_link=lambda number: link("/", wish.but(page=number)),
        )  # fmt: skip

    return await run_in_threadpool(made)  # all that waits in one go: each change of threads may wait for a busy machine


@router.get("/scenarios/{slug}")
async def scenario(
    request: Request, service: The, caller: Reader, slug: str, range: str = "", only: str = "", before: str = ""
) -> HTMLResponse:  # fmt: skip
    """Show one scenario: how it stands, its latency, its ratios, its changes, its ticks."""
    line = service.board.by_slug(slug)
    if line is None:
        raise Problem(404, "there is no scenario at this address; it may have been removed from its suite")
    now, name = service.clock(), range if range in CHART_RANGES else CHART_USUAL
    here, watched = seen(line, WINDOWS_S), service.watcher.series.get(line.key)
    since, until, span_s = bounds(name, now)
    bad, earliest = only == "bad", _instant(before)
    frame, address, state = frame_of(request, service, caller), f"/scenarios/{slug}", one.state_of(here)

    def made() -> HTMLResponse:
        history = service.history
        buckets, trouble = tried([], history.chart, here.key, since, until, span_s)
        newest, _ = tried([], history.recent, here.key, one.CHANGES_FROM)
        gaps, _ = tried([], history.gaps, service.settings.location, since)
        drawn, _ = history_of(service, [here], strips.USUAL, now, spoken=True)
        ticks, older = _ticks(service, here.key, newest, bad, earliest)
        deploys = deploys_at(service, here.key, since, until)
        whole = filled(buckets, since, until, span_s)
        return shown(
            "scenario.html.j2", frame, title=f"{state.word}: {here.key.scenario}", tone=here.tone, line=here, state=state,
            schedule=one.schedule_words(watched.schedule if watched else None), windows=one.windows_of(here),
            strip=drawn[here.key], trouble=trouble, chart=chart(name, whole, since, until, deploys=deploys, gaps=gaps),
            changes=one.changes(newest), looked_at=len(newest), ticks=one.ticks_of(ticks), older=older, bad=bad, paged=earliest,
            ranges=CHART_SAID, range_links={other: link(address, {"range": other}) for other in CHART_RANGES},
            address=address, range=name,
        )  # fmt: skip

    return await run_in_threadpool(made)


@router.get("/outcomes/{outcome_id}")
async def outcome(request: Request, service: The, caller: Reader, outcome_id: str) -> HTMLResponse:
    """Show one outcome with all that proves it."""
    found, trouble = await or_else(None, service.history.outcome, outcome_id)
    if trouble:
        raise Problem(503, f"the evidence cannot be read at present: {trouble}", headers={"Retry-After": "5"})
    if found is None:
        raise Problem(404, "there is no outcome with this id; evidence is kept for a time only")
    about = found.subject
    key = SeriesKey(about.suite, about.scenario, about.target, service.settings.location)
    frame, line = frame_of(request, service, caller), service.board.line(key)

    def made() -> HTMLResponse:
        return shown(
            "outcome.html.j2", frame, title=f"{found.verdict}: {about.scenario}", tone=str(found.verdict),
            card=card_of(found), outcome=found, line=line, slug=key.slug,
        )  # fmt: skip

    return await run_in_threadpool(made)


def _ticks(
    service: Service, key: SeriesKey, newest: Sequence[TickSeen], bad: bool, before: datetime | None
) -> tuple[Sequence[TickSeen], datetime | None]:
    """Return one page of ticks, and where the next one begins."""
    if bad or before is not None:
        found, _ = tried([], service.history.recent, key, one.TICKS_SHOWN + 1, before, bad)
    else:
        found = list(newest[: one.TICKS_SHOWN + 1])
    page = found[: one.TICKS_SHOWN]
    return page, page[-1].at if len(found) > one.TICKS_SHOWN else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 else 1


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
