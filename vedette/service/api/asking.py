"""This file is for asking what blocks (the store, the ledgers) from a route, and for refusing well where it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from reports.store.errors import StoreError
from vedette.service.problems import Problem

Given = ParamSpec("Given")
Told = TypeVar("Told")

RETRY_AFTER_S = 5  # SQLite's own patience with a lock


async def asked(call: Callable[Given, Told], *args: Given.args, **keys: Given.kwargs) -> Told:
    """Return what a blocking call says, asked on a thread. Raises: Problem 503 where the store does not answer."""
    try:
        return await run_in_threadpool(call, *args, **keys)
    except StoreError as problem:
        raise unavailable(problem) from problem


def unavailable(problem: StoreError) -> Problem:
    """Return the refusal of what the store would have to say."""
    return Problem(503, f"this cannot be read at present: {problem}", headers={"Retry-After": str(RETRY_AFTER_S)})
