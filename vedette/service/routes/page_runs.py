"""This file is for the pages of runs: the list, and one run, which is the report itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from reports.formats.html import BOXES, TONES
from reports.page import cards_of, head_of, sign_off_of
from reports.sign_off import SIGNERS
from vedette.service.access import Caller, Scope, needs
from vedette.service.pages.frames import frame_of, shown
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

The = Annotated[Service, Depends(the_service)]
Reader = Annotated[Caller, needs(Scope.READ)]
RUNS_SHOWN = 50
EARLIER = 40
KINDS = ("smoke", "deploy")  # a stretch of watching is none that a person would read from top to bottom


@router.get("/runs")
async def runs(request: Request, service: The, caller: Reader) -> HTMLResponse:
    """List the newest smoke tests and runs after deployments."""
    found = [run for kind in KINDS for run in await run_in_threadpool(service.store.runs, RUNS_SHOWN, kind=kind)]
    items = sorted(found, key=lambda one: one.run.started_at, reverse=True)[:RUNS_SHOWN]
    frame = frame_of(request, service, caller)
    return await run_in_threadpool(shown, "runs.html.j2", frame, title="Runs", tone="skipped", here="runs", items=items)


@router.get("/runs/{run_id}")
async def run(request: Request, service: The, caller: Reader, run_id: str) -> HTMLResponse:
    """Show one run whole: its verdict, every scenario with its proof, the sign-off."""
    summary = await run_in_threadpool(service.store.summary, run_id)
    if summary is None or summary.run.kind not in KINDS:
        raise Problem(404, "there is no run with this id; it may have been forgotten by its age")
    frame = frame_of(request, service, caller)

    def made() -> HTMLResponse:
        result = service.store.run(run_id)
        head = head_of(result)
        cards = cards_of(
            result, lambda scenario, target: service.store.history(scenario, target, EARLIER, suite=result.run.suite)
        )
        return shown(
            "run.html.j2", frame, title=f"{head.word}: {result.run.suite} on {result.run.target}", tone=head.tone, here="runs",
            run=result.run, page=head, cards=cards, sign_off=sign_off_of(result), tones=TONES, boxes=BOXES, signers=SIGNERS,
        )  # fmt: skip

    return await run_in_threadpool(made)
