"""This file is for the route of the audit trail: who did what, when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from vedette.service.access import Scope, needs
from vedette.service.api.paging import Paging, next_link, place_in, split_at
from vedette.service.api.service_models import AuditEntry, AuditPage
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1/audit", tags=["service"])


@router.get("", operation_id="list_audit", dependencies=[needs(Scope.READ)])
async def audit(
    request: Request, wanted: Annotated[Paging, Query()], service: Annotated[Service, Depends(the_service)]
) -> AuditPage:
    """List who did what, the newest first."""
    place = place_in(wanted, "audit", str)
    found = await run_in_threadpool(service.audit.list, wanted.limit + 1, place[0] if place else "")
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, "audit", page[-1].id) if more else None
    return AuditPage(items=tuple(AuditEntry.model_validate(entry) for entry in page), next=link)
