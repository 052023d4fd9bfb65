"""This file is for the CRM's alert service, and for what catches its messages in staging: Slack's webhook, and the mail.

Source: smocker.dev, "Get calls history" (`GET /history`); mailpit.axllent.org/docs/api-v1, "search messages".
"""

from __future__ import annotations

import html
import time
import uuid
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from vedette.reference.kit.levers import Levers
from vedette.reference.server import Request, Response, json_response

ADMIN = "admin@example.com"
_COLOURS = {"critical": "#FF0000", "warning": "#FFA500", "info": "#0000FF"}
_DATABASE = "Database connection lost! Immediate action required."
_DRILLS = "/_control/drills/"


class AlertService:
    """Tells Slack, and for the worst the administrator by mail. Thresholds are in percent; what is above is told."""

    def __init__(self, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        self._bugs = frozenset(bugs)
        self._clock = clock
        self.slack: list[dict[str, Any]] = []  # as Smocker remembers the calls of the webhook
        self.mail: list[dict[str, Any]] = []  # as Mailpit lists them, the newest first

    def error_rate(self, percent: float) -> None:
        if percent > (50 if "alert_threshold_too_high" in self._bugs else 5) or self._trigger_happy:
            self._tell(f"High error rate detected: {percent:g}% (threshold: 5%)", "critical")

    def memory(self, percent: float) -> None:
        if (percent > 85 or self._trigger_happy) and "alert_memory_missing" not in self._bugs:
            self._tell(f"High memory usage: {percent:g}% (threshold: 85%)", "warning")

    def sla_breach(self, query: str, level: int) -> None:
        if "alert_sla_missing" in self._bugs:
            return
        told = "undefined" if "alert_sla_unnamed" in self._bugs else query
        self._tell(f"SLA breach - Query {told} escalated to level {level}", "warning")

    def database_down(self) -> None:
        if "alert_database_missing" in self._bugs:
            return
        self._tell(_DATABASE, "warning" if "alert_database_warning" in self._bugs else "critical")
        if "alert_mail_missing" not in self._bugs:
            self._write("Database Down", _DATABASE)

    @property
    def _trigger_happy(self) -> bool:
        return "alert_always" in self._bugs

    def _tell(self, message: str, severity: str) -> None:
        if "alert_slack_unset" in self._bugs:
            return
        colour = "#808080" if "alert_colour_lost" in self._bugs else _COLOURS[severity]
        attachment: dict[str, Any] = {
            "color": colour,
            "title": f"\U0001f6a8 Travel CRM Alert - {severity.upper()}",
            "text": message,
            "footer": "Travel CRM Monitoring",
            "ts": int(time.time()),
        }
        if "alert_plain_text" in self._bugs:
            attachment = {"text": message, "footer": "Travel CRM Monitoring", "ts": int(time.time())}
        call = {
            "path": "/services/travel-crm",
            "method": "POST",
            "body": {"attachments": [attachment]},
            "date": self._clock().isoformat(),
        }
        self.slack += [{"request": call, "response": {"status": 200}}] * (2 if "alert_doubled" in self._bugs else 1)

    def _write(self, subject: str, message: str) -> None:
        text = f"Alert Notification {message} Sent at {self._clock().isoformat(timespec='milliseconds').replace('+00:00', 'Z')}"
        self.mail.insert(
            0,
            {
                "ID": uuid.uuid4().hex,
                "From": {"Name": "Travel CRM", "Address": "crm@example.com"},
                "To": [{"Name": "", "Address": "" if "alert_mail_to_nobody" in self._bugs else ADMIN}],
                "Subject": f"\U0001f6a8 {subject}",
                "Created": self._clock().isoformat(),
                "Snippet": "Alert Notification undefined" if "alert_mail_empty" in self._bugs else html.unescape(text),
            },
        )

    # What is asked from outside

    def answer_slack(self, request: Request, path: str) -> Response:
        return json_response(200, self.slack) if path == "/history" else json_response(404, {"message": "not found"})

    def answer_mail(self, request: Request, path: str) -> Response:
        if path != "/api/v1/search":
            return json_response(404, {"Error": "not found"})
        wanted = parse_qs(request.query).get("query", [""])[0].removeprefix("subject:").strip('"')
        found = [one for one in self.mail if wanted in one["Subject"]]
        return json_response(200, {"total": len(self.mail), "messages_count": len(found), "messages": found})


class Switches(Levers):
    """The levers of staging: `POST /_control/drills/error-rate` (or `memory`) has the alert service see a value."""

    def __init__(self, alerts: AlertService, token: str, bugs: Collection[str]) -> None:
        super().__init__(("mongodb", "redis"), token, bugs)
        self._alerts = alerts

    def answer(self, request: Request) -> Response:
        if request.path.startswith(_DRILLS):
            return self._drilled(request)
        was_up = self.is_up("mongodb")
        answer = super().answer(request)
        if was_up and not self.is_up("mongodb"):
            self._alerts.database_down()  # as on mongoose's event `disconnected`
        return answer

    def _drilled(self, request: Request) -> Response:
        drills = {"error-rate": self._alerts.error_rate, "memory": self._alerts.memory}
        drill = drills.get(request.path.removeprefix(_DRILLS))
        if not self.is_permitted(request):
            return json_response(403, {"success": False, "message": "forbidden"})
        if drill is None or request.method != "POST":
            return json_response(404, {"success": False, "message": "not found"})
        percent = float(request.fields()["percent"])
        if "alert_drill_dead" not in self._bugs:
            drill(percent)
        return json_response(200, {"success": True, "percent": percent})
