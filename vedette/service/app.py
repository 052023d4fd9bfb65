"""This file is for the application: every router under `routes/` included, every request guarded, every refusal told alike."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from reports.store.ledger.answers import Answers
from reports.store.ledger.flagger import FlaggerBook
from vedette.service import routes
from vedette.service.access import Scope, needs
from vedette.service.api.document import completed, described
from vedette.service.api.exact import exact
from vedette.service.flagger import FlaggerDesk
from vedette.service.problems import answer_problems
from vedette.service.security.edge import EdgeMiddleware, Streams
from vedette.service.security.gate import GateMiddleware
from vedette.service.security.guard import Guard
from vedette.service.security.headers import HeadersMiddleware
from vedette.service.security.hosts import HostsMiddleware
from vedette.service.security.limits import LimitsMiddleware
from vedette.service.security.openings import Openings
from vedette.service.security.repeats import RepeatsMiddleware
from vedette.service.security.trail import TrailMiddleware
from vedette.service.state import Service
from vedette.settings import Settings
from vedette.version import version

SILENT: Any = {"tracing": False, "metrics": False, "logs": False}  # FastAPI's own telemetry; ours is in tracing.py
DOCUMENT = "/api/v1/openapi.json"


def build_app(service: Service) -> FastAPI:
    """Return the application of one service. `app.state` holds the `service`, its `guard` and the open `streams`.

    Raises: RuntimeError for a route that does not say who may use it.
    """
    guard = Guard(service)
    streams, answers = Streams(), Answers(_store_of(service))
    app = FastAPI(
        title="Vedette",
        version=service.version,
        docs_url=None,  # these two load their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # ours, below, asks who wants it
        telemetry=SILENT,
        dependencies=[Depends(exact)],
        middleware=[  # the outermost first
            Middleware(HeadersMiddleware),
            Middleware(EdgeMiddleware, streams=streams),
            Middleware(HostsMiddleware, settings=service.settings),
            Middleware(LimitsMiddleware),
            Middleware(GateMiddleware, guard=guard),
            Middleware(RepeatsMiddleware, answers=answers, clock=service.clock),
            Middleware(TrailMiddleware, audit=service.audit),
        ],
    )
    app.state.service, app.state.guard, app.state.streams, app.state.answers = service, guard, streams, answers
    app.state.flagger = FlaggerDesk(service.gates, FlaggerBook(_store_of(service)), service.audit, service.clock)
    answer_problems(app)
    for name, router in _found():
        list(_guarded(name, router))
        app.include_router(router)
    _describe(app)
    return app


def whole_document() -> dict[str, Any]:
    """Return the OpenAPI document of a service that asks for tokens and opens nothing by name, without one that runs."""
    app = FastAPI(title="Vedette", version=version(), docs_url=None, redoc_url=None, openapi_url="/", telemetry=SILENT)
    for _, router in _found():
        app.include_router(router)
    return completed(app, Openings(), needs_tokens=True)


async def close_app(app: FastAPI) -> None:
    """Give back what `build_app` opened."""
    await app.state.guard.close()
    app.state.answers.close()
    app.state.flagger.close()


def all_routes() -> Iterator[APIRoute]:
    """Yield every route under `routes/`. Raises: RuntimeError for one that does not say who may use it."""
    for name, router in _found():
        yield from _guarded(name, router)


def scope_of(route: APIRoute) -> Scope | None:
    """Return the scope that a route declares, or None."""
    return next(_declared(route.dependant), None)


def _store_of(service: Service) -> Path | str:
    return service.settings.store or Settings(service.settings.state).database


def _describe(app: FastAPI) -> None:
    """Serve the OpenAPI document, as any other data."""

    def document() -> Response:  # on a thread: making it takes a third of a second, and nobody's tick should wait for it
        return JSONResponse(described(app))

    app.add_api_route(DOCUMENT, document, include_in_schema=False, dependencies=[needs(Scope.READ)])


def _found() -> Iterator[tuple[str, APIRouter]]:
    for name in sorted(m.name for m in pkgutil.iter_modules(routes.__path__)):
        yield name, importlib.import_module(f"{routes.__name__}.{name}").router


def _guarded(name: str, router: APIRouter) -> Iterator[APIRoute]:
    always_open = Openings()
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise RuntimeError(f"{name}.py: {route} is no plain route, so nobody can say who may use it")
        if scope_of(route) is None and not always_open.holds(route.path):
            raise RuntimeError(f"{name}.py: the route {route.path} does not say who may use it")
        yield route


def _declared(dependant: Dependant) -> Iterator[Scope]:
    for below in dependant.dependencies:
        scope = getattr(below.call, "scope", None)
        if isinstance(scope, Scope):
            yield scope
        yield from _declared(below)
