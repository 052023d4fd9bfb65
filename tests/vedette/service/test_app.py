"""This file is for the application as a whole."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_what_is_not_there_is_told_as_a_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
