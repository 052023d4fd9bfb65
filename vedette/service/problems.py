"""This file is for refusals over HTTP as RFC 9457 wants them: problem details, one sentence a person can act on."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Send

from reports.stage import rendered
from reports.store.errors import StoreError

MEDIA_TYPE = "application/problem+json"
_LONGEST = 200  # characters of the address that a sign-in leads back to

_log = logging.getLogger(__name__)


class Problem(Exception):
    """A request that is refused. `detail` is one sentence for a person; it never holds a secret or what was sent.

    Source: RFC 9457 section 3.
    """

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.more = more

    def body(self) -> dict[str, Any]:
        """Return the problem document."""
        title = HTTPStatus(self.status).phrase
        return {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.more}


def answer_problems(app: FastAPI) -> None:
    """Let an application answer every refusal as a problem document, or as a page where a person asked for one."""

    async def of_ours(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return as_response(problem, request)

    async def of_theirs(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        return as_response(_translated(problem, request), request)

    async def of_input(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, RequestValidationError)
        return as_response(_of_input(problem, request), request)

    async def of_the_store(request: Request, problem: Exception) -> Response:
        _log.error("the store failed a request: %s", problem)
        why = "the store cannot be used at the moment, and the service's log says why"
        return as_response(Problem(503, why, headers={"Retry-After": "5"}), request)

    app.add_exception_handler(Problem, of_ours)
    app.add_exception_handler(HTTPException, of_theirs)
    app.add_exception_handler(RequestValidationError, of_input)
    app.add_exception_handler(StoreError, of_the_store)


async def answer(problem: Problem, request: Request, send: Send) -> None:
    """Send a refusal where no route was reached."""
    await as_response(problem, request)(request.scope, request.receive, send)


def as_response(problem: Problem, request: Request) -> Response:
    """Return the answer that tells a problem: a document for programs, a page for a person's browser."""
    if not wants_page(request):
        text = json.dumps(problem.body(), ensure_ascii=False)
        return Response(text, problem.status, {**problem.headers, "content-type": MEDIA_TYPE})
    if problem.status == 401:
        page = sign_in_page("", back_to(request))
    else:
        title = HTTPStatus(problem.status).phrase
        page = rendered("refusal.html.j2", status=problem.status, title=title, sentence=problem.detail)
    return HTMLResponse(page, problem.status, problem.headers)


def wants_page(request: Request) -> bool:
    """Return whether a browser asks for a page, and not a program for data."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/api/")


def sign_in_page(sentence: str, leads_to: str) -> str:
    """Return the page to sign in on, with what went wrong before."""
    return rendered("login.html.j2", sentence=sentence, leads_to=leads_to)


def back_to(request: Request) -> str:
    """Return where a person wanted to go, for after the sign-in; the overview where it was no plain look at a page."""
    if request.method != "GET":
        return "/"
    query = request.scope.get("query_string", b"").decode("latin-1")
    whole = request.scope["path"] + (f"?{query}" if query else "")
    return whole if len(whole) <= _LONGEST else "/"


def _translated(problem: HTTPException, request: Request) -> Problem:
    say = {
        404: "there is nothing at this address",
        405: f"this address does not take {request.method if request.method.isalpha() else 'this method'}",
        400: "the request cannot be read",
    }
    return Problem(problem.status_code, say.get(problem.status_code, str(problem.detail)), headers=dict(problem.headers or {}))


def _of_input(problem: RequestValidationError, request: Request) -> Problem:
    errors = problem.errors()
    of_body = [e for e in errors if e["loc"][:1] == ("body",)]
    if of_body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Problem(415, "the body should be JSON: send it with 'Content-Type: application/json'")
    told = [_without_input(e) for e in errors[:20]]
    return Problem(422, "; ".join(f"{e['where']}: {e['why']}" for e in told[:3]), errors=told)


def _without_input(error: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong and where, never what was sent: it may be a secret, put into the wrong field."""
    place = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":  # here the name itself is what was sent
        return {"where": ".".join(place[:-1]) or "request", "why": "a field that is not known", "type": error["type"]}
    why = str(error["msg"])
    for sent in _texts(error.get("input")):
        why = why.replace(sent, "…")
    why = why.removeprefix("Value error, ")
    return {"where": ".".join(place), "why": why[:1].lower() + why[1:], "type": error["type"]}


def _texts(sent: Any) -> list[str]:
    """Return the texts of what was sent, so that a message of our own validators cannot repeat them."""
    if isinstance(sent, Mapping):
        return [text for key, below in sent.items() for text in (*_texts(key), *_texts(below))]
    if isinstance(sent, list):
        return [text for below in sent for text in _texts(below)]
    return [str(sent)] if isinstance(sent, str) and len(sent) > 2 else []
