"""This package is for the store of runs: the one owner of SQLModel. Its interface loads the database libraries only when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.store.answers import Point, RunSummary
    from reports.store.errors import StoreError
    from reports.store.preflight import check_store
    from reports.store.sink import StoreSink
    from reports.store.store import Store

__all__ = ["Point", "RunSummary", "Store", "StoreError", "StoreSink", "check_store"]

_HOMES = {
    "Point": "answers",
    "RunSummary": "answers",
    "Store": "store",
    "StoreError": "errors",
    "StoreSink": "sink",
    "check_store": "preflight",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
