"""This file is for badges: a picture of one scenario, or of a suite at a target, for pages that stand elsewhere."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from reports.status.badge import Badge, of_group, of_line, svg
from reports.store.watch.answers import WINDOWS_S
from vedette.service.access import Scope, needs
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

The = Annotated[Service, Depends(the_service)]
_HEADERS = {
    "Cache-Control": "max-age=30",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",  # to stand on other pages is what a badge is for
}


@router.get("/badge/suite/{suite}/{target}.svg", dependencies=[needs(Scope.READ)])
async def of_suite(request: Request, service: The, suite: str, target: str, window: str = "") -> Response:
    """Send the badge of a suite at a target."""
    lines = [line for line in service.board.lines() if line.key.suite == suite and line.key.target == target]
    return _sent(request, of_group(suite, target, lines, window if window in WINDOWS_S else ""))


@router.get("/badge/{slug}.svg", dependencies=[needs(Scope.READ)])
async def of_series(request: Request, service: The, slug: str, window: str = "") -> Response:
    """Send the badge of one scenario; an unknown one is grey, because a page cannot show a refusal."""
    return _sent(request, of_line(service.board.by_slug(slug), window if window in WINDOWS_S else ""))


def _sent(request: Request, badge: Badge) -> Response:
    picture = svg(badge)
    mark = f'"{sha256(picture.encode()).hexdigest()[:20]}"'
    headers = {**_HEADERS, "ETag": mark}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if mark in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type="image/svg+xml", headers=headers)
