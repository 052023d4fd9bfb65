"""This file is for holding back who tries to sign in again and again: each address, and all together."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

FREE = 3  # failures of one address before it has to wait
LONGEST_S = 900.0
FREE_OF_ALL = 50  # failures of all addresses together
LONGEST_OF_ALL_S = 30.0  # short: many strangers must not lock out whoever is on call
FORGIVEN_S = 3600.0  # without a failure
ADDRESSES = 10_000  # remembered; the one that was quiet the longest goes first


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_at: float = 0.0

    def wait_s(self, now: float, free: int, longest_s: float) -> float:
        """Return how long is still to wait: 1 s after the first failure too many, then twice as long each time."""
        if self.count < free:
            return 0.0
        delay_s = min(longest_s, 2.0 ** min(self.count - free, 30))
        return max(0.0, self.last_at + delay_s - now)

    def add(self, now: float) -> None:
        if now - self.last_at > FORGIVEN_S:
            self.count = 0
        self.count += 1
        self.last_at = now


class Throttle:
    """Counts failures. An attempt is a failure until it is known to be none, so that many at once gain nothing."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._each: OrderedDict[str, _Failures] = OrderedDict()
        self._all = _Failures(last_at=monotonic())

    def attempt(self, address: str) -> float:
        """Count an attempt and return 0, or return how many seconds are to wait and count nothing."""
        now, name = self._monotonic(), _network(address)
        mine = self._each.get(name) or _Failures(last_at=now)
        wait_s = max(mine.wait_s(now, FREE, LONGEST_S), self._all.wait_s(now, FREE_OF_ALL, LONGEST_OF_ALL_S))
        if wait_s > 0:
            return wait_s
        mine.add(now)
        self._all.add(now)
        self._each[name] = mine
        self._each.move_to_end(name)
        while len(self._each) > ADDRESSES:
            self._each.popitem(last=False)
        return 0.0

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address; for all together it was just no failure."""
        self._each.pop(_network(address), None)
        self._all.count = max(0, self._all.count - 1)


def _network(address: str) -> str:
    """Return what one person has: an IPv4 address, or a whole /64 of IPv6."""
    try:
        number = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    return number.exploded[:19] if isinstance(number, IPv6Address) and number.ipv4_mapped is None else str(number)
