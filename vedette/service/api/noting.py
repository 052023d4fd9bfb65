"""This file is for noting in the audit trail what a write was about, beside that it was made."""

from __future__ import annotations

import logging
from typing import Any

from starlette.concurrency import run_in_threadpool

from reports.store.errors import StoreError
from vedette.service.access import Caller
from vedette.service.state import Service

_log = logging.getLogger(__name__)


async def noted(service: Service, caller: Caller, action: str, of: str, details: dict[str, Any]) -> None:
    """Add an entry. What was done is done: a trail that cannot be written is told in the log, not to the caller."""
    try:
        await run_in_threadpool(service.audit.note, caller.name, action, of, details)
    except StoreError as problem:
        _log.error("the audit trail misses '%s %s' by '%s': %s", action, of, caller.name, problem)
