"""This file is for parameters that nobody reads: one that is misspelt, or given twice, must not be passed over in silence."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from vedette.service.api.document import described
from vedette.service.problems import Problem

_Known = dict[tuple[str, str], dict[str, bool]]


async def exact(request: Request) -> None:
    """Refuse what the OpenAPI document does not name for a route of the API, and what is given twice. Raises: Problem 422."""
    given = [name for name, _ in request.query_params.multi_items()]
    if not given or not request.url.path.startswith("/api/"):
        return
    known = _known(request.app).get((request.scope["route"].path_format, request.method))
    if known is None:  # not in the document
        return
    if any(name not in known for name in given):
        those = f"it knows {', '.join(known)}" if known else "it knows none"
        raise Problem(422, f"there is a parameter behind the '?' that this does not know; {those}")
    if any(given.count(name) > 1 and not known[name] for name in set(given)):
        raise Problem(422, "a parameter behind the '?' is given twice; give each once")


def _known(app: Any) -> _Known:
    """Return the parameters of each operation, and whether each may be given several times."""
    if not hasattr(app.state, "parameters"):
        app.state.parameters = {
            (path, method.upper()): {
                one["name"]: one.get("schema", {}).get("type") == "array"
                for one in operation.get("parameters", ())
                if one["in"] == "query"
            }
            for path, item in described(app)["paths"].items()
            for method, operation in item.items()
        }
    return app.state.parameters  # type: ignore[no-any-return]
