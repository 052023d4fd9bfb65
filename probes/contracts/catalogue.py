"""This file is for contracts by name: each is a JSON file beside it, and a kind that takes `contract:` asks here."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

FOLDER = Path(__file__).parent


class Sort(StrEnum):
    """What a contract is about."""

    LOG = "log"  # one log line, as a JSON Schema
    AUDIT = "audit"  # one audit record, as a JSON Schema
    HEALTH = "health"  # the body of one health answer, as a JSON Schema
    METRICS = "metrics"  # the families of an exposition


@dataclass(frozen=True, slots=True)
class Contract:
    """One promise as data. `body` is a JSON Schema, or for metrics `{"families": [...]}`; `source` names where it is promised."""

    name: str
    sort: Sort
    about: str
    source: str
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Return the body as JSON text, the same for the same contract, so that what is compiled of it is made once."""
        return json.dumps(self.body, sort_keys=True)


def names(sort: Sort | None = None) -> list[str]:
    """Return the names of all bundled contracts, or of those of one sort."""
    return sorted(file.stem for file in FOLDER.glob("*.json") if sort is None or find(file.stem).sort is sort)


@cache
def find(name: str) -> Contract:
    """Return the bundled contract of that name. Raises: ValueError that names a near miss."""
    file = FOLDER / f"{name}.json"
    if "/" in name or not file.is_file():
        known = sorted(one.stem for one in FOLDER.glob("*.json"))
        near = difflib.get_close_matches(name, known, 1, 0.6)
        raise ValueError(
            f"there is no contract '{name}'" + (f", did you mean '{near[0]}'?" if near else f"; there is {', '.join(known)}")
        )
    told = json.loads(file.read_text(encoding="utf-8"))
    return Contract(name, Sort(told["sort"]), told["about"], told["source"], told["body"])


def _of_sort(*sorts: Sort) -> AfterValidator:
    def check(name: str) -> str:
        found = find(name)
        if found.sort not in sorts:
            wanted, there = "' or '".join(sorts), ", ".join(one for sort in sorts for one in names(sort))
            raise ValueError(f"'{name}' is a contract of sort '{found.sort}', not '{wanted}'; there is {there}")
        return name

    return AfterValidator(check)


_AS_TEXT = WithJsonSchema({"type": "string", "description": "the name of a bundled contract"})
LogContractName = Annotated[str, _of_sort(Sort.LOG), _AS_TEXT]
AuditContractName = Annotated[str, _of_sort(Sort.AUDIT), _AS_TEXT]
HealthContractName = Annotated[str, _of_sort(Sort.HEALTH), _AS_TEXT]
MetricsContractName = Annotated[str, _of_sort(Sort.METRICS), _AS_TEXT]
BodyContractName = Annotated[str, _of_sort(Sort.HEALTH, Sort.LOG, Sort.AUDIT), _AS_TEXT]  # of those that are a JSON Schema
