"""This file is for evidence as text that people read: an answer as curl shows it, anything else as short lines of JSON."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any


def transcript(data: Mapping[str, Any]) -> str:
    """Return an answer as people know it from curl: status, headers, an empty line, the body laid out if it is JSON."""
    headers = [f"{name}: {value}" for name, value in data.get("headers", ())]
    body = str(data.get("body", ""))
    with contextlib.suppress(ValueError, RecursionError):  # not JSON, or nested too deep: shown as it came
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    known = {"method", "url", "status", "headers", "body", "body_bytes", "duration_s", "correlation_id", "http_version"}
    rest = {key: value for key, value in data.items() if key not in known and value not in ("", None, [])}
    ids = f"correlation id {data['correlation_id']}" if data.get("correlation_id") else ""
    parts = ["\n".join([f"{data.get('http_version', 'HTTP')} {data['status']}", *headers]), body, ids, as_json(rest)]
    return "\n\n".join(part for part in parts if part)


def as_json(data: Mapping[str, Any]) -> str:
    """Return data as JSON that a person can read: a line for each key, and for each part of a list."""
    lines = [f" {json.dumps(str(key), ensure_ascii=False)}: {_value(value)}" for key, value in data.items()]
    return "{\n" + ",\n".join(lines) + "\n}" if lines else ""


def _value(value: Any) -> str:
    parts = value if isinstance(value, list | tuple) else ()
    if not any(isinstance(part, dict | list | tuple) for part in parts):
        return _flat(value)
    return "[\n" + ",\n".join(f"  {_flat(part)}" for part in parts) + "\n ]"


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
