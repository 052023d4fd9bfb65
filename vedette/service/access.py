"""This file is for what a route says about who may use it: the scope it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Depends, Request


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "read"  # pages and the API, reading
    METRICS = "metrics"  # /metrics and /probe
    WRITE = "write"  # deployments, maintenance, reload, asking out of turn
    GATE = "gate"  # the canary gate
    HEARTBEAT = "heartbeat"  # reporting for any job


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name stands in the audit trail. Without authentication everybody is `anonymous` and may do all."""

    name: str
    scopes: frozenset[Scope]


def needs(scope: Scope) -> Any:
    """Return the dependency of a route that only callers with this scope may use."""

    async def permitted(request: Request) -> Caller:
        return await request.app.state.guard.admit(request, scope)  # type: ignore[no-any-return]

    permitted.scope = scope  # type: ignore[attr-defined]  # read by the test that every route says who may use it
    return Depends(permitted)
