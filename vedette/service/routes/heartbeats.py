"""This file is for the routes of heartbeats: the secret addresses that jobs call, and the API for those who may know them."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from vedette.service.access import Caller, Scope, needs
from vedette.service.api.models import Answer
from vedette.service.api.paging import Paging, next_link, place_in, split_at
from vedette.service.heartbeats import Heartbeats, NoSuchHeartbeat, NotKept, TooManyReports
from vedette.service.problems import Problem
from vedette.service.security.limits import body_of
from vedette.service.state import Service, the_service

router = APIRouter()

LARGEST_NOTE_BYTES = 10_000  # of what a job sends along; the rest is cut off
_NOT_HERE = "there is nothing at this address"  # the same for an unknown heartbeat and a wrong secret
_TOO_OFTEN = "this job reports too often: at most 5 times a second in the long run"
_NOT_KEPT = "the report could not be kept: send it again"

TheService = Annotated[Service, Depends(the_service)]
Slug = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="`slug` of a heartbeat", examples=["3f9a0c1b2d4e5f60"])]
Id = Annotated[
    str, Query(max_length=64, pattern=r"^[A-Za-z0-9._:-]*$", description="of this run: a report sent twice counts once")
]
Duration = Annotated[float | None, Query(ge=0, le=31 * 86_400, allow_inf_nan=False, description="seconds that the job took")]


class HeartbeatAnswer(Answer):
    """One job that reports by itself."""

    slug: str = Field(description="of its series")
    suite: str
    scenario: str
    target: str
    generation: int = Field(description="of its address")
    due_at: AwareDatetime = Field(description="when it is due next")
    late_at: AwareDatetime = Field(description="when its silence is told, if it stays silent")
    started_at: AwareDatetime | None = Field(description="its newest start")
    reported_at: AwareDatetime | None = Field(description="its newest success or failure")
    succeeded_at: AwareDatetime | None
    failed: bool = Field(description="what the newest report said")
    exit_code: int | None
    duration_s: float | None = Field(description="of its newest run")


class HeartbeatPage(Answer):
    """Heartbeats, in the order of suite, scenario and target."""

    items: tuple[HeartbeatAnswer, ...]
    next: str | None = Field(description="address of the next page; null at the end of the list")


class AddressAnswer(Answer):
    """Where a job reports. Whoever knows the path can report for the job."""

    path: str = Field(examples=["/heartbeat/3f9a0c1b2d4e5f60/0123456789abcdef0123456789abcdef"])


class ReportBody(BaseModel):
    """What a job says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: Literal["start", "success", "fail", "exit"] = Field("success", description="`exit` says it by `exit_code`")
    exit_code: int | None = Field(None, ge=0, le=255, description="with `exit` only")
    duration_s: float | None = Field(None, ge=0, le=31 * 86_400, allow_inf_nan=False, description="that the job took")
    note: str = Field("", max_length=LARGEST_NOTE_BYTES, description="shown as evidence, secrets and personal data taken out")
    id: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9._:-]*$", description="of this run: sent twice, it counts once")


class TakenAnswer(Answer):
    """The report is on the disk."""

    taken: Literal[True] = True


@router.api_route("/heartbeat/{slug}/{secret}", methods=["GET", "POST"], include_in_schema=False)
async def succeeded(
    request: Request, slug: str, secret: str, service: TheService, id: Id = "", duration: Duration = None
) -> JSONResponse:
    """Take the report of a success."""
    return await _taken_from(request, service, slug, secret, "success", None, duration, id)


@router.api_route("/heartbeat/{slug}/{secret}/{what}", methods=["GET", "POST"], include_in_schema=False)
async def said(
    request: Request, slug: str, secret: str, what: str, service: TheService, id: Id = "", duration: Duration = None
) -> JSONResponse:
    """Take a report: `start`, `success`, `fail` or an exit code."""
    if what in ("start", "success", "fail"):
        return await _taken_from(request, service, slug, secret, what, None, duration, id)
    if not (what.isascii() and what.isdecimal() and len(what) <= 3 and int(what) <= 255):
        raise Problem(404, _NOT_HERE)
    return await _taken_from(request, service, slug, secret, "exit", int(what), duration, id)


@router.get(
    "/api/v1/heartbeats", operation_id="list_heartbeats", tags=["heartbeats"], dependencies=[needs(Scope.READ)]
)  # fmt: skip
async def heartbeats(request: Request, wanted: Annotated[Paging, Query()], service: TheService) -> HeartbeatPage:
    """List the jobs that report by themselves, and how they stand."""
    place = place_in(wanted, "heartbeats", str, str, str, str)
    listed = sorted((one.suite, one.scenario, one.target, one.slug, one.generation) for one in service.heartbeats.places())
    page, more = split_at([one for one in listed if place is None or list(one[:4]) > place], wanted.limit)
    link = next_link(request, wanted, "heartbeats", *page[-1][:4]) if more else None
    return HeartbeatPage(items=tuple(_answer(service.heartbeats, *one) for one in page), next=link)


@router.get("/api/v1/heartbeats/{slug}/address", operation_id="get_heartbeat_address", tags=["heartbeats"])
async def address(slug: Slug, service: TheService, caller: Annotated[Caller, needs(Scope.WRITE)]) -> AddressAnswer:
    """Tell the secret address of a job. It stands in the audit trail who asked."""
    try:
        path = service.heartbeats.path(slug)
    except NoSuchHeartbeat:
        raise Problem(404, "there is no heartbeat with this slug; `/api/v1/heartbeats` lists them") from None
    await run_in_threadpool(service.audit.note, caller.name, "heartbeat.address", slug)
    return AddressAnswer(path=path)


@router.post(
    "/api/v1/heartbeats/{slug}/reports",
    operation_id="report_heartbeat",
    tags=["heartbeats"],
    dependencies=[needs(Scope.HEARTBEAT)],
)
async def report(slug: Slug, body: ReportBody, service: TheService) -> TakenAnswer:
    """Take the report of a job from someone who may report for all of them."""
    if (body.what == "exit") != (body.exit_code is not None):
        raise Problem(422, "'exit_code' belongs to 'what': 'exit', and 'exit' needs one")
    taking = service.heartbeats.report(
        slug, body.what, exit_code=body.exit_code, duration_s=body.duration_s, note=body.note, id=body.id
    )
    await _translated(taking, "there is no heartbeat with this slug; `/api/v1/heartbeats` lists them")
    return TakenAnswer()


async def _taken_from(
    request: Request,
    service: Service,
    slug: str,
    secret: str,
    what: str,
    exit_code: int | None,
    duration_s: float | None,
    id: str,
) -> JSONResponse:
    try:
        service.heartbeats.knows(slug, secret)
    except NoSuchHeartbeat:
        raise Problem(404, _NOT_HERE) from None
    note = _note(body_of(request.scope), request.headers.get("content-type", ""))
    await _translated(
        service.heartbeats.report(slug, what, exit_code=exit_code, duration_s=duration_s, note=note, id=id), _NOT_HERE
    )
    return JSONResponse({"taken": True}, headers={"Cache-Control": "no-store"})


async def _translated(taking: Awaitable[None], not_there: str) -> None:
    try:
        await taking
    except NoSuchHeartbeat:
        raise Problem(404, not_there) from None
    except TooManyReports:
        raise Problem(429, _TOO_OFTEN, headers={"Retry-After": "1"}) from None
    except NotKept:
        raise Problem(503, _NOT_KEPT, headers={"Retry-After": "5"}) from None


def _note(body: bytes, content_type: str) -> str:
    """Return what a job sent along: as it stands, or the text that a JSON text is.

    Where it is cut off, a sign stands there, by which half a secret is known too.
    """
    if content_type.startswith("application/json"):
        try:
            sent = json.loads(body)
        except (ValueError, RecursionError):
            sent = None
        body = sent.encode("utf-8", "replace") if isinstance(sent, str) else body
    text = body[:LARGEST_NOTE_BYTES].decode("utf-8", "replace").strip()
    return f"{text}…" if len(body) > LARGEST_NOTE_BYTES else text


def _answer(desk: Heartbeats, suite: str, scenario: str, target: str, slug: str, generation: int) -> HeartbeatAnswer:
    found = desk.standing(slug)
    assert found is not None  # it was listed at this moment
    standing, deadline = found
    return HeartbeatAnswer(
        slug=slug,
        suite=suite,
        scenario=scenario,
        target=target,
        generation=generation,
        due_at=deadline.due,
        late_at=deadline.at,
        started_at=standing.started_at,
        reported_at=standing.reported_at,
        succeeded_at=standing.succeeded_at,
        failed=standing.failed,
        exit_code=standing.exit_code,
        duration_s=standing.duration_s,
    )
