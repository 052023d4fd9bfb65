"""This file is for where we may connect to: resolve once, judge that address, connect to exactly it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotSent(Exception):
    """Nothing was sent, by our own rules or because the suite asks for what cannot be sent. The outcome is `error`."""


class EgressRefused(NotSent):
    """The policy refuses the address. `always` says that no option can permit it."""

    def __init__(self, sentence: str, *, address: str, always: bool) -> None:
        super().__init__(sentence)
        self.address = address
        self.always = always


class Zone(StrEnum):
    """What an address belongs to, as far as the policy cares."""

    PUBLIC = "public"
    PRIVATE = "private"
    FORBIDDEN = "forbidden"


# Source: IANA IPv4/IPv6 Special-Purpose Address Registries (RFC 6890 and its updates)
_FORBIDDEN = {
    "0.0.0.0/8": "unspecified",
    "169.254.0.0/16": "link-local, where clouds keep their metadata",
    "224.0.0.0/4": "multicast",
    "255.255.255.255/32": "broadcast",
    "100.100.100.200/32": "cloud metadata (Alibaba)",
    "168.63.129.16/32": "cloud metadata (Azure)",
    "192.0.0.192/32": "cloud metadata (Oracle)",
    "::/128": "unspecified",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
    "fd00:ec2::254/128": "cloud metadata (AWS)",
    "fd20:ce::254/128": "cloud metadata (Google)",
}
_PRIVATE = {
    "10.0.0.0/8": "private",
    "172.16.0.0/12": "private",
    "192.168.0.0/16": "private",
    "127.0.0.0/8": "loopback",
    "100.64.0.0/10": "shared (carrier-grade NAT)",
    "192.0.0.0/24": "special purpose",
    "198.18.0.0/15": "benchmarking",
    "240.0.0.0/4": "reserved",
    "::1/128": "loopback",
    "fc00::/7": "unique local",
    "fec0::/10": "site-local",
    "::/96": "IPv4-compatible (RFC 4291 section 2.5.5.1, deprecated)",
    "64:ff9b:1::/48": "local-use translation (RFC 8215)",
}
_METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TABLE = [
    (zone, ipaddress.ip_network(network), what)
    for zone, networks in ((Zone.FORBIDDEN, _FORBIDDEN), (Zone.PRIVATE, _PRIVATE))
    for network, what in networks.items()
]


@lru_cache(maxsize=4096)
def zone_of(address: str) -> tuple[Zone, str]:
    """Return the zone of an address and what it is; what hides an IPv4 address in IPv6 is judged as that."""
    plain = _unwrap(ipaddress.ip_address(address.partition("%")[0]))
    for zone, network, what in _TABLE:
        if plain.version == network.version and plain in network:
            return zone, what
    return Zone.PUBLIC, "public"


@lru_cache(maxsize=4096)
def is_address(host: str) -> bool:
    """Say whether a host is an address already, so that there is nothing to resolve."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def admit(host: str, address: str, *, private_networks: bool) -> None:
    """Let the address pass. Raises: EgressRefused where the policy forbids it."""
    shown = address if host == address else f"{host} ({address})"
    zone, what = zone_of(address)
    if zone is Zone.FORBIDDEN or host.rstrip(".").lower() in _METADATA_NAMES:
        sentence = f"nothing was sent to {shown}: the address is {what}, which is never permitted"
        raise EgressRefused(sentence, address=address, always=True)
    if zone is Zone.PRIVATE and not private_networks:
        sentence = f"nothing was sent to {shown}: the address is {what}; permit it with 'private_networks: true' at the target"
        raise EgressRefused(sentence, address=address, always=False)


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the system's order. Raises: OSError (`socket.gaierror`), UnicodeError.

    Each look-up has a daemon thread of its own: a resolver that hangs cannot be cancelled, and asyncio's pool of threads
    would hold up the end of the whole process for as long as it likes.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(found: list[str] | Exception) -> None:
        if answer.done():
            return  # nobody waits for it any more
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def look_up() -> None:
        found: list[str] | Exception
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except Exception as problem:  # whatever it is, it belongs to who asked
            found = problem
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=look_up, name="vedette-resolver", daemon=True).start()
    return await answer


def choose(addresses: list[str]) -> str:
    """Return the one address to use, IPv4 first: `localhost` is often only served there."""
    return min(addresses, key=lambda address: ":" in address)


def _unwrap(address: Address) -> Address:
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
