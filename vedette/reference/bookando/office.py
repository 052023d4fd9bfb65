"""This file is for the platform's daily work: appointments, payments, invoices, users, settings and sync, each step audited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vedette.reference.kit.service import Asked, Problem
from vedette.reference.server import Response, html_response, json_response

if TYPE_CHECKING:
    from vedette.reference.bookando.platform import Bookando

_TEXT = re.compile(r"[^<>\x00-\x1f{}$]{1,120}")
_STEPS = {"cancel": "cancelled", "reschedule": "rescheduled", "assign": "assigned"}
_GATEWAY = "api.stripe.example"


class Office:
    """Answers for one platform."""

    def __init__(self, platform: Bookando) -> None:
        self.platform = platform

    def _told(self, status: int, thing: dict[str, Any]) -> Response:
        return json_response(status, {"success": True, **thing})

    def _service(self, fields: dict[str, Any]) -> str:
        """Return the wished service. Raises: Problem for what is no name of one."""
        bugs, service = self.platform.bugs, fields.get("service")
        if "input_unchecked" in bugs:
            return str(service)
        if "input_crashes" in bugs and not isinstance(service, str):
            raise TypeError(f"strlen() expects a string, {type(service).__name__} given")
        if "input_refuses_all" in bugs or not isinstance(service, str) or not _TEXT.fullmatch(service):
            raise Problem(422, "invalid_request", "service should be a name")
        return service

    async def book(self, asked: Asked) -> Response:
        platform, fields = self.platform, asked.fields()
        platform.levers.need("database")
        service = self._service(fields)
        made = platform.keep("appointments", {"service": service, "status": "confirmed", "engine": self._engine(asked)})
        platform.metrics.inc("bookando_appointments_total", asked.who.tenant, "confirmed")
        platform.journal.info(
            "Appointment created", module="appointments", action="appointment.created", appointment_id=made["id"]
        )
        platform.trail.add("appointment.created", "appointment", made["id"], after={"status": "confirmed"})
        platform.jobs.enqueue("SendConfirmation", {"appointment_id": made["id"]}, fails=1 if fields.get("retry") else 0)
        if "input_reflected" in platform.bugs:
            return html_response(201, f"<p>Gebucht: {service}</p>")
        return self._told(201, made)

    def _engine(self, asked: Asked) -> str:
        flags = {**self.platform.flags, **self.platform.flags_of.get(asked.who.tenant, {})}
        on = flags["appointments_double_booking_check_v2"] or "flag_ignored" in self.platform.bugs
        return "v2" if on else "v1"

    async def read(self, asked: Asked) -> Response:
        return self._told(200, self.platform.own("appointments", asked))

    async def change(self, asked: Asked) -> Response:
        thing = self.platform.own("appointments", asked)
        before = {"service": thing["service"]}
        thing["service"] = self._service(asked.fields())
        self.platform.trail.add(
            "appointment.updated", "appointment", thing["id"], before=before, after={"service": thing["service"]}
        )
        return self._told(200, thing)

    async def step(self, asked: Asked) -> Response:
        thing, step = self.platform.own("appointments", asked), asked.path["step"]
        if step not in _STEPS:
            raise Problem(404, "not_found")
        before, thing["status"] = thing["status"], _STEPS[step]
        self.platform.metrics.inc("bookando_appointments_total", asked.who.tenant, thing["status"])
        action, after = f"appointment.{_STEPS[step]}", {"status": thing["status"]}
        self.platform.trail.add(action, "appointment", thing["id"], before={"status": before}, after=after)
        return self._told(200, thing)

    async def pay(self, asked: Asked) -> Response:
        await self.platform.called(_GATEWAY, "/v1/charges")
        made = self.platform.keep("payments", {"status": "created", "amount_cents": 4200})
        self.platform.metrics.inc("bookando_payments_total", asked.who.tenant, "stripe", "created")
        self.platform.trail.add("payment.created", "payment", made["id"], after={"status": "created"})
        return self._told(201, made)

    async def capture(self, asked: Asked) -> Response:
        thing = self.platform.own("payments", asked)
        thing["status"] = "captured"
        self.platform.metrics.inc("bookando_payments_total", asked.who.tenant, "stripe", "captured")
        before, after = {"status": "created"}, {"status": "captured"}
        self.platform.trail.add("payment.captured", "payment", thing["id"], before=before, after=after)
        return self._told(200, thing)

    async def refund(self, asked: Asked) -> Response:
        thing = self.platform.own("payments", asked)
        thing["status"] = "refunded"
        self.platform.metrics.inc("bookando_payments_total", asked.who.tenant, "stripe", "refunded")
        before, after = {"status": "captured"}, {"status": "refunded"}
        self.platform.trail.add("payment.refunded", "payment", thing["id"], before=before, after=after)
        return self._told(200, thing)

    async def issue(self, asked: Asked) -> Response:
        made = self.platform.keep("invoices", {"status": "issued", "currency": "CHF"})
        self.platform.metrics.inc("bookando_invoices_total", asked.who.tenant, "CHF")
        self.platform.trail.add("invoice.issued", "invoice", made["id"], after={"status": "issued"})
        return self._told(201, made)

    async def correct(self, asked: Asked) -> Response:
        thing = self.platform.own("invoices", asked)
        thing["status"] = "corrected"
        self.platform.trail.add(
            "invoice.corrected", "invoice", thing["id"], before={"status": "issued"}, after={"status": "corrected"}
        )
        return self._told(200, thing)

    async def bill(self, asked: Asked) -> Response:
        return self._told(200, self.platform.own("invoices", asked))

    async def export(self, asked: Asked) -> Response:
        thing = self.platform.own("invoices", asked)
        self.platform.hold_back(asked, f"invoice {thing['id']}")
        self.platform.trail.add("invoice.exported", "invoice", thing["id"])
        return self._told(200, thing)

    async def hire(self, asked: Asked) -> Response:
        made = self.platform.keep("users", {"role": "staff", "active": True})
        self.platform.trail.add("user.created", "user", made["id"], after={"role": "staff"})
        return self._told(201, made)

    async def alter(self, asked: Asked) -> Response:
        thing, fields = self.platform.own("users", asked), asked.fields()
        if "permissions" in fields:
            thing["permissions"] = [str(one) for one in fields["permissions"]]
            after = {"permissions": thing["permissions"]}
            self.platform.trail.add("user.permission_changed", "user", thing["id"], before={"permissions": []}, after=after)
        elif "role" in fields:
            before, thing["role"] = thing["role"], str(fields["role"])
            self.platform.trail.add(
                "user.role_changed", "user", thing["id"], before={"role": before}, after={"role": thing["role"]}
            )
        else:
            thing["active"] = bool(fields.get("active"))
            self.platform.trail.add("user.updated", "user", thing["id"], after={"active": thing["active"]})
        return self._told(200, thing)

    async def dismiss(self, asked: Asked) -> Response:
        thing = self.platform.own("users", asked)
        del self.platform.things["users"][thing["id"]]
        self.platform.trail.add("user.deleted", "user", thing["id"], before={"role": thing["role"]})
        return self._told(200, {"id": thing["id"]})

    async def set_up(self, asked: Asked) -> Response:
        settings = self.platform.things.setdefault("settings", {}).setdefault(asked.who.tenant, {"language": "de"})
        before = dict(settings)
        settings["language"] = str(asked.fields().get("language", "de"))[:5]
        self.platform.trail.add("settings.updated", "settings", asked.who.tenant, before=before, after=dict(settings))
        return self._told(200, settings)

    async def new_password(self, asked: Asked) -> Response:
        self.platform.trail.add("auth.password_change", "user", asked.who.user)
        return self._told(200, {})

    async def configure(self, asked: Asked) -> Response:
        plan = str(asked.fields().get("plan", "pro"))[:20]
        self.platform.trail.add("tenant.config_changed", "tenant", asked.who.tenant, before={"plan": "pro"}, after={"plan": plan})
        return self._told(200, {"plan": plan})

    async def switch(self, asked: Asked) -> Response:
        self.platform.trail.add("tenant.switched", "tenant", asked.who.tenant)
        return self._told(200, {"tenant_id": asked.who.tenant})

    async def resync(self, asked: Asked) -> Response:
        self.platform.trail.add("sync.resync_started", "calendar", asked.who.tenant)
        told = {"action": "calendar.sync", "provider": "google", "operation": "resync", "duration_ms": 0.3}
        if "log_sync_missing" not in self.platform.bugs:
            self.platform.journal.info("Calendar synced", module="sync", **told)
        return self._told(202, {})


def add_routes(platform: Bookando) -> None:
    office = Office(platform)
    for method, path, answer in (
        ("POST", "/appointments", office.book),
        ("GET", "/appointments/{id}", office.read),
        ("PATCH", "/appointments/{id}", office.change),
        ("POST", "/appointments/{id}/{step}", office.step),
        ("POST", "/payments", office.pay),
        ("POST", "/payments/{id}/capture", office.capture),
        ("POST", "/payments/{id}/refund", office.refund),
        ("POST", "/invoices", office.issue),
        ("GET", "/invoices/{id}", office.bill),
        ("POST", "/invoices/{id}/correct", office.correct),
        ("GET", "/invoices/{id}/export", office.export),
        ("POST", "/users", office.hire),
        ("PATCH", "/users/{id}", office.alter),
        ("DELETE", "/users/{id}", office.dismiss),
        ("PUT", "/settings", office.set_up),
        ("POST", "/auth/password", office.new_password),
        ("PUT", "/tenant/config", office.configure),
        ("POST", "/tenant/switch", office.switch),
        ("POST", "/sync/resync", office.resync),
    ):
        platform.route(method, f"/api/v1{path}", answer)
