"""This file is for Loki beside a system: the lines of its log file, found by the few forms of LogQL that are asked.

Source: grafana.com/docs/loki/latest/reference/loki-http-api (query_range) and .../query/log_queries (filters, json, labels).
"""

from __future__ import annotations

import json
import operator
import re
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from vedette.reference.server import Request, Response, json_response

_SELECTOR = re.compile(r"\s*\{([^{}]*)\}\s*")
_PAIR = re.compile(r'\s*(\w+)\s*=\s*"([^"]*)"\s*,?')
_STAGE = re.compile(r'\s*(?:\|=\s*"([^"]*)"|\|\s*(json)|\|\s*(\w+)\s*(>=|<=|>|<|=)\s*(?:"([^"]*)"|([0-9.]+)))')
_COMPARING: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class LokiApi:
    """Answers `query_range` over the lines of a file, each with the time at which it was first seen, and one stream's labels."""

    def __init__(self, path: Path, labels: Mapping[str, str]) -> None:
        self._path = path
        self._labels = dict(labels)
        self._entries: list[tuple[int, str]] = []
        self._read_bytes = 0

    def answer(self, request: Request, path: str) -> Response:
        """Answer a request; `path` is what stands behind the address of Loki."""
        if path != "/loki/api/v1/query_range":
            return Response(404, b"404 page not found\n")
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        self._collect()
        try:
            found = self._found(asked["query"], int(asked["start"]), int(asked["end"]))
        except (KeyError, ValueError):
            return Response(400, b"parse error at line 1, col 1: syntax error")
        values = [[str(at), line] for at, line in found[: int(asked.get("limit", "100"))]]
        streams = [{"stream": self._labels, "values": values}] if values else []
        body = {"status": "success", "data": {"resultType": "streams", "result": streams, "stats": {}}}
        return json_response(200, body, {"Date": formatdate(usegmt=True)})

    def _collect(self) -> None:
        """Take in what was written since, whole lines only, as an agent does."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + len(end)
        for line in whole.decode("utf-8", "replace").split("\n") if end else ():
            at = max(time.time_ns(), self._entries[-1][0] + 1 if self._entries else 0)
            self._entries.append((at, line))

    def _found(self, query: str, start: int, end: int) -> list[tuple[int, str]]:
        head = _SELECTOR.match(query)
        if head is None:
            raise ValueError(query)
        wanted = dict(_PAIR.findall(head[1]))
        if any(self._labels.get(name, "") != value for name, value in wanted.items()):
            return []
        stages, at = [], head.end()
        while query[at:].strip():
            stage = _STAGE.match(query, at)
            if stage is None:
                raise ValueError(query)
            stages.append(stage.groups())
            at = stage.end()
        return [(ns, line) for ns, line in self._entries if start <= ns < end and _passes(line, stages)]


def _passes(line: str, stages: list[tuple[Any, ...]]) -> bool:
    labels: dict[str, Any] = {}
    for part, parsed, name, sign, text, number in stages:
        if part is not None and part not in line:
            return False
        if parsed:
            labels = _labels(line)
        if name is not None and text is not None and str(labels.get(name, "")) != text:
            return False
        if name is not None and number is not None and not _compares(labels.get(name), sign, float(number)):
            return False
    return True


def _labels(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _compares(value: Any, sign: str, number: float) -> bool:
    try:
        return _COMPARING[sign](float(value), number)
    except (TypeError, ValueError, KeyError):
        return False
