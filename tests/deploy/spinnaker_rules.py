"""This file is for how Spinnaker's webhook stage decides, as rules in Python.

Written from orca at commit 2fdb327, github.com/spinnaker/orca: orca-webhook, tasks/MonitorWebhookTask.java and
tasks/WebhookResponseProcessor.java.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def looked(stage: Mapping[str, Any], status: int, text: str) -> str:
    """Return what a look at the status address makes of a stage: RUNNING, SUCCEEDED, CANCELED or TERMINAL."""
    if status >= 500 or status == 429:
        return "RUNNING"
    if status >= 400:
        return "TERMINAL"
    found = _at(json.loads(text), stage["statusJsonPath"])
    if not isinstance(found, (str, int, float)):
        return "TERMINAL"
    if stage.get("progressJsonPath") and not isinstance(_at(json.loads(text), stage["progressJsonPath"]), str):
        return "TERMINAL"
    known = {}
    for field, meaning in (("successStatuses", "SUCCEEDED"), ("canceledStatuses", "CANCELED"), ("terminalStatuses", "TERMINAL")):
        known |= {one.strip().upper(): meaning for one in stage.get(field, "").split(",") if one.strip()}
    return known.get(str(found).upper(), "RUNNING")


def _at(data: Any, path: str) -> Any:
    key = path.removeprefix("$.")
    return data.get(key) if isinstance(data, dict) else None
