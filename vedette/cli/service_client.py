"""This file is for commands that talk to a running service: finding it, asking it, and saying clearly what went wrong."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

WITHIN_S = 30.0  # one question, from connecting to the last byte
LARGEST_ANSWER = 64 * 1024 * 1024
SERVICE_FILE = "service.json"  # what `vedette serve` writes into the state folder

Json = Any  # JSON as it came


class ServiceUnreachable(UsageError):
    """Nobody answered, or not in a way that could be read: nothing is known."""

    exit = Exit.INCONCLUSIVE


class ServiceRefused(UsageError):
    """The service answered with a refusal. `problem` is its problem document, as far as there was one."""

    def __init__(self, message: str, status: int, problem: Mapping[str, Json]) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem
        self.exit = Exit.INCONCLUSIVE if status >= 500 else Exit.USAGE


def add_service_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--service`. There is no option for the token: what stands on a command line can be read by everybody."""
    parser.add_argument(
        "--service",
        metavar="URL",
        help="where the service listens (default: VEDETTE_SERVICE, else what `vedette serve` noted in the state folder);"
        " its token is read from VEDETTE_TOKEN",
    )


class Client:
    """Asks one service. Certificates are verified, redirects are not followed, proxies are not used."""

    def __init__(self, url: str, token: str = "", *, found_in: str = "", within_s: float = WITHIN_S) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._found_in = found_in
        self._within_s = within_s
        self._scheme, self._host, self._port, self._base = _parts(self.url)

    @classmethod
    def from_args(cls, args: argparse.Namespace, *, within_s: float = WITHIN_S) -> Client:
        """Return the client of `--service`, VEDETTE_SERVICE or the state folder. Raises: UsageError where none says."""
        url, found_in = _address(args.service)
        token = os.environ.get("VEDETTE_TOKEN", "").strip()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("VEDETTE_TOKEN holds letters that no token has; `vedette token create` makes one")
        return cls(url, token, found_in=found_in, within_s=within_s)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """Return what a path answers. Raises: ServiceUnreachable, ServiceRefused."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._ask("GET", path + (f"?{urlencode(given, doseq=True)}" if given else ""))

    def post(self, path: str, body: Json = None, *, idempotency_key: str = "") -> Json:
        """Return what a path answers to what is sent. Raises: ServiceUnreachable, ServiceRefused."""
        return self._ask("POST", path, body, {"Idempotency-Key": idempotency_key} if idempotency_key else {})

    def delete(self, path: str) -> Json:
        """Return what a path answers to being asked to end something. Raises: ServiceUnreachable, ServiceRefused."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: Json = None, more: Mapping[str, str] | None = None) -> Json:
        headers = {"Accept": "application/json", "User-Agent": "vedette", **(more or {})}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        exchange = _Exchange(self._connection(), method, self._base + quote(path, safe="/?&=%+:,~-._"), sent, headers)
        try:
            status, text = exchange.within(self._within_s)
        except (OSError, http.client.HTTPException, UnicodeError) as problem:  # the last for a host that is no name
            raise self._unreachable(problem) from problem
        return self._said(status, text)

    def _connection(self) -> http.client.HTTPConnection:
        if self._scheme == "https":
            trusted = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._within_s, context=trusted)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._within_s)

    def _said(self, status: int, text: bytes) -> Json:
        try:
            said = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            said = None
            if status < 300:
                raise ServiceUnreachable(f"{self._place} does not answer like a service of vedette: no JSON") from None
        if status < 300:
            return said
        problem = said if isinstance(said, dict) else {}
        raise ServiceRefused(self._why(status, problem), status, problem)

    def _why(self, status: int, problem: Mapping[str, Json]) -> str:
        """Return what a person needs to know of a refusal."""
        detail = one_line(problem.get("detail")) or f"no reason was given (status {status})"
        if status == 401:
            remedy = "VEDETTE_TOKEN holds a token that it does not know" if self._token else "VEDETTE_TOKEN is not set"
            return f"{self._place} wants a token: {remedy} ({detail})"
        if status == 403:
            return f"{self._place} does not let this token do that: {detail}"
        if 300 <= status < 400:
            return f"{self._place} sends elsewhere (status {status}); name the address itself with --service"
        return f"{self._place} refused: {detail}"

    @property
    def _place(self) -> str:
        return f"the service at {self.url}"

    def _unreachable(self, problem: Exception) -> ServiceUnreachable:
        where = f"{self.url}{f' (from {self._found_in})' if self._found_in else ''}"
        if isinstance(problem, ssl.SSLCertVerificationError):
            return ServiceUnreachable(f"the certificate of {where} is not one to trust: {problem.verify_message}")
        if isinstance(problem, ConnectionRefusedError):
            return ServiceUnreachable(f"nobody listens at {where}; is `vedette serve` running there?")
        if isinstance(problem, TimeoutError):
            return ServiceUnreachable(f"{where} did not answer within {self._within_s:g} s")
        if isinstance(problem, socket.gaierror | UnicodeError):
            return ServiceUnreachable(f"the host of {where} is not known")
        if isinstance(problem, http.client.HTTPException):
            return ServiceUnreachable(f"{where} does not answer like a service of vedette: {type(problem).__name__}")
        return ServiceUnreachable(f"{where} cannot be reached: {getattr(problem, 'strerror', None) or type(problem).__name__}")


def _address(given: str | None) -> tuple[str, str]:
    """Return the address of the service and where it was found."""
    if given:
        return given, "--service"
    if os.environ.get("VEDETTE_SERVICE"):
        return os.environ["VEDETTE_SERVICE"], "VEDETTE_SERVICE"
    from vedette.settings import read_settings

    path = read_settings().state / SERVICE_FILE
    try:
        url = json.loads(path.read_text(encoding="utf-8"))["url"]
    except FileNotFoundError:
        say = f"no service is known: '{path}' is not there; start `vedette serve`, or name one with --service or VEDETTE_SERVICE"
        raise UsageError(say) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"'{path}' does not say where the service is; name it with --service") from problem
    return str(url), f"'{path}'"


def _parts(url: str) -> tuple[str, str, int | None, str]:
    wrong = UsageError(f"'{url.rpartition('@')[2]}' is no address of a service; it should be like http://127.0.0.1:8900")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise wrong
    if "@" in parts.netloc:
        raise UsageError("the address of a service may hold no password; put its token into VEDETTE_TOKEN")
    return parts.scheme, host, port, parts.path.rstrip("/")


class _Exchange:
    """One question and its answer, on a thread of its own: so the time counts as a whole, whatever is waited for.

    A socket's own timeout begins anew with every byte, and looking up a name has none at all.
    """

    def __init__(
        self, connection: http.client.HTTPConnection, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._question = (method, path, sent, headers)
        self._socket: socket.socket | None = None
        self._answer: tuple[int, bytes] | None = None
        self._problem: Exception | None = None

    def within(self, seconds: float) -> tuple[int, bytes]:
        """Return the status and the body. Raises: OSError, HTTPException or UnicodeError; TimeoutError once the time is over."""
        thread = threading.Thread(target=self._ask, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)  # so that it ends soon
            raise TimeoutError
        if self._answer is None:
            raise self._problem or TimeoutError()
        return self._answer

    def _ask(self) -> None:
        try:
            with contextlib.closing(self._connection):
                self._connection.connect()
                self._socket = self._connection.sock
                method, path, sent, headers = self._question
                self._connection.request(method, path, sent, headers)
                with self._connection.getresponse() as answer:
                    self._answer = answer.status, _read(answer)
        except Exception as problem:  # told by whoever waits, on its own thread
            self._problem = problem


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Return the body, whole. Raises: HTTPException for one that is cut off or too large."""
    text = answer.read(LARGEST_ANSWER + 1)
    if len(text) > LARGEST_ANSWER:
        raise http.client.HTTPException("too large an answer")
    if answer.length:
        raise http.client.IncompleteRead(text, answer.length)
    return text


def one_line(text: Any) -> str:
    """Return a text of the service's as one line without control characters: it goes to a terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip() if isinstance(text, str) else ""


def laid_out(line: str) -> str:
    """Return one line of the picture of a mistake; its indent points at the place, so it stays."""
    return " " * (len(line) - len(line.lstrip(" "))) + one_line(line)
