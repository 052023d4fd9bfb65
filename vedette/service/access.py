"""This file is for what a route says about who may use it: the scope it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from vedette.service.scopes import Scope

__all__ = ["Caller", "Scope", "needs"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name stands in the audit trail. Without authentication everybody is `anonymous` and may do all."""

    name: str
    scopes: frozenset[Scope]
    token_id: str = ""  # empty where no token was shown


def needs(scope: Scope) -> Any:
    """Return the dependency of a route that only callers with this scope may use."""

    async def permitted(request: Request) -> Caller:
        return await request.app.state.guard.admit(request, scope)  # type: ignore[no-any-return]

    permitted.scope = scope  # type: ignore[attr-defined]  # read by the test that every route says who may use it
    return Depends(permitted)
