"""This file is for a visitor of the platform's frontend who looks at what its calls of the API carry."""

from collections.abc import Mapping
from typing import Any

API = "/api/"
HEADER = "x-correlation-id"


async def journey(page: Any, values: Mapping[str, Any]) -> None:
    """Open the first page, wait for its calls to be over, and hold each against the promise."""
    calls: list[Any] = []
    page.on("request", lambda request: calls.append(request) if API in request.url else None)
    await page.goto(values["vars"]["frontend_url"], wait_until="networkidle")
    # what the page itself gave them; Vedette's own marks come later, on the wire
    bare = [call.url for call in calls if not call.headers.get(HEADER, "").strip()]
    ids = [call.headers.get(HEADER) for call in calls]
    assert calls, "the frontend asks nothing of the API, so it was not seen what its calls carry"
    assert not bare, f"the frontend calls {bare[0]} without X-Correlation-Id"
    assert len(set(ids)) == len(ids), "the frontend gives several calls one correlation id"
