"""This file is for refusals over HTTP as RFC 9457 wants them: problem details, one sentence a person can act on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


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
    """Let an application answer every refusal as a problem document."""

    async def of_ours(request: Request, problem: Problem) -> Response:
        return as_response(problem)

    async def of_theirs(request: Request, problem: HTTPException) -> Response:
        return as_response(Problem(problem.status_code, str(problem.detail), headers=dict(problem.headers or {})))

    async def of_input(request: Request, problem: RequestValidationError) -> Response:
        return as_response(Problem(422, "the request does not fit", errors=_without_input(problem)))

    app.add_exception_handler(Problem, of_ours)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, of_theirs)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, of_input)  # type: ignore[arg-type]


def as_response(problem: Problem) -> Response:
    """Return the answer that tells a problem."""
    text = json.dumps(problem.body(), ensure_ascii=False)
    return Response(text, problem.status, {**problem.headers, "content-type": MEDIA_TYPE})


def _without_input(problem: RequestValidationError) -> list[Mapping[str, Any]]:
    """Return what is wrong and where, never what was sent: it may be a secret."""
    return [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in problem.errors()]
