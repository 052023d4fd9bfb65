"""This file is for signing in with a browser: a token once, then a cookie that stands for it; and for signing out."""

from __future__ import annotations

import math
import re
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from reports.stage import stylesheet
from vedette.service.access import Scope, needs
from vedette.service.problems import sign_in_page
from vedette.service.security.guard import Guard, caller_of
from vedette.service.security.limits import body_of
from vedette.service.security.sessions import COOKIE, LASTS
from vedette.service.security.trail import note
from vedette.service.state import Service

# A path, never `//host`, which leads to another site; nor with a backslash, which browsers read as a slash.
_LOCAL = re.compile(r"/(?:[\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]{0,500})?")

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def show(request: Request, next: str = "/") -> Response:
    return HTMLResponse(sign_in_page("", local(next)))


@router.get("/login/page.css")
async def style() -> Response:
    return Response(stylesheet("login.css"), media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


@router.post("/login")
async def sign_in(request: Request) -> Response:
    guard: Guard = request.app.state.guard
    service: Service = request.app.state.service
    fields = parse_qs(body_of(request.scope).decode("utf-8", "replace"))
    leads_to = local(fields.get("next", ["/"])[0])
    address = request.client.host if request.client else ""
    wait_s = guard.throttle.attempt(address)
    if wait_s > 0:
        words = f"too many attempts: wait {math.ceil(wait_s)} s"
        return HTMLResponse(sign_in_page(words, leads_to), 429, {"Retry-After": str(math.ceil(wait_s))})
    token = await guard.roster.of_text(fields.get("token", [""])[0].strip())
    if token is None:
        await note(service.audit, request, "anonymous", "sign in refused", "")
        return HTMLResponse(sign_in_page("this token is wrong, expired or revoked", leads_to), 401)
    guard.throttle.succeeded(address)
    guard.roster.used(token)
    await note(service.audit, request, token.name, "sign in", "")
    answer = RedirectResponse(leads_to, 303)
    answer.set_cookie(
        COOKIE,
        guard.sessions.begin(token),
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )
    return answer


@router.post("/logout", dependencies=[needs(Scope.READ)])
async def sign_out(request: Request) -> Response:
    guard: Guard = request.app.state.guard
    session, caller = guard.session_of(request), caller_of(request)
    if session is not None and caller is not None:
        guard.sessions.end(session)
        await note(request.app.state.service.audit, request, caller.name, "sign out", "")
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_is_https(request))
    return answer


def local(address: str) -> str:
    """Return an address if it is one of ours, else the overview: signing in must lead nobody to another site."""
    return address if _LOCAL.fullmatch(address) else "/"


def _is_https(request: Request) -> bool:
    """Return whether the browser speaks HTTPS, with us or with a proxy before us: it says where its form stood."""
    return request.scope["scheme"] == "https" or request.headers.get("origin", "").startswith("https://")
