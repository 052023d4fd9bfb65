"""This file is for the application: every router under `routes/` included, every request guarded, every refusal told alike."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from vedette.service import routes
from vedette.service.problems import answer_problems
from vedette.service.security.guard import Guard
from vedette.service.state import Service

SILENT = {"tracing": False, "metrics": False, "logs": False}  # FastAPI's own telemetry; ours is in tracing.py


def build_app(service: Service) -> FastAPI:
    """Return the application of one service. `app.state` holds the `service` and its `guard`."""
    app = FastAPI(
        title="Vedette",
        version=service.version,
        docs_url=None,  # these two load their scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        telemetry=SILENT,  # type: ignore[arg-type]
    )
    app.state.service = service
    app.state.guard = Guard(service.settings)
    app.state.routes = list(all_routes())
    answer_problems(app)
    for router in _routers():
        app.include_router(router)
    return app


def all_routes() -> Iterator[APIRoute]:
    """Yield every route under `routes/`."""
    for router in _routers():
        yield from (route for route in router.routes if isinstance(route, APIRoute))


def _routers() -> Iterator[APIRouter]:
    for module in sorted(m.name for m in pkgutil.iter_modules(routes.__path__)):
        yield importlib.import_module(f"{routes.__name__}.{module}").router
