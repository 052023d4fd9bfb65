"""This file is for invoices, payments and billing runs: what is written once, and what an auditor asks for."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from vedette.reference.immoflow.people import INVOICES
from vedette.reference.kit.audit import Trail
from vedette.reference.kit.service import Asked, Problem
from vedette.reference.server import Response, json_response

if TYPE_CHECKING:
    from vedette.reference.immoflow.platform import Immoflow

_PDF_S = 0.02
_SHOWN = 50


class Billing:
    """Answers for one platform."""

    def __init__(self, platform: Immoflow) -> None:
        self.platform = platform
        self.invoices: dict[int, dict[str, Any]] = {one["id"]: dict(one) for one in INVOICES}
        self.lines: set[tuple[int, str, str]] = set()
        self.exported_at = platform.clock() - timedelta(days=90 if "exports_stopped" in platform.bugs else 2)
        platform.trail.add("archive.exported", "archive", 1, actor_type="system")
        platform.ledger.add("archive.exported", "archive", 1, actor_type="system")

    def add_routes(self) -> None:
        route, platform = self.platform.route, self.platform
        route("GET", "/api/units", self._units)
        route("GET", "/api/invoices", self._list)
        route("POST", "/api/invoices", self._issue)
        route("GET", "/api/invoices/{id}", self._read)
        route("GET", "/api/invoices/{id}/pdf", self._pdf)
        route("POST", "/api/payments", self._pay)
        route("POST", "/api/billing/runs", self._run)
        for path, trail in (("/api/audit", platform.trail), ("/api/billing/ledger", platform.ledger)):
            route("GET", path, self._records(trail), roles=("admin",), quiet=True)
            route("PUT", path + "/{id}", self._change(trail))
            route("DELETE", path + "/{id}", self._change(trail))
        route("GET", "/api/audit/exports", self._exports, roles=("admin",), quiet=True)

    def _own(self, asked: Asked) -> dict[str, Any]:
        """Return the invoice that the path names, if it is the caller's office's. Raises: Problem."""
        platform, number = self.platform, asked.path["id"]
        invoice = self.invoices.get(int(number)) if number.isdigit() else None
        if invoice is not None and invoice["tenant_id"] != asked.who.tenant and "tenant_unchecked" not in platform.bugs:
            if "idor_not_counted" not in platform.bugs:
                platform.metrics.inc("security_idor_attempts_total")
            platform.journal.warning("reach for another office's invoice", service="security")
            invoice = None
        if invoice is None:
            raise Problem(404, "not_found")
        return invoice

    async def _units(self, asked: Asked) -> Response:
        units = [one["unit"] for one in INVOICES if one["tenant_id"] == asked.who.tenant]
        return json_response(200, {"success": True, "items": units})

    async def _list(self, asked: Asked) -> Response:
        found = [one for one in self.invoices.values() if one["tenant_id"] == asked.who.tenant]
        return json_response(200, {"success": True, "items": found[-_SHOWN:]})

    async def _read(self, asked: Asked) -> Response:
        return json_response(200, {"success": True, **self._own(asked)})

    async def _pdf(self, asked: Asked) -> Response:
        invoice = self._own(asked)
        await asyncio.sleep(_PDF_S)
        return Response(200, f"%PDF-1.7\n% {invoice['id']}\n%%EOF\n".encode(), {"Content-Type": "application/pdf"})

    async def _issue(self, asked: Asked) -> Response:
        platform, fields = self.platform, asked.fields()
        number = max(self.invoices) + 1
        unit, recipient = str(fields.get("unit", ""))[:80], str(fields.get("recipient", ""))[:80]
        invoice = {"id": number, "tenant_id": asked.who.tenant, "unit": unit, "recipient": recipient, "amount_eur": 812.4}
        self.invoices[number] = invoice
        if "invoices_not_counted" not in platform.bugs:
            platform.metrics.inc("billing_invoices_generated_total")
        platform.trail.add("invoice.issued", "invoice", number, after={"amount_eur": 812.4})
        platform.ledger.add("invoice.issued", "invoice", number, after=invoice)
        iban = {"iban": fields.get("iban")} if "log_iban" in platform.bugs else {}
        platform.journal.info("invoice issued", service="billing", invoice=number, **iban)
        return json_response(201, {"success": True, **invoice})

    async def _pay(self, asked: Asked) -> Response:
        platform, fields = self.platform, asked.fields()
        iban = str(fields.get("iban", ""))
        shown = iban if "log_iban" in platform.bugs else f"{iban[:2]}…"
        platform.journal.info("payment allocated", service="billing", from_iban=shown)
        platform.trail.add("payment.allocated", "payment", str(fields.get("reference", ""))[:80], after={"state": "allocated"})
        return json_response(201, {"success": True, "state": "allocated"})

    async def _run(self, asked: Asked) -> Response:
        """Bill a period. A line that is there already is a conflict, and is written over."""
        platform, period = self.platform, str(asked.fields().get("period", ""))[:40]
        began = time.perf_counter()
        conflicts = 0
        for unit in ("Lindenhof 3/2", "Lindenhof 4/1"):
            line = (asked.who.tenant, period, unit)
            conflicts += line in self.lines
            self.lines.add(line)
        if "conflicts_not_counted" not in platform.bugs:
            platform.metrics.inc("billing_conflicts_total", by=conflicts)
        platform.metrics.inc("billing_lines_upserted_total", by=2)
        seconds = time.perf_counter() - began
        if "run_not_timed" not in platform.bugs:
            platform.metrics.observe("billing_run_duration_seconds", seconds=seconds)
        platform.trail.add("billing.run", "billing_run", period, after={"lines": 2, "conflicts": conflicts})
        platform.journal.info("billing run done", service="billing", lines=2, duration=round(seconds * 1000, 3))
        platform.jobs.enqueue("SendStatements", {"period": period})
        return json_response(200, {"success": True, "lines": 2, "conflicts": conflicts})

    def _records(self, trail: Trail) -> Any:
        async def listed(asked: Asked) -> Response:
            wanted = parse_qs(asked.request.query).get("correlation_id")
            canned = "audit_api_canned" in self.platform.bugs and trail is self.platform.trail
            found = trail.of(wanted[0]) if wanted and not canned else trail.records[:1] if canned else trail.records[-_SHOWN:]
            return json_response(200, {"success": True, "items": found})

        return listed

    def _change(self, trail: Trail) -> Any:
        async def changed(asked: Asked) -> Response:
            if not trail.change(asked.path["id"], {"action": "corrected"}):
                raise Problem(405, "written_once", headers={"Allow": "GET"})
            return json_response(200, {"success": True})

        return changed

    async def _exports(self, asked: Asked) -> Response:
        text = json.dumps(self.platform.trail.records[:1], sort_keys=True)
        one = {"name": "audit-1.jsonl", "created_at": _iso(self.exported_at), "records": 1}
        if "exports_without_checksum" not in self.platform.bugs:
            one["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        return json_response(200, {"success": True, "items": [] if "exports_missing" in self.platform.bugs else [one]})


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
