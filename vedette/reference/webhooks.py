"""This file is for what the telephone assistant sends us: webhooks with personal data, and function calls."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from vedette.reference.leaks import Ending, Leaks
from vedette.reference.limiter import Limiter
from vedette.reference.logs import Log
from vedette.reference.server import Request, Response, json_response
from vedette.reference.telemetry import Telemetry

_MARKS = {"email": "[EMAIL_REDACTED]", "phone": "[PHONE_REDACTED]"}
_HARMLESS = {"event", "simulate"}
_REQUIRED = ("email", "phone", "name")


class Webhooks:
    """Answers `POST /api/webhooks/retell` and `POST /api/webhooks/retell/function`."""

    def __init__(self, *, faults: Set[str], limiter: Limiter, log: Log, telemetry: Telemetry) -> None:
        self._faults = faults
        self._telemetry = telemetry
        self._limiter = limiter
        self._log = log
        self.leaks = Leaks(faults, log)

    async def received(self, request: Request) -> Response:
        try:
            fields = request.fields()
        except ValueError:
            return json_response(400, {"success": False, "error": "malformed_body"})
        shown = {} if "log_markers_missing" in self._faults else redacted(fields)
        for kind in _MARKS.keys() & fields.keys():
            self._telemetry.redacted(kind)
        missing = [name for name in _REQUIRED if not isinstance(fields.get(name), str) or not fields[name].strip()]
        if missing:
            self._log.warning("Webhook refused", {"payload": shown, "invalid": missing})
            self.leaks.after(request, fields, Ending.INVALID)
            return json_response(422, {"success": False, "error": "invalid_request", "fields": missing})
        if fields.get("simulate") == "error":
            self._log.error("Webhook failed", {"payload": shown, "exception": "RuntimeException", "file": "RetellWebhook.php:88"})
            self.leaks.after(request, fields, Ending.ERROR)
            return json_response(500, {"success": False, "error": "server_error"})
        self._log.info("Webhook received", {"payload": shown})
        self.leaks.after(request, fields, Ending.SUCCESS)
        return json_response(200, {"success": True})

    async def function_called(self, request: Request) -> Response:
        try:
            fields = request.fields()
        except ValueError:
            return json_response(400, {"success": False, "error": "malformed_body"})
        call_id = fields.get("call_id")
        if not isinstance(call_id, str) or not call_id.strip():
            return json_response(422, {"success": False, "error": "invalid_request", "fields": ["call_id"]})
        refusal, headers = await self._limiter.admit(call_id, request)
        if refusal is not None:
            self._telemetry.limited()
            if "limit_unlogged" not in self._faults:
                self._log.warning("Rate limit exceeded", {"status": refusal.status})
            return refusal
        return json_response(200, {"success": True, "function": str(fields.get("function_name", ""))}, headers)


def redacted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they may be logged: their names, and nothing of what a person said."""
    return {str(name): value if name in _HARMLESS else _MARKS.get(name, "[REDACTED]") for name, value in fields.items()}
