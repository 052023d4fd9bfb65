"""This file is for who gets in: logins, forms with their page's token, and devices that send too much."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING

from vedette.reference.kit.call import current
from vedette.reference.kit.service import Asked, Problem
from vedette.reference.server import Response, json_response

if TYPE_CHECKING:
    from vedette.reference.immoflow.platform import Immoflow

LIMIT, _WINDOW_S = 5, 60.0


class Guards:
    """Answers for one platform."""

    def __init__(self, platform: Immoflow) -> None:
        self.platform = platform
        self._key = secrets.token_bytes(32)
        self._sent: dict[str, list[float]] = {}

    def add_routes(self) -> None:
        route = self.platform.route
        route("POST", "/api/auth/login", self._login, login=False)
        route("GET", "/api/csrf-token", self._page)
        route("POST", "/api/profile", self._profile)
        route("POST", "/api/meter-readings", self._reading)

    async def _login(self, asked: Asked) -> Response:
        platform, fields = self.platform, asked.fields()
        email, password = str(fields.get("email", "")), str(fields.get("password", ""))
        if "log_password" in platform.bugs:
            platform.journal.debug("login attempt", service="auth", body=fields)
        account = platform.accounts.login(email, password)
        if account is None:
            if "auth_failures_not_counted" not in platform.bugs:
                platform.metrics.inc("auth_failures_total")
            platform.journal.warning("login refused", service="auth")
            raise Problem(401, "bad_credentials")
        call = current()
        call.tenant, call.user = account.tenant, account.user
        platform.trail.add("auth.login", "user", account.user)
        return json_response(200, {"success": True, "token": platform.accounts.token(account)})

    async def _page(self, asked: Asked) -> Response:
        cookie = secrets.token_hex(8)
        headers = {"Set-Cookie": f"csrf={cookie}; Path=/; HttpOnly; SameSite=Strict", "Cache-Control": "no-store"}
        return json_response(200, {"csrfToken": self._token(cookie)}, headers)

    async def _profile(self, asked: Asked) -> Response:
        headers = asked.request.headers
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        cookie = next((value for name, _, value in pairs if name == "csrf"), "")
        given = headers.get("x-csrf-token", "")
        good = bool(cookie) and hmac.compare_digest(given.encode(), self._token(cookie).encode())
        if not good and "csrf_unchecked" not in self.platform.bugs:
            if "csrf_failures_not_counted" not in self.platform.bugs:
                self.platform.metrics.inc("security_csrf_failures_total")
            self.platform.journal.warning("form refused", service="security")
            raise Problem(403, "csrf")
        return json_response(200, {"success": True, "language": str(asked.fields().get("language", "de"))[:5]})

    def _token(self, cookie: str) -> str:
        return hmac.digest(self._key, cookie.encode(), hashlib.sha256).hex()

    async def _reading(self, asked: Asked) -> Response:
        """Take one reading of a meter; a device may send so many a minute."""
        platform, now = self.platform, time.monotonic()
        device = "all" if "limit_for_all" in platform.bugs else str(asked.fields().get("device", ""))[:80]
        recent = [at for at in self._sent.get(device, ()) if now - at < _WINDOW_S]
        if len(recent) >= LIMIT and "limit_off" not in platform.bugs:
            if "limit_not_counted" not in platform.bugs:
                platform.metrics.inc("rate_limit_exceeded_total")
            raise Problem(429, "rate_limited", headers={"Retry-After": str(int(_WINDOW_S - (now - recent[0])) + 1)})
        self._sent[device] = [*recent, now]
        return json_response(202, {"success": True})
