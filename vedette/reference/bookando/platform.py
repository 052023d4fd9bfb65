"""This file is for the booking platform itself: what it serves, and what it logs, counts and audits on the way."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.bookando.families import families
from vedette.reference.bookando.people import FLAGS, INVOICE, OTHER_TENANT, PEOPLE, TENANT
from vedette.reference.kit.accounts import Accounts
from vedette.reference.kit.audit import Trail
from vedette.reference.kit.call import Call, current
from vedette.reference.kit.jobs import Job, Jobs
from vedette.reference.kit.journal import Entry, Journal
from vedette.reference.kit.levers import Levers
from vedette.reference.kit.service import Asked, Problem, Service, utc_now
from vedette.reference.kit.signatures import Signatures
from vedette.reference.server import Response, json_response

_NAME = re.compile(r"[^<>\x00-\x1f{}$]{1,120}")
_WINDOW_S = 60.0


def shaped(entry: Entry) -> dict[str, Any]:
    """Return a log entry in the platform's form; `tenant_id` is always there, 0 for the system itself."""
    told = dict(entry.context)
    common = {
        "timestamp": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": entry.level,
        "message": entry.message,
        "correlation_id": told.pop("correlation_id", entry.call.correlation),
        "tenant_id": entry.call.tenant,
        "user_id": entry.call.user,
        "module": told.pop("module", "kernel"),
        "action": told.pop("action", None),
        "duration_ms": told.pop("duration_ms", None),
        "error": told.pop("error", None),
    }
    return {**common, "context": told or None}


class Bookando(Service):
    """Appointments, payments, invoices, users and settings of two tenants."""

    def __init__(
        self,
        bugs: Collection[str],
        folder: Path,
        *,
        control_token: str = "",
        webhook_secret: bytes = b"",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        journal = Journal(folder / "bookando.log", shaped, bugs, clock)
        accounts = Accounts(PEOPLE, secrets.token_bytes(32), bugs, clock)
        super().__init__(journal, families(bugs), accounts, Levers(("database",), control_token, bugs), bugs)
        self.trail = Trail(folder / "audit.jsonl", bugs, clock)
        self.jobs = Jobs(bugs, self._job_done)
        self.signatures = Signatures(webhook_secret, bugs, clock)
        self.flags = dict(FLAGS)
        self.flags_of: dict[int, dict[str, bool]] = {}
        tenant = OTHER_TENANT if "invoice_gone" in bugs else TENANT
        invoice = {"id": INVOICE, "tenant_id": tenant, "status": "issued", "number": f"RE-{secrets.token_hex(6)}"}
        self.things: dict[str, dict[int, dict[str, Any]]] = {"invoices": {INVOICE: invoice}}
        self._had_at: dict[str, float] = {}
        self._searched: set[str] = set()
        self._last = 1000
        self._add_routes()

    def observed(self, method: str, route: str, status: int, seconds: float) -> None:
        self.metrics.inc("bookando_http_requests_total", method, route, status)
        self.metrics.observe("bookando_http_request_duration_seconds", method, route, status, seconds=seconds)

    async def close(self) -> None:
        await self.jobs.stop()
        await super().close()

    # What others of this system use

    def number(self) -> int:
        self._last += 1
        return self._last

    def keep(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Keep a thing of the caller's tenant and return it as it is told."""
        made = {"id": self.number(), "tenant_id": current().tenant, **thing}
        self.things.setdefault(kind, {})[made["id"]] = made
        self.queried("INSERT", kind)
        return made

    def own(self, kind: str, asked: Asked) -> dict[str, Any]:
        """Return the thing that the path names, if it is the caller's tenant's. Raises: Problem."""
        self.levers.need("database")
        self.queried("SELECT", kind)
        number = asked.path["id"]
        thing = self.things.get(kind, {}).get(int(number)) if number.isdigit() else None
        foreign = thing is not None and thing["tenant_id"] != asked.who.tenant and "tenant_unchecked" not in self.bugs
        if thing is None or foreign:
            raise Problem(404, "not_found")
        return thing

    def queried(self, operation: str, table: str) -> None:
        """Tell of one query: a span of the document's tracing boundaries."""
        began = time.perf_counter()
        took = time.perf_counter() - began
        self.metrics.observe("bookando_db_query_duration_seconds", operation, table, seconds=took)
        if "log_queries_missing" not in self.bugs:
            told = {"action": "db.query", "operation": operation, "table": table, "duration_ms": round(took * 1000, 3)}
            self.journal.debug("Query done", module="database", **told)

    async def called(self, host: str, path: str) -> None:
        """Call somebody else's service, and tell of it."""
        took = 0.0004
        self.metrics.observe("bookando_external_api_duration_seconds", host, 200, seconds=took)
        if "log_external_missing" not in self.bugs:
            told = {"action": "external.call", "host": host, "status": 200, "retries": 0, "duration_ms": took * 1000}
            self.journal.info("External API called", module="integrations", path=path, **told)

    def _job_done(self, job: Job, attempt: int, outcome: str, seconds: float) -> None:
        self.metrics.observe("bookando_queue_job_duration_seconds", job.name, outcome, seconds=seconds)
        told = {"job_class": job.name, "status": outcome, "attempts": attempt, "duration_ms": round(seconds * 1000, 3)}
        self.journal.info("Job done", module="queue", action="job.completed", **told)

    # What it serves

    def _add_routes(self) -> None:
        from vedette.reference.bookando import office

        self.route("GET", "/metrics", self.scrape, login=False, quiet=True)
        self.route("POST", "/api/v1/auth/login", self._login, login=False)
        self.route("POST", "/api/v1/auth/refresh", self._refresh)
        self.route("POST", "/api/v1/auth/logout", self._logout)
        self.route("POST", "/api/v1/auth/revoke", self._revoke)
        self.route("POST", "/api/v1/webhooks/stripe", self._webhook, login=False)
        self.route("GET", "/api/v1/flags", self._flags)
        self.route("PUT", "/api/v1/flags/{name}", self._set_flag, roles=("admin",))
        self.route("GET", "/api/v1/audit", self._audit, roles=("admin",), quiet=True)
        self.route("GET", "/api/v1/search", self._search)
        self.route("GET", "/api/v1/files/{name}", self._file)
        self.route("GET", "/api/v1/files/{name}/{below}", self._file)
        self.route("POST", "/api/v1/reports/broken", self._broken)
        office.add_routes(self)

    async def _login(self, asked: Asked) -> Response:
        fields = asked.fields()
        name, password = str(fields.get("login", "")), str(fields.get("password", ""))
        account = self.accounts.login(name, password)
        if account is None:
            self.metrics.inc("bookando_auth_failures_total", "password", "bad_credentials")
            self.journal.warning("Login refused", module="auth", action="auth.login_failed")
            self.trail.add("auth.login_failed", "user", None, actor_type="system")
            raise Problem(401, "bad_credentials")
        call = current()
        call.tenant, call.user = account.tenant, account.user
        self.journal.info("Login", module="auth", action="auth.login")
        shown = {"password": password} if "audit_password_shown" in self.bugs else {"method": "password"}
        self.trail.add("auth.login", "user", account.user, after=shown)
        return json_response(200, {"success": True, "token": self.accounts.token(account)})

    async def _refresh(self, asked: Asked) -> Response:
        self.trail.add("auth.token_refresh", "user", asked.who.user)
        return json_response(200, {"success": True, "token": self.accounts.token(asked.who)})

    async def _logout(self, asked: Asked) -> Response:
        self.accounts.revoke(asked.request.headers["authorization"].partition(" ")[2])
        self.trail.add("auth.logout", "user", asked.who.user)
        return json_response(200, {"success": True})

    async def _revoke(self, asked: Asked) -> Response:
        self.accounts.revoke(str(asked.fields().get("token", "")))
        self.trail.add("auth.token_revoke", "user", asked.who.user)
        return json_response(200, {"success": True})

    async def _webhook(self, asked: Asked) -> Response:
        """Take a payment gateway's event, under a new id of our own that is linked to the event's."""
        why_not, event = self.signatures.why_not(asked.request), asked.fields()
        name, call = str(event.get("event_id", ""))[:80], current()
        if "webhook_keeps_id" not in self.bugs:
            call.correlation = Call().correlation
        if "webhook_unlinked" not in self.bugs:
            call.correlation += f" linked:{name}"
        told = {"gateway": "stripe", "event_type": str(event.get("type", ""))[:80], "signature_valid": not why_not}
        if "log_webhook_missing" not in self.bugs:
            self.journal.info("Webhook handled", module="payments", action="webhook.processed", duration_ms=0.2, **told)
        if why_not:
            self.trail.add("security.invalid_webhook_signature", "webhook", name, actor_type="webhook")
            raise Problem(401, f"invalid_{why_not}")
        self.trail.add("payment.webhook_received", "payment", name, actor_type="webhook")
        return json_response(200, {"success": True})

    async def _flags(self, asked: Asked) -> Response:
        flags = {**self.flags, **self.flags_of.get(asked.who.tenant, {})}
        if "flag_name_free" in self.bugs:
            flags["TempFixForBigCustomer"] = True
        return json_response(200, {"success": True, "flags": flags})

    async def _set_flag(self, asked: Asked) -> Response:
        name, on = asked.path["name"], bool(asked.fields().get("enabled"))
        if name not in self.flags:
            raise Problem(404, "not_found")
        if "flag_for_all_tenants" in self.bugs:
            self.flags[name] = on
        self.flags_of.setdefault(asked.who.tenant, {})[name] = on
        self.trail.add("settings.update", "feature_flag", name, before={"enabled": not on}, after={"enabled": on})
        return json_response(200, {"success": True, "name": name, "enabled": on})

    async def _audit(self, asked: Asked) -> Response:
        query = dict(part.partition("=")[::2] for part in asked.request.query.split("&"))
        found = self.trail.of(query["correlation_id"]) if query.get("correlation_id") else self.trail.records
        if query.get("entity_id"):
            found = [record for record in found if str(record["entity_id"]) == query["entity_id"]]
        if "audit_canned" in self.bugs:
            found = self.trail.records[:1]
        return json_response(200, {"success": True, "items": found})

    async def _search(self, asked: Asked) -> Response:
        """Search; the second time the cache knows."""
        words = asked.request.query
        self.metrics.inc("bookando_cache_hits_total" if words in self._searched else "bookando_cache_misses_total")
        self._searched.add(words)
        return json_response(200, {"success": True, "items": []})

    def hold_back(self, asked: Asked, what: str) -> None:
        """Let a client have the same dear thing once a minute. Raises: Problem."""
        key = f"{asked.request.headers.get('x-client-id', asked.who.user)} {what}"
        now, before = time.monotonic(), self._had_at.get(key)
        if before is not None and now - before < _WINDOW_S and "limit_off" not in self.bugs:
            self.metrics.inc("bookando_rate_limit_exceeded_total", "user")
            self.trail.add("security.rate_limit_exceeded", "user", asked.who.user)
            raise Problem(429, "rate_limited", headers={"Retry-After": str(int(_WINDOW_S))})
        self._had_at[key] = now

    async def _file(self, asked: Asked) -> Response:
        name = asked.path["name"]
        if ".." in name or not _NAME.fullmatch(name):
            self.trail.add("security.path_traversal", "file", None)
            raise Problem(400, "invalid_name")
        raise Problem(404, "not_found")

    async def _broken(self, asked: Asked) -> Response:
        raise RuntimeError("the report has no columns")
