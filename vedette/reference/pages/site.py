"""This file is for the booking site: its pages, its script and style, and what its script asks for."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Collection
from html import escape

from vedette.reference.server import Request, Response, html_response, json_response

USER, PASSWORD = "eve", "correct horse"
SLOW_S = 6.0  # more than the suite gives a page

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="/app.css">{head}</head><body><main>{body}</main>{foot}</body></html>"""
_LOGIN = """<h1>Sign in</h1><form method="post" action="/login">
<label>User <input name="user" autocomplete="off"></label>
<label>Password <input name="password" type="password"></label>
<button>Sign in</button></form>{hint}"""
_BOOKINGS = """<h1>{heading}</h1><ul id="bookings"></ul>
<label>Day <select id="day"><option>Monday</option><option>Tuesday</option></select></label>
<label>Guest <input id="guest" autocomplete="off"></label>
<button id="book">Book</button><p role="status" id="status"></p>{cover}<script src="/app.js"></script>"""
_COVER = """<div role="dialog" style="position:fixed;inset:0;background:#fffc"><h2>We value your privacy</h2></div>"""
_SCRIPT = """'use strict';
const list = document.getElementById('bookings'), status = document.getElementById('status');
const show = bookings => list.replaceChildren(...bookings.map(b => Object.assign(document.createElement('li'),
  {textContent: b.guest + ' on ' + b.day})));
fetch('/api/bookings').then(r => r.json()).then(show);
async function book() {
  const booking = {guest: document.getElementById('guest').value, day: document.getElementById('day').value};
  const answer = await fetch('/api/bookings', {method: 'POST', body: JSON.stringify(booking)});
  if (!answer.ok) return;
  show(await answer.json());
  status.textContent = 'Your table is booked';
  WHEN_BOOKED
}
document.getElementById('WHICH').addEventListener('click', book);
AT_THE_END
"""
_STYLE = "body { font-family: sans-serif } label { display: block; margin: .5em 0 }"


class Site:
    """The site with its visitors and bookings. `answer` handles every request."""

    def __init__(self, bugs: Collection[str] = ()) -> None:
        self._bugs = frozenset(bugs)
        self._visitors: set[str] = set()
        self._bookings: list[dict[str, str]] = []

    def has(self, bug: str) -> bool:
        return bug in self._bugs

    async def answer(self, request: Request) -> Response:
        routes = {
            ("GET", "/"): self._login,
            ("GET", "/login"): self._login,
            ("POST", "/login"): self._signed_in,
            ("GET", "/bookings"): self._page,
            ("GET", "/app.css"): self._style,
            ("GET", "/app.js"): self._script,
            ("GET", "/api/bookings"): self._listed,
            ("POST", "/api/bookings"): self._booked,
        }
        route = routes.get((request.method, request.path))
        if route is None:
            return self._html(404, "Not found", "<h1>There is no such page</h1>")
        if self.has("browser_slow") and request.path == "/bookings":
            await asyncio.sleep(SLOW_S)
        return route(request)

    def _login(self, request: Request) -> Response:
        if self.has("browser_redirect_loop") and self._knows(request):
            return _to("/bookings")
        return self._html(200, "Sign in", _LOGIN.format(hint=""))

    def _signed_in(self, request: Request) -> Response:
        fields = request.fields()
        if (fields.get("user"), fields.get("password")) != (USER, PASSWORD):
            hint = f"<p role=alert>Wrong user or password, {escape(str(fields.get('user', '')))}</p>"
            return self._html(401, "Sign in", _LOGIN.format(hint=hint))
        visitor = secrets.token_hex(8)
        self._visitors.add(visitor)
        domain = "; Domain=www.example.org" if self.has("browser_session_lost") else ""
        return _to("/bookings").with_headers({"Set-Cookie": f"visitor={visitor}; Path=/; HttpOnly; SameSite=Lax{domain}"})

    def _page(self, request: Request) -> Response:
        if not self._knows(request) or self.has("browser_redirect_loop"):
            return _to("/login")
        heading = "bookings.title" if self.has("browser_text_missing") else "Your bookings"
        cover = _COVER if self.has("browser_button_covered") else ""
        return self._html(200, "Bookings", _BOOKINGS.format(heading=heading, cover=cover))

    def _style(self, request: Request) -> Response:
        if self.has("browser_asset_404"):
            return self._html(404, "Not found", "<h1>There is no such page</h1>")
        return Response(200, _STYLE.encode(), {"Content-Type": "text/css"})

    def _script(self, request: Request) -> Response:
        which = "status" if self.has("browser_button_dead") else "book"
        when = "window.analytics.track('booked');" if self.has("browser_script_error") else ""
        end = "while (true) {}" if self.has("browser_endless_script") else ""
        text = _SCRIPT.replace("WHICH", which).replace("WHEN_BOOKED", when).replace("AT_THE_END", end)
        return Response(200, text.encode(), {"Content-Type": "text/javascript"})

    def _listed(self, request: Request) -> Response:
        if not self._knows(request):
            return json_response(401, {"error": "sign_in_first"})
        return json_response(200, self._bookings[-10:])

    def _booked(self, request: Request) -> Response:
        if not self._knows(request):
            return json_response(401, {"error": "sign_in_first"})
        if self.has("browser_server_error"):
            return json_response(500, {"error": "server_error"})
        given = json.loads(request.body)
        self._bookings.append({"guest": str(given.get("guest", "")), "day": str(given.get("day", ""))})
        return json_response(201, self._bookings[-10:])

    def _knows(self, request: Request) -> bool:
        pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
        return any(name == "visitor" and value in self._visitors for name, _, value in pairs)

    def _html(self, status: int, title: str, body: str) -> Response:
        foot = "<footer>Your table is booked</footer>" if self.has("browser_confirmation_everywhere") else ""
        return html_response(status, _FRAME.format(title=title, head="", body=body, foot=foot))


def _to(path: str) -> Response:
    return Response(303, b"", {"Location": path})
