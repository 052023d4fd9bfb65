"""This file is for what pages load beside themselves: style, script and icons, kept by browsers for ever."""

from __future__ import annotations

from fastapi import APIRouter, Response

from reports.status.assets import find
from vedette.service.access import Scope, needs
from vedette.service.problems import Problem

router = APIRouter(include_in_schema=False)

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # the name changes with the content


@router.get("/assets/{name}", dependencies=[needs(Scope.READ)])
async def asset(name: str) -> Response:
    """Send one file."""
    found = find(name)
    if found is None:
        raise Problem(404, "there is no such file; reload the page that asked for it")
    return Response(found.content, media_type=found.media_type, headers=_FOR_EVER)
