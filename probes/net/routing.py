"""This file is for the route of a request: what makes a proxy choose one version, whatever the request itself says."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from probes.fields import HeaderValue, Secret
from probes.target import Route

_NOT_SENT = "so it would not reach the version that is asked"


class Routing:
    """Puts a route into requests to the target's own origin. One that says otherwise is refused, as another might answer it."""

    def __init__(self, route: Route) -> None:
        self.host = route.host
        self._headers = {name.lower(): (name, _plain(value)) for name, value in route.headers.items()}
        if route.host is not None:
            self._headers["host"] = ("Host", route.host)
        self._cookies = {name: _plain(value) for name, value in route.cookies.items()}

    def contradicted(self, headers: Mapping[str, str | None], cookies: Mapping[str, str]) -> str:
        """Return why a request with these headers and cookies of its own cannot be sent, or an empty text."""
        for name, value in headers.items():
            if name.lower() in self._headers and value != self._headers[name.lower()][1]:
                return f"the request sets the header '{name[:40]}' by which the target is chosen, {_NOT_SENT}"
        for name, value in cookies.items():
            if name in self._cookies and value != self._cookies[name]:
                return f"the request sets the cookie '{name[:40]}' by which the target is chosen, {_NOT_SENT}"
        return ""

    def put_into(self, headers: dict[str, tuple[str, str]]) -> None:
        """Set the route's headers, and its cookies behind those that are there already."""
        headers.update(self._headers)
        if not self._cookies:
            return
        before = headers.get("cookie", ("", ""))[1].split("; ") if "cookie" in headers else []
        others = [pair for pair in before if pair.partition("=")[0].strip() not in self._cookies]
        headers["cookie"] = ("Cookie", "; ".join([*others, *(f"{name}={value}" for name, value in self._cookies.items())]))

    def home(self, url: httpx.URL, base: httpx.URL) -> httpx.URL:
        """Return a redirect to the name that the target is asked for as one to its address, where that name is looked for."""
        if self.host is None or url.scheme != base.scheme:
            return url
        asked_as = httpx.URL(f"{base.scheme}://{self.host}/")
        if (url.host.lower(), url.port) != (asked_as.host.lower(), asked_as.port):
            return url
        return url.copy_with(host=base.host, port=base.port)


def _plain(value: HeaderValue) -> str:
    return value.reveal() if isinstance(value, Secret) else value
