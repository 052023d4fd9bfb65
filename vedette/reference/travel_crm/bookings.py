"""This file is for the CRM's daily work: logins, bookings and their payments, queries that are escalated, and a broken report."""

from __future__ import annotations

import re
import uuid
from datetime import date
from typing import TYPE_CHECKING, Any

from vedette.reference.kit.service import Asked, Problem
from vedette.reference.server import Response, html_response, json_response
from vedette.reference.travel_crm.families import PREFIX

if TYPE_CHECKING:
    from vedette.reference.travel_crm.crm import TravelCrm

_TEXT = re.compile(r"[^<>\x00-\x1f{}$\"\\;:|`]{1,120}")


class Desk:
    """Answers for one CRM."""

    def __init__(self, crm: TravelCrm) -> None:
        self.crm = crm

    async def login(self, asked: Asked) -> Response:
        fields = asked.fields()
        email, password = str(fields.get("email", "")), str(fields.get("password", ""))
        account = self.crm.accounts.login(email, password)
        if "log_login_body" in self.crm.bugs:
            self.crm.journal.info("login", body=fields)
        if account is None:
            self.crm.journal.warning("login refused")
            raise Problem(401, "bad_credentials", "wrong e-mail address or password")
        return json_response(200, {"success": True, "token": self.crm.accounts.token(account)})

    async def list(self, asked: Asked) -> Response:
        self.crm.queried("find", "bookings")
        if "log_headers" in self.crm.bugs:
            self.crm.journal.info("incoming", headers=dict(asked.request.headers))
        mine = [thing for thing in self.crm.things["bookings"].values() if thing["tenant"] == asked.who.tenant]
        return json_response(200, {"success": True, "data": mine[-20:]})

    async def book(self, asked: Asked) -> Response:
        crm = self.crm
        try:
            booked = self._wished(asked.fields())
        except Problem:
            if "input_reflected" in crm.bugs:
                return html_response(400, f"<p>We do not go to {asked.fields().get('destination')}</p>")
            raise
        crm.queried("insert", "bookings")
        made = {"id": uuid.uuid4().hex[:24], "tenant": asked.who.tenant, "status": "confirmed", **booked}
        crm.things["bookings"][made["id"]] = made
        if "bookings_uncounted" not in crm.bugs:
            crm.metrics.inc(PREFIX + "bookings_created_total", "confirmed")
        crm.journal.info("booking created", bookingId=made["id"])
        crm.jobs.enqueue("confirmation", {"booking": made["id"]})
        return json_response(201, {"success": True, "data": made})

    def _wished(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return what is to be booked. Raises: Problem for what cannot be."""
        bugs = self.crm.bugs
        place, many, day = fields.get("destination"), fields.get("travellers"), fields.get("startDate")
        if "input_crashes" in bugs and not isinstance(place, str):
            raise TypeError("destination.trim is not a function")
        if "input_unchecked" in bugs:
            return {"destination": place, "travellers": many, "startDate": day}
        good = isinstance(place, str) and _TEXT.fullmatch(place) and ".." not in place
        good = good and isinstance(many, int) and not isinstance(many, bool) and 1 <= many <= 50
        if not good or not _is_day(day) or "input_refuses_all" in bugs:
            raise Problem(
                400, "validation_failed", "destination, travellers and startDate should be given as they are documented"
            )
        return {"destination": place, "travellers": many, "startDate": day}

    async def read(self, asked: Asked) -> Response:
        return json_response(200, {"success": True, "data": self.crm.own("bookings", asked)})

    async def change(self, asked: Asked) -> Response:
        thing = self.crm.own("bookings", asked)
        thing |= self._wished({**thing, **asked.fields()})
        self.crm.queried("update", "bookings")
        return json_response(200, {"success": True, "data": thing})

    async def cancel(self, asked: Asked) -> Response:
        thing = self.crm.own("bookings", asked)
        self.crm.queried("delete", "bookings")
        if "booking_not_deleted" not in self.crm.bugs:
            del self.crm.things["bookings"][thing["id"]]
        return json_response(200, {"success": True, "data": {"id": thing["id"]}})

    async def pay(self, asked: Asked) -> Response:
        fields = asked.fields()
        if "payments_uncounted" not in self.crm.bugs:
            self.crm.metrics.inc(PREFIX + "payments_processed_total", str(fields.get("gateway", "stripe"))[:20], "success")
        return json_response(201, {"success": True, "data": {"id": uuid.uuid4().hex[:24], "agency": asked.who.tenant}})

    async def escalate(self, asked: Asked) -> Response:
        fields = asked.fields()
        query, level = str(fields.get("query", ""))[:64], int(fields.get("level", 2))
        if "sla_uncounted" not in self.crm.bugs:
            self.crm.metrics.inc(PREFIX + "sla_breaches_total", "warning")
        self.crm.alerts.sla_breach(query, level)
        return json_response(201, {"success": True, "data": {"query": query, "level": level}})

    async def fail(self, asked: Asked) -> Response:
        """Break on purpose, so that error tracking can be tested. Only staging has it."""
        raise RuntimeError("a report without columns was asked for")


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def add_routes(crm: TravelCrm) -> None:
    desk = Desk(crm)
    crm.route("POST", "/api/auth/login", desk.login, login=False)
    for method, path, answer in (
        ("GET", "/bookings", desk.list),
        ("POST", "/bookings", desk.book),
        ("GET", "/bookings/{id}", desk.read),
        ("PUT", "/bookings/{id}", desk.change),
        ("DELETE", "/bookings/{id}", desk.cancel),
        ("POST", "/payments", desk.pay),
        ("POST", "/sla/escalations", desk.escalate),
        ("POST", "/diagnostics/error", desk.fail),
    ):
        crm.route(method, f"/api{path}", answer)
