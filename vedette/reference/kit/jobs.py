"""This file is for background jobs: what a request hands on is done a moment later, in a call of its own with the same id."""

from __future__ import annotations

import asyncio
import contextvars
import time
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from vedette.reference.kit.call import CALL, Call, current


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it lies in the queue. `fails` is how many attempts fail before one goes well."""

    name: str
    payload: dict[str, Any]
    fails: int = 0


class Watching(Protocol):
    """Who is told of each attempt: `outcome` is success, retry or error."""

    def __call__(self, job: Job, attempt: int, outcome: str, seconds: float) -> None: ...


class Jobs:
    """A queue with one worker. What is enqueued carries the call's ids, and a retry keeps them."""

    def __init__(self, bugs: Collection[str], told: Watching, *, wait_s: float = 0.02) -> None:
        self._bugs = bugs
        self._told = told
        self._wait_s = wait_s
        self._work: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.pending = 0
        self.dead = 0

    def on(self, name: str, work: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._work[name] = work

    def enqueue(self, name: str, payload: dict[str, Any], *, fails: int = 0) -> None:
        call = current()
        ids = {"correlation_id": call.correlation, "request_id": call.request, "trace": call.trace, "tenant_id": call.tenant}
        self.pending += 1
        if "jobs_never_run" in self._bugs:
            return
        task = asyncio.create_task(self._run(Job(name, {**payload, **ids}, fails)), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        for attempt in range(1, job.fails + 2):
            await asyncio.sleep(self._wait_s)
            CALL.set(self._call(job, attempt))
            began = time.perf_counter()
            fails = attempt <= job.fails
            if not fails and job.name in self._work:
                await self._work[job.name](job.payload)
            self._told(job, attempt, "retry" if fails else "success", time.perf_counter() - began)
        self.pending -= 1

    def _call(self, job: Job, attempt: int) -> Call:
        lost = "job_correlation_lost" in self._bugs or ("job_retry_correlation_lost" in self._bugs and attempt > 1)
        told = job.payload
        return Call(
            correlation=str(uuid.uuid4()) if lost else told["correlation_id"],
            request=str(uuid.uuid4()) if "job_request_lost" in self._bugs else told["request_id"],
            trace=told["trace"],
            tenant=0 if "job_tenant_lost" in self._bugs else told["tenant_id"],
            route=job.name,
            source="worker",
        )
