"""This file is for free appointments: whose, when, from the cache or from the calendar service behind its breaker."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Set
from datetime import date, datetime, time
from time import perf_counter
from typing import Any

from vedette.reference.breaker import Breaker, BreakerOpen
from vedette.reference.cache import Entry, SlotCache, Wanted
from vedette.reference.context import TENANT
from vedette.reference.dependencies import COMPANIES, EVENT_TYPE, Dependencies, DependencyDown
from vedette.reference.hours import Appointment, Hours
from vedette.reference.logs import Log
from vedette.reference.server import Response, html_response, json_response
from vedette.reference.telemetry import Telemetry

_COMPANY = re.compile(r"company-(\d{1,6})(?!\d)")
_SERVICE = re.compile(r"(?!.*(?:\.\.|--))[^\W_][\w &'’,.()+-]{0,199}")  # a name: not markup, no statement, no path
_BRANCH = re.compile(r"[A-Za-z0-9-]{1,40}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ASCII = re.compile(r"[a-z0-9 -]{1,200}", re.ASCII | re.IGNORECASE)
_ANYTHING = re.compile(r"(?s).{1,20000}")  # what a form is that somebody took out
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)  # stricter than fromisoformat, which takes "10:00\0"


class Invalid(ValueError):
    """The caller's request cannot be understood. The text names the field."""


class Availability:
    """Answers `POST /api/retell/check-availability`."""

    def __init__(
        self,
        *,
        faults: Set[str],
        cache: SlotCache,
        breaker: Breaker,
        dependencies: Dependencies,
        log: Log,
        calcom_log: Log,
        telemetry: Telemetry,
        clock: Callable[[], datetime],
        fallback: bool = False,
    ) -> None:
        self._calcom_log = calcom_log
        self._telemetry = telemetry
        self._faults = faults
        self._fallback = fallback
        self._cache = cache
        self._breaker = breaker
        self._dependencies = dependencies
        self._log = log
        self._clock = clock
        self._hours = Hours(faults)
        self._current_company = 0  # only a faulty version keeps the tenant here, where all requests share it
        self._filling: dict[str, asyncio.Future[Entry]] = {}  # likewise: one filling for all tenants

    async def answer(self, fields: dict[str, Any]) -> Response:
        try:
            company_id, args = self._company(fields), self._arguments(fields)
            day, at = self._moment(args)
        except Invalid as problem:
            return self._invalid(problem, fields)
        TENANT.set(company_id)
        self._current_company = company_id
        staff = await self._dependencies.company(company_id)
        if "cache_tenant_context_global" in self._faults:
            company_id = self._current_company
            staff = COMPANIES[company_id]
        booked = self._hours.appointment(day, at)
        if booked.adjusted and "hours_adjustment_unlogged" not in self._faults:
            self._log.info("Auto-adjusted request time", {"from": booked.requested.isoformat(), "to": booked.start.isoformat()})
        if "calcom_log_leaks" in self._faults:
            self._calcom_log.unsanitised("INFO", "Cal.com attendee", {"attendee": args})
        wanted = Wanted(company_id, str(args.get("branch", "0")), booked.start.date(), str(args["service"]))
        try:
            entry, cached = await self._entry(wanted, staff)
        except BreakerOpen as refusal:
            return await self._refused(refusal, wanted, booked)
        except DependencyDown as down:
            if "calcom_error_unhandled" in self._faults:
                raise
            self._log.error("Cal.com API request failed", {"dependency": str(down)})
            return json_response(502, {"success": False, "error": "calendar_unavailable", "fallback": False})
        return await self._told(wanted, booked, entry, cached=cached)

    def _invalid(self, problem: Invalid, fields: dict[str, Any]) -> Response:
        if "input_markup_shown" in self._faults:
            return html_response(422, f"<!doctype html><h1>Invalid</h1><p>{problem}: {fields.get('args')}</p>")
        told = {"success": False, "error": "invalid_request", "field": str(problem)}
        if "input_query_shown" in self._faults:
            told["message"] = "SQLSTATE[42000]: Syntax error or access violation: 1064 You have an error in your SQL syntax"
        return json_response(422, told)

    def _company(self, fields: dict[str, Any]) -> int:
        call_id = fields.get("call_id")
        found = _COMPANY.search(call_id) if isinstance(call_id, str) else None
        if found is None or int(found.group(1)) not in COMPANIES:
            raise Invalid("call_id")
        return 15 if "tenant_ignored" in self._faults else int(found.group(1))

    def _arguments(self, fields: dict[str, Any]) -> dict[str, Any]:
        args = fields.get("args")
        if not isinstance(args, dict):
            raise Invalid("args")
        if "input_all_refused" in self._faults and "consent" not in args:
            raise Invalid("args.consent")
        form = _ASCII if "input_legal_refused" in self._faults else _SERVICE
        form = _ANYTHING if "input_markup_accepted" in self._faults else form
        if not isinstance(args.get("service"), str) or not form.fullmatch(args["service"].strip()):
            raise Invalid("args.service")
        if not isinstance(args.get("branch", "0"), str) or not _BRANCH.fullmatch(args.get("branch", "0")):
            raise Invalid("args.branch")
        return args

    def _moment(self, args: dict[str, Any]) -> tuple[date, time]:
        said = {name: args.get(name) for name in ("date", "time")}
        for name, form in (("date", _DATE), ("time", _ANYTHING if "input_null_byte_accepted" in self._faults else _TIME)):
            if not isinstance(said[name], str) or not form.fullmatch(str(said[name])):
                raise Invalid(f"args.{name}")
        try:
            day = date.fromisoformat(str(said["date"]))
        except ValueError:
            raise Invalid("args.date") from None
        try:
            at = time.fromisoformat(str(said["time"]))
        except ValueError:
            raise Invalid("args.time") from None
        if at.tzinfo is not None:
            raise Invalid("args.time")  # a wall clock's time is asked for
        return day, at

    async def _entry(self, wanted: Wanted, staff: str) -> tuple[Entry, bool]:
        found = await self._cache.get(wanted)
        self._telemetry.looked_up(hit=found is not None)
        if found is not None:
            return found, True
        if "cache_fill_shared" in self._faults:
            return await self._fill_once(wanted, staff), False
        return await self._fill(wanted, staff), False

    async def _fill(self, wanted: Wanted, staff: str) -> Entry:
        slots = await self._breaker.call(lambda: self._slots(wanted))
        entry = {"company_id": wanted.company_id, "staff": staff, "slots": slots, "cached_at": self._clock().isoformat()}
        await self._cache.put(wanted, entry)
        return entry

    async def _slots(self, wanted: Wanted) -> list[str]:
        """Ask Cal.com, with a line in its own log for each answer. Raises: DependencyDown."""
        began, ok = perf_counter(), False
        try:
            slots = await self._dependencies.slots(wanted.company_id, wanted.day)
            ok = True
            return slots
        finally:
            took_s = perf_counter() - began
            self._telemetry.called_calcom(took_s, ok=ok)
            self._tell_of_calcom(round(took_s * 1000, 1), ok=ok)

    def _tell_of_calcom(self, took_ms: float, *, ok: bool) -> None:
        if "calcom_log_silent" in self._faults or (not ok and "calcom_exceptions_swallowed" in self._faults):
            return
        if ok:
            self._calcom_log.info("Cal.com request answered", {"duration_ms": took_ms})
        else:
            self._calcom_log.error("Cal.com request failed", {"duration_ms": took_ms, "exception": "ConnectionException"})

    async def _fill_once(self, wanted: Wanted, staff: str) -> Entry:
        """Let requests that come together share one call of the calendar service; the key forgets the tenant."""
        key = f"{wanted.day}_{wanted.service}"
        if key in self._filling:
            return await asyncio.shield(self._filling[key])
        self._filling[key] = asyncio.ensure_future(self._fill(wanted, staff))
        try:
            return await self._filling[key]
        finally:
            self._filling.pop(key, None)

    async def _told(self, wanted: Wanted, booked: Appointment, entry: Entry, *, cached: bool) -> Response:
        body = {
            "success": True,
            "company_id": entry["company_id"],
            "event_type_id": EVENT_TYPE,
            "service": wanted.service,
            "requested_time": booked.requested.isoformat(),
            "adjusted": booked.adjusted,
            "start": booked.start.isoformat(),
            "slots": entry["slots"],
            "staff": entry["staff"],
            "cached_at": entry["cached_at"] if cached else None,
            "fallback": False,
        }
        if "cache_marker_stamped_on" in self._faults:
            body["company_id"] = wanted.company_id
        if "tenant_marker_missing" in self._faults:
            del body["company_id"], body["staff"]
        return await self._spoilt(body, json_response(200, body, {"X-Cache": "HIT" if cached else "MISS"}))

    async def _spoilt(self, body: dict[str, Any], response: Response) -> Response:
        """Return the answer as the versions of a careless week would give it."""
        if "api_slow" in self._faults:
            await asyncio.sleep(2.5)
        if "api_maintenance_page" in self._faults:
            return html_response(200, "<!doctype html><title>Wartung</title><h1>Wir sind gleich zurück</h1>")
        if "api_error_with_200" in self._faults:
            return json_response(200, {"success": False, "error": "SQLSTATE[HY000] general error"})
        if "api_slots_empty" in self._faults:
            return json_response(200, {**body, "slots": []}, response.headers)
        if "api_numbers_as_text" in self._faults:
            return json_response(200, {**body, "event_type_id": str(EVENT_TYPE)}, response.headers)
        if "api_canned_answer" in self._faults:
            return json_response(200, {**body, "service": "Haarschnitt"}, response.headers)
        if "api_fails" in self._faults:
            return json_response(500, {"success": False, "error": "server_error"})
        if "api_answer_cut" in self._faults:
            return Response(response.status, response.body, response.headers, cut=True)
        if "api_redirects_to_login" in self._faults:
            return Response(302, b"", {"Location": "/login"})
        return response

    async def _refused(self, refusal: BreakerOpen, wanted: Wanted, booked: Appointment) -> Response:
        """Answer while the breaker is open: with 503, or without slots and marked as a fallback."""
        if "breaker_open_slow" in self._faults:
            await asyncio.sleep(1.5)
        if "breaker_fallback_lies" in self._faults:
            slots = [booked.start.isoformat()]
            entry = {"company_id": wanted.company_id, "staff": "", "slots": slots, "cached_at": None}
            return await self._told(wanted, booked, entry, cached=False)
        if self._fallback:
            told = {"success": True, "company_id": wanted.company_id, "slots": [], "fallback": True}
            return json_response(200, {**told, "start": booked.start.isoformat(), "adjusted": booked.adjusted})
        headers = {"Retry-After": str(max(1, math.ceil(refusal.retry_after_s)))}
        if "breaker_retry_after_missing" in self._faults:
            headers = {}
        return json_response(503, {"success": False, "error": "calendar_unavailable", "fallback": False}, headers)
