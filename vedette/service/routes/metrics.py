"""This file is for the routes that Prometheus scrapes: `/metrics`, and `/probe` that asks out of turn like blackbox_exporter."""

from __future__ import annotations

import asyncio
import math
import re
import time
import zlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from reports.metrics.blackbox import debug_text, no_answer_text, probe_text
from reports.metrics.exposition import OPENMETRICS, TEXT
from scenarios.watch.asks import NotWatching
from scenarios.watch.events import SeriesKey
from vedette.service.access import Scope, needs
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(tags=["metrics"])

SCRAPE_S = 120.0  # for a probe where the scraper does not say how long it waits; blackbox_exporter's own
OFFSET_S = 0.5  # of the scraper's time that is left for the way back; the same
_PACKED_AT_ONCE = 1 << 18  # bytes handed to one turn of packing, in a thread
_NOT_KEPT = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}

Name = Annotated[str, Query(max_length=400)]


@router.get("/metrics", response_class=PlainTextResponse, operation_id="metrics", dependencies=[needs(Scope.METRICS)])
async def metrics(request: Request, service: Annotated[Service, Depends(the_service)]) -> StreamingResponse:
    """Tell Prometheus how everything that is watched stands, and how the service itself does."""
    openmetrics = wants(request.headers.get("accept", ""), "application/openmetrics-text", "text/plain")
    pieces, headers = service.metrics.pieces(openmetrics=openmetrics), dict(_NOT_KEPT)
    if wants(request.headers.get("accept-encoding", ""), "gzip", "identity"):
        pieces, headers["Content-Encoding"] = packed(pieces), "gzip"
    headers["Content-Type"] = OPENMETRICS if openmetrics else TEXT
    return StreamingResponse(pieces, headers=headers)


@router.get("/probe", response_class=PlainTextResponse, operation_id="probe", dependencies=[needs(Scope.METRICS)])
async def probe(
    request: Request,
    service: Annotated[Service, Depends(the_service)],
    target: Name = "",
    scenario: Name = "",
    module: Annotated[str, Query(max_length=400, description="the same as `scenario`, as blackbox_exporter calls it")] = "",
    suite: Name = "",
    debug: bool = False,
) -> PlainTextResponse:
    """Ask one scenario of one target now, and answer in the metric names of blackbox_exporter.

    Only what a suite configures can be asked: neither name is ever taken for an address.
    """
    key = series_named(service, suite, scenario or module, target)
    timeout_s = scrape_s(request.headers.get("x-prometheus-scrape-timeout-seconds", ""))
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s) as limit:
            tick = await service.watcher.ask_now(key)
    except TimeoutError:
        if not limit.expired():
            raise
        text = no_answer_text(waited_s=time.monotonic() - began, timeout_s=timeout_s)
    except NotWatching as problem:
        raise Problem(503, f"nothing can be asked now: {problem}") from None
    except KeyError:
        raise Problem(400, f"the scenario '{key.scenario}' is no longer watched at '{key.target}'") from None
    except ValueError as problem:  # a job that reports by itself
        raise Problem(400, str(problem)) from None
    else:
        text = (debug_text if debug else probe_text)(tick.outcome, timeout_s=timeout_s)
    return PlainTextResponse(
        text, headers={"Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8" if debug else TEXT}
    )


def series_named(service: Service, suite: str, scenario: str, target: str) -> SeriesKey:
    """Return the one series of these names. Raises: Problem 400."""
    if not scenario:
        raise Problem(400, "name a scenario: /probe?scenario=…&target=…")
    if not target:
        raise Problem(400, "name a target: /probe?scenario=…&target=…")
    found = [
        key for key in service.watcher.series if key.scenario == scenario and key.target == target and suite in ("", key.suite)
    ]
    if not found:
        raise Problem(400, "no such scenario is watched at such a target; `/api/v1/series` lists them")
    if len(found) > 1:
        suites = ", ".join(sorted(f"'{key.suite}'" for key in found))
        raise Problem(400, f"several suites have this scenario ({suites}); name one with suite=…")
    return found[0]


def scrape_s(header: str) -> float:
    """Return how long a probe may take, by the scraper's own limit. Raises: Problem 400."""
    if not header:
        return SCRAPE_S
    try:
        given_s = float(header)
    except ValueError:
        given_s = math.nan
    if not 0 < given_s < math.inf:
        raise Problem(400, "X-Prometheus-Scrape-Timeout-Seconds should be a number of seconds such as 10")
    return min(max(given_s - OFFSET_S, given_s / 2), SCRAPE_S)


def wants(header: str, name: str, other: str) -> bool:
    """Return whether a header such as Accept asks for `name` by name, and for `other` no more. Source: RFC 9110 section 12.5."""
    weights = {name: 0.0, other: 0.0}
    for part in header.split(","):
        asked, _, options = part.strip().partition(";")
        if asked.strip().lower() in weights:
            found = re.search(r"(?:^|;)\s*q=([01](?:\.\d*)?)\s*(?:;|$)", options)
            weight = float(found.group(1)) if found else 1.0
            weights[asked.strip().lower()] = max(weights[asked.strip().lower()], weight)
    return weights[name] > 0 and weights[name] >= weights[other]


async def packed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces as gzip. Packing is done in a thread: for ten thousand scenarios it is half of the work."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    waiting: list[bytes] = []
    size = 0
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PACKED_AT_ONCE:
            out = await asyncio.to_thread(packer.compress, b"".join(waiting))
            waiting, size = [], 0
            if out:
                yield out
    yield packer.compress(b"".join(waiting)) + packer.flush()
