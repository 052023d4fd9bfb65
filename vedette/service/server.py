"""This file is for listening: the one owner of uvicorn, in our own event loop, under our own signals, logs and limits."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from fastapi import FastAPI

    from vedette.service.state import ServeSettings

HEAD_S = 10.0  # to finish a request's head, and for a TLS handshake
UNREAD_S = 60.0  # that an answer may lie unread before we hang up
KEEP_ALIVE_S = 5
LARGEST_HEAD_BYTES = 32 * 1024
CONNECTIONS = 1000  # at a time; the next ones are told 503
REFUSED_AT = 1200  # connections; more are closed unheard, before they cost all our file descriptors
_LAST_WORDS_S = 1.0  # for answers that were cut off

_log = logging.getLogger(__name__)


class ListenError(Exception):
    """The service cannot listen where it was told to. The text is one sentence for a person."""


class Server:
    """Serves one application. `serve` returns after `stop`, or raises what broke it."""

    def __init__(self, app: FastAPI, settings: ServeSettings) -> None:
        """Listen from now on, so that `url` is known and a port in use is told before anything starts. Raises: ListenError."""
        self._app = app
        self._socket = _listening(settings)
        port = self._socket.getsockname()[1]
        self.url = f"{'https' if settings.tls_cert else 'http'}://{_shown(settings.host)}:{port}"
        try:
            self._uvicorn = _Uvicorn(_config(app, settings))
        except BaseException:
            self._socket.close()
            raise
        self._serving: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer requests until `stop` is called."""
        if self._uvicorn.should_exit:  # stopped before it began
            self._socket.close()
            return
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(self._serving)
        except asyncio.CancelledError:
            await self.stop(within_s=0)
            raise

    async def stop(self, within_s: float) -> None:
        """Take no new connections, let requests finish for so long, then cut them. Streams are ended at once."""
        server = self._uvicorn
        server.config.timeout_graceful_shutdown = within_s  # type: ignore[assignment]  # given to asyncio.wait_for
        server.should_exit = True
        self._app.state.streams.end()
        if self._serving is None:
            self._socket.close()
            return
        await asyncio.wait([self._serving])
        left = list(server.server_state.tasks)
        if left:
            await asyncio.wait(left, timeout=_LAST_WORDS_S)
        for connection in list(server.server_state.connections):
            connection.transport.abort()


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its signal handlers: when to stop is decided by whoever started us."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Do as uvicorn does with open sockets, but give a TLS handshake its deadline, which uvicorn leaves at a minute."""
        await self.lifespan.startup()
        loop, config = asyncio.get_running_loop(), self.config

        def connection() -> asyncio.Protocol:
            return _Patience(config=config, server_state=self.server_state, app_state=self.lifespan.state)

        patience_s = HEAD_S if config.ssl is not None else None
        self.servers = [
            await loop.create_server(connection, sock=one, ssl=config.ssl, ssl_handshake_timeout=patience_s)
            for one in sockets or []
        ]
        self.started = True


class _Patience(H11Protocol):
    """HTTP/1.1 that waits for nobody for ever: neither for a head that drips, nor for a reader that does not read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        if len(self.connections) > REFUSED_AT:
            transport.abort()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()

    def _watch_head(self) -> None:
        """Count the time from a head's first byte, or from the connection's start, to the head's end; bytes win no time."""
        in_head = self.conn.their_state is h11.IDLE
        begun = self.cycle is None or bool(self.conn.trailing_data[0])
        if in_head and begun and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        if not in_head and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


def _config(app: FastAPI, settings: ServeSettings) -> uvicorn.Config:
    try:
        config = uvicorn.Config(
            app,
            http=_Patience,
            ws="none",
            lifespan="off",
            log_config=None,  # logging is set up by whoever starts us
            access_log=False,  # ours has no query and no secret path in it
            server_header=False,
            proxy_headers=False,  # who stands before us is not known, so what it says of others is not believed
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        config.load()
    except (OSError, ssl.SSLError) as problem:
        why = _why_no_certificate(problem)
        files = " and ".join(f"'{file}'" for file in (settings.tls_cert, settings.tls_key) if file)
        raise ListenError(f"no certificate with its key in {files}: {why}") from problem
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def _listening(settings: ServeSettings) -> socket.socket:
    """Return a socket that listens. Raises: ListenError."""
    where = f"'{settings.host}' port {settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(found, key=lambda info: info[0] != socket.AF_INET)  # of `localhost` the one that all try
        # Named as TCP, or asyncio leaves Nagle's algorithm on: an answer on a kept connection then takes 40 ms more.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except (OSError, OverflowError, UnicodeError) as problem:
        raise ListenError(f"cannot listen at {where}: {getattr(problem, 'strerror', None) or problem}") from problem
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except (OSError, OverflowError) as problem:
        listener.close()
        raise ListenError(_why_not(problem, where)) from problem
    listener.setblocking(False)
    return listener


def _why_not(problem: Exception, where: str) -> str:
    number = getattr(problem, "errno", None)
    if number == errno.EADDRINUSE:
        return f"cannot listen at {where}: another program does; give another port with --port, or 0 for any"
    if number == errno.EADDRNOTAVAIL:
        return f"cannot listen at {where}: this machine has no such address"
    if number == errno.EACCES:
        return f"cannot listen at {where}: ports below 1024 need a permission that this user has not"
    return f"cannot listen at {where}: {getattr(problem, 'strerror', None) or problem}"


def _shown(host: str) -> str:
    """Return an address that a person on this machine can open."""
    plain: Any = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"[{plain}]" if ":" in plain else str(plain)


def _why_no_certificate(problem: OSError) -> str:
    if not isinstance(problem, ssl.SSLError):
        return problem.strerror or type(problem).__name__
    if problem.reason == "KEY_VALUES_MISMATCH":
        return "the key is not that of the certificate"
    return "it should be a certificate and its key in PEM, the key without a password"
