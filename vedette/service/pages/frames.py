"""This file is for the frame around every page of one request: who looks, what they may do, and the answer as HTML."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from reports.status.pages import Frame, page
from vedette.service.access import Caller, Scope
from vedette.service.state import Service

SIGN_OUT = "/logout"


def frame_of(request: Request, service: Service, caller: Caller) -> Frame:
    """Return the frame of a page for whoever asks."""
    csrf = str(request.app.state.guard.form_token(request))
    return Frame(
        now=service.clock(),
        version=service.version,
        csrf=csrf,
        who=caller.name if csrf else "",
        sign_out=SIGN_OUT if csrf else "",
        may_write=Scope.WRITE in caller.scopes,
    )


def shown(template: str, frame: Frame, status: int = 200, **given: Any) -> HTMLResponse:
    """Return a page as the answer to a request."""
    return HTMLResponse(page(template, frame, **given), status)
