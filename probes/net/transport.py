"""This file is for sending a request over our own wire, without httpx's client and pool: fresh, bounded, timed by phases."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from time import perf_counter
from typing import Any

from probes.net import egress
from probes.net.building import Message
from probes.net.flight import Flight, Phase
from probes.net.reading import Reading, Reply
from probes.net.tls import EXPIRED, NOT_YET_VALID, WRONG_NAME, context_for, why
from probes.net.wire import Wire
from probes.target import Limits, Tls

_SECOND_LOOK = {EXPIRED, NOT_YET_VALID} | WRONG_NAME


class Transport:
    """Send each request over a fresh connection, within the limits and where the egress policy permits."""

    def __init__(self, *, tls: Tls, private_networks: bool, limits: Limits, resolve: egress.Resolve = egress.resolve) -> None:
        self._tls = tls
        self._private_networks = private_networks
        self._limits = limits
        self._resolve = resolve

    async def send(self, request: Message, flight: Flight, limit_s: float) -> tuple[Reply, ssl.SSLObject | None]:
        """Return the answer as it came, and its TLS connection, if it is one; the phases are noted in the flight.

        httpx's own Response is not made: for a probe it costs as much as the sending.
        Raises: WireTrouble, EgressRefused, BadTls.
        """
        context = context_for(self._tls) if request.url.scheme == "https" else None
        return await self._within(limit_s, flight, context, request.payload(), request.method == "HEAD")

    async def _within(
        self, limit_s: float, flight: Flight, context: ssl.SSLContext | None, payload: bytes, bodiless: bool
    ) -> tuple[Reply, ssl.SSLObject | None]:
        whole, connecting = asyncio.timeout(limit_s), asyncio.timeout(self._limits.connect)
        wire: Wire | None = None
        try:
            async with whole:
                async with connecting:
                    await self.find(flight)
                    wire = self._wire(flight, context, bodiless)
                    try:
                        await wire.open()
                    except ssl.SSLError as problem:
                        wire.close()
                        raise flight.trouble(await self.why_no_tls(problem, flight)) from problem
                return await wire.ask(payload), wire.tls
        except TimeoutError as problem:
            if whole.expired():
                raise flight.too_slow(limit_s) from problem
            if connecting.expired():
                raise flight.too_slow(self._limits.connect) from problem
            raise
        finally:
            if wire is not None:
                wire.close()

    async def find(self, flight: Flight, *, judged: bool = True) -> None:
        """Resolve once, and let the one address that is used through the policy. Raises: WireTrouble, EgressRefused."""
        if egress.is_address(flight.host):
            flight.address = flight.host
        else:
            try:
                addresses = await self._resolve(flight.host, flight.port)
            except (OSError, UnicodeError) as problem:
                raise flight.trouble(_unresolved(flight, problem)) from problem
            if not addresses:
                raise flight.trouble(_unresolved(flight, None))
            flight.address = egress.choose(addresses)
            flight.resolved = perf_counter()
        flight.phase = Phase.EGRESS
        if judged:
            egress.admit(flight.host, flight.address, private_networks=self._private_networks)

    def _wire(self, flight: Flight, context: ssl.SSLContext | None, bodiless: bool) -> Wire:
        limits = self._limits
        reading = Reading(flight, header_bytes=limits.header_bytes, body_bytes=limits.body_bytes, bodiless=bodiless)
        return Wire(flight, reading, context, self._tls.server_name or flight.host)

    async def why_no_tls(self, problem: ssl.SSLError, flight: Flight) -> str:
        """Return the sentence; for a wrong date or name, shake hands once more, forgiving, to read the certificate."""
        seen: dict[str, Any] | None = None
        if isinstance(problem, ssl.SSLCertVerificationError) and problem.verify_code in _SECOND_LOOK:
            look = self._wire(replace(flight), context_for(self._tls, forgive=frozenset({"dates", "name"})), False)
            try:
                await look.open()
                seen = look.tls.getpeercert() if look.tls else None
            except Exception:  # the first look's reason is told anyway, only without the date or the names
                seen = None
            finally:
                look.close()
        return f"{why(problem, self._tls.server_name or flight.host, seen)} ({flight.request} at {flight.where})"


def _unresolved(flight: Flight, problem: Exception | None) -> str:
    slow = isinstance(problem, socket.gaierror) and problem.errno == socket.EAI_AGAIN
    return f"the name {flight.host} could not be resolved{': the resolver gave no answer' if slow else ''} ({flight.request})"
