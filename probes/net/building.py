"""This file is for making the bytes of a request: what a template asks for, what the target adds, and to whom it may go."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from probes.fields import Secret
from probes.ids import new_id, new_traceparent
from probes.net.egress import NotSent
from probes.net.routing import Routing
from probes.outcome import Subject
from probes.request import RequestTemplate
from probes.target import Route, Target

Headers = dict[str, tuple[str, str]]  # lower-case name -> (name as written, value)

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ID = re.compile(r"[\w.:/+=@#~-]{1,200}", re.ASCII)  # a correlation id that a person can be told
_NO_ROUTE = Route()
_OPEN = frozenset({"accept", "accept-language", "content-type", "user-agent"})  # template headers that a foreign origin may see


class BadRequestTemplate(NotSent, ValueError):
    """The request cannot be sent as the scenario writes it. The text names the place, never the value."""


@dataclass(frozen=True, slots=True)
class Message:
    """One request as it goes over the wire; `headers` are in order, Host first."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes

    @classmethod
    def made(cls, method: str, url: httpx.URL, headers: list[tuple[bytes, bytes]], content: bytes) -> Message:
        """Return the request with Host and Content-Length where they are not given. Source: RFC 9110 sections 7.2 and 8.6."""
        named = {name.lower() for name, _ in headers}
        before = [] if b"host" in named else [(b"Host", url.netloc)]
        sized = named & {b"content-length", b"transfer-encoding"}
        if not sized and (content or method in ("POST", "PUT", "PATCH")):
            before.append((b"Content-Length", str(len(content)).encode()))
        return cls(method, url, (*before, *headers), content)

    def payload(self) -> bytes:
        lines = [self.method.encode(), b" ", self.url.raw_path, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            lines += (name, b": ", value, b"\r\n")
        return b"".join([*lines, b"\r\n", self.content])


@dataclass(frozen=True, slots=True)
class Built:
    """A request ready for the wire. `own` says that it goes to the target's own origin."""

    request: Message
    correlation_id: str
    own: bool

    @property
    def port(self) -> int:
        return self.request.url.port or (443 if self.request.url.scheme == "https" else 80)

    @property
    def title(self) -> str:
        """Return method and path for sentences, never the query."""
        path = self.request.url.raw_path.partition(b"?")[0].decode("ascii")
        shown = path if self.own else f"{self.request.url.scheme}://{self.request.url.netloc.decode('ascii')}{path}"
        return f"{self.request.method} {shown}"


class Builder:
    """Makes requests for one session, and the next hop of a redirect."""

    def __init__(self, target: Target, subject: Subject, run_id: str, nonce: str) -> None:
        self._target = target
        self._base = _base(target.base_url)
        self._nonce = nonce
        self._user_agent = _user_agent(subject, run_id)
        self._own_headers = _own_headers(target)
        self._ids = {name.lower(): name for name in target.correlation_headers}
        self._routing = Routing(target.route) if target.route != _NO_ROUTE else None

    def build(self, template: RequestTemplate) -> Built:
        """Return the request of a filled template. Raises: BadRequestTemplate."""
        url, own = template.prepared(self._target.base_url, lambda: self._address(template))
        headers, correlation_id = self._marks(template.headers)
        if own and not template.anonymous:
            headers.update(self._own_headers)
        content, content_type = _body(template)
        if content_type:
            headers["content-type"] = ("Content-Type", content_type)
        given: Mapping[str, str | None] = template.headers
        for name, value in given.items():
            if value is None:  # a kind takes it off, to see what comes without
                headers.pop(name.lower(), None)
            elif own or name.lower() in _OPEN or name.lower() in self._ids:
                headers[name.lower()] = (name, value)
        if own and template.cookies:
            _add_cookies(headers, template.cookies)
        if own and self._routing is not None:
            if trouble := self._routing.contradicted(template.headers, template.cookies):
                raise BadRequestTemplate(trouble)
            self._routing.put_into(headers)
        if self._ids:  # whoever set it last: the template, the target's headers, or we; a hostile one is nothing to be known by
            _, sent = headers.get(next(iter(self._ids)), ("", ""))
            correlation_id = sent if _ID.fullmatch(sent) else correlation_id
        request = Message.made(template.method.upper(), url, _raw(headers.values()), content)
        return Built(request, correlation_id, own)

    @property
    def user_agent(self) -> str:
        """The name under which we ask: product, scenario and run."""
        return self._user_agent

    def follow(self, built: Built, status: int, location: str) -> Built:
        """Return the next hop. Raises: ValueError with a clause for a person where it cannot be followed."""
        before = built.request
        try:
            url = _named(before.url.join(location).copy_with(fragment=None, username=None, password=None))
        except (httpx.InvalidURL, ValueError):
            raise ValueError("to an address that is none") from None
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise ValueError(f"to an address of the scheme '{url.scheme[:20]}'")
        if not _has_port(url):
            raise ValueError("to a port that is none")
        if self._routing is not None and built.own:
            url = self._routing.home(url, self._base)
        own = _origin(url) == _origin(self._base)
        turned = (status == 303 and before.method != "HEAD") or (status in (301, 302) and before.method == "POST")
        method, content = ("GET", b"") if turned else (before.method, before.content)
        if content and _origin(url) != _origin(before.url):
            raise ValueError("with its body to another origin, to which the body was not sent")
        if own and built.own:
            host = set() if self._routing is not None and self._routing.host else {"host"}
            dropped = {"content-length", *host} | ({"content-type"} if turned else set())
            headers = [(name, value) for name, value in before.headers if name.decode().lower() not in dropped]
        else:
            headers = _raw(self._marks({})[0].values())
        marked = self._with_id(headers, built.correlation_id)
        return Built(Message.made(method, url, marked, content), built.correlation_id, own and built.own)

    def _address(self, template: RequestTemplate) -> tuple[httpx.URL, bool]:
        """Return the address, and whether it lies at the target's own origin."""
        url = self._url(template)
        return url, _origin(url) == _origin(self._base)

    def _url(self, template: RequestTemplate) -> httpx.URL:
        path = template.path
        if _CONTROL.search(path):
            raise BadRequestTemplate("the path holds a control character, which would split the request; percent-encode it")
        if not _ABSOLUTE.match(path):
            path = self._target.base_url + (path if path.startswith("/") else f"/{path}" if path else "")
        try:
            url = _named(httpx.URL(path.replace("#", "%23")))  # a fragment is never sent, so a `#` is part of a value
            if template.query:
                url = url.copy_merge_params({name: _plain(value) for name, value in template.query.items()})
        except (httpx.InvalidURL, ValueError, TypeError) as problem:
            raise BadRequestTemplate(f"the path and query do not make an address: {problem}") from None
        if url.userinfo:
            raise BadRequestTemplate("the path may not hold a user name and password; use 'auth' at the target")
        if not url.raw_host or not _has_port(url):
            raise BadRequestTemplate("the path does not make an address: it has no host, or a port that is none")
        return url

    def _marks(self, given: Mapping[str, str]) -> tuple[Headers, str]:
        """Return what every request carries, so that the target's owners can find it, and its correlation id."""
        wanted = next((value for name, value in given.items() if name.lower() in self._ids), "")
        correlation_id = wanted if wanted and _ID.fullmatch(wanted) else new_id()
        headers: Headers = {
            "user-agent": ("User-Agent", self._user_agent),
            "accept": ("Accept", "*/*"),
            "accept-encoding": ("Accept-Encoding", "gzip"),
            "connection": ("Connection", "close"),
            "traceparent": ("traceparent", new_traceparent(correlation_id)),
            "x-vedette-nonce": ("X-Vedette-Nonce", self._nonce),
        }
        headers.update({key: (name, correlation_id) for key, name in self._ids.items()})
        return headers, correlation_id

    def _with_id(self, headers: list[tuple[bytes, bytes]], correlation_id: str) -> list[tuple[bytes, bytes]]:
        value = correlation_id.encode("latin-1", "replace")
        return [(name, value if name.decode().lower() in self._ids else old) for name, old in headers]


@lru_cache(maxsize=10_000)  # a service may watch thousands of targets in turn
def _base(address: str) -> httpx.URL:
    try:
        return _named(httpx.URL(address))
    except (httpx.InvalidURL, ValueError) as problem:
        raise BadRequestTemplate(f"the target's base address is none: {problem}") from None


def _own_headers(target: Target) -> Headers:
    """Return the target's headers and credentials, which go to its own origin only."""
    headers = {
        name.lower(): (name, value.reveal() if isinstance(value, Secret) else value) for name, value in target.headers.items()
    }
    auth = target.auth
    if auth is not None and auth.bearer is not None:
        headers["authorization"] = ("Authorization", f"Bearer {auth.bearer.reveal()}")
    elif auth is not None and auth.password is not None:
        headers["authorization"] = ("Authorization", f"Basic {basic(auth.username or '', auth.password.reveal())}")
    return headers


def basic(username: str, password: str) -> str:
    """Return the credentials of Basic authentication. Source: RFC 7617 section 2."""
    return base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _body(template: RequestTemplate) -> tuple[bytes, str]:
    if template.body is not None:
        return template.body.encode("utf-8", "surrogateescape"), ""
    if template.json_body is None and template.form is None:
        return b"", ""
    try:
        if template.json_body is not None:
            made = httpx.Request("POST", "http://-/", json=template.json_body)
        else:
            made = httpx.Request("POST", "http://-/", data={name: _plain(value) for name, value in (template.form or {}).items()})
    except (TypeError, ValueError, UnicodeError) as problem:
        raise BadRequestTemplate(f"the body cannot be written: {problem}") from None
    return made.content, made.headers.get("content-type", "")


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value if _is_simple(value) else str(value)


def _is_simple(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _add_cookies(headers: Headers, cookies: Mapping[str, str]) -> None:
    for name, value in cookies.items():
        if not _TOKEN.fullmatch(name) or ";" in value:
            raise BadRequestTemplate(f"the cookie '{name[:40]}' has a name or value that would split it")
    pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
    before = headers.get("cookie")
    headers["cookie"] = ("Cookie", f"{before[1]}; {pairs}" if before else pairs)


def _raw(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return the headers as bytes. Raises: BadRequestTemplate for what would split the request."""
    raw = []
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise BadRequestTemplate(f"{name[:40]!r} is not a header name")
        if _CONTROL.search(value):
            raise BadRequestTemplate(f"the header '{name}' holds a control character, which would split the request")
        try:
            raw.append((name.encode("ascii"), value.encode("latin-1")))
        except UnicodeEncodeError:
            raw.append((name.encode("ascii"), value.encode("utf-8", "surrogateescape")))
    return raw


def _named(url: httpx.URL) -> httpx.URL:
    """Return the URL; its host is decoded, as httpx will do in places where nobody catches it. Raises: ValueError."""
    _ = url.host
    return url


def _has_port(url: httpx.URL) -> bool:
    return url.port is None or 0 < url.port < 65536


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host.lower(), url.port or (443 if url.scheme == "https" else 80)


def _user_agent(subject: Subject, run_id: str) -> str:
    comment = f"{subject.suite}/{subject.scenario}; run {run_id}"
    # parentheses and backslashes would end the comment (RFC 9110 section 5.6.5)
    safe = re.sub(r"[^\x20-\x7e\xa0-\xff]|[()\\]", "_", comment)
    return f"vedette/{_version()} ({safe})"


@lru_cache(maxsize=1)
def _version() -> str:
    """Return our version; asking takes more time than a whole request, so it is asked once."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("vedette")
    except PackageNotFoundError:
        return "0"
