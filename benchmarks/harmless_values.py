"""This file is for the values of which harmless log lines are made: times, ids, hashes, numbers, and what only looks personal."""

from __future__ import annotations

import base64
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Anything = TypeVar("Anything")

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ZONES = ("+00:00", "+01:00", "+02:00", "-05:00", "+05:30", "+10:00", "-08:00", "+12:45")


class Dice:
    """Random values from one seed, and a clock that goes on. Nothing that it makes belongs to anybody."""

    def __init__(self, seed: int) -> None:
        made = random.Random(seed)
        self.bits, self.unit = made.getrandbits, made.random
        self._at = 1_795_255_200.0  # 21 November 2026
        self._second = -1
        self.tick()

    def tick(self) -> None:
        """Let some milliseconds pass."""
        self._at += self.unit() * 0.05
        second = int(self._at)
        self.us = int((self._at - second) * 1e6)
        if second == self._second:
            return
        self._second = second
        t = time.gmtime(second)
        self.date = f"{t.tm_year}-{t.tm_mon:02}-{t.tm_mday:02}"
        self.clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
        self.day, self.month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
        self.compact = f"{self.date.replace('-', '')}{self.clock.replace(':', '')}"
        self.clf = f"{t.tm_mday:02}/{self.month}/{t.tm_year}:{self.clock}"
        self.syslog = f"{self.month} {t.tm_mday:2} {self.clock}"
        self.http_date = f"{self.day}, {t.tm_mday:02} {self.month} {t.tm_year} {self.clock} GMT"
        self.german = f"{t.tm_mday:02}.{t.tm_mon:02}.{t.tm_year} {self.clock}"

    # Times, as frameworks write them.

    def iso(self) -> str:
        return f"{self.date}T{self.clock}.{self.us // 1000:03}Z"

    def iso_us(self) -> str:
        return f"{self.date}T{self.clock}.{self.us:06}{self.pick(_ZONES)}"

    def plain(self) -> str:
        return f"{self.date} {self.clock}"

    def millis(self) -> str:
        return f"{self.date} {self.clock},{self.us // 1000:03}"

    def epoch(self) -> int:
        return self._second

    def epoch_ms(self) -> int:
        return self._second * 1000 + self.us // 1000

    def epoch_ns(self) -> int:
        return self._second * 10**9 + self.us * 1000 + self.below(1000)

    def any_time(self) -> str:
        return str(self.pick(_TIMES)(self))

    # Numbers and ids.

    def below(self, limit: int) -> int:
        return int(self.unit() * limit)

    def pick(self, among: Sequence[Anything]) -> Anything:
        return among[int(self.unit() * len(among))]

    def hex(self, length: int) -> str:
        return f"{self.bits(4 * length):0{length}x}"

    def digits(self, length: int) -> str:
        return f"{self.bits(4 * length) % 10**length:0{length}d}"

    def base62(self, length: int) -> str:
        number, made = self.bits(6 * length), ""
        for _ in range(length):
            number, sign = divmod(number, 62)
            made += _BASE62[sign]
        return made

    def base64(self, size: int) -> str:
        return base64.b64encode(self.bits(8 * size).to_bytes(size, "big")).decode()

    def base64url(self, size: int) -> str:
        return base64.urlsafe_b64encode(self.bits(8 * size).to_bytes(size, "big")).decode().rstrip("=")

    def uuid(self, version: str = "4") -> str:
        made = self.hex(32)
        return f"{made[:8]}-{made[8:12]}-{version}{made[13:16]}-{'89ab'[self.bits(2)]}{made[17:20]}-{made[20:]}"

    def uuid7(self) -> str:
        head, made = f"{self.epoch_ms():012x}", self.hex(20)
        return f"{head[:8]}-{head[8:]}-7{made[:3]}-{'89ab'[self.bits(2)]}{made[4:7]}-{made[7:19]}"

    def ulid(self) -> str:
        number, made = self.bits(80), ""
        for _ in range(16):
            number, sign = divmod(number, 32)
            made += _CROCKFORD[sign]
        return f"01KD{self.digits(2)}ABXY{made}"

    def ip(self) -> str:
        number = self.bits(32)
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def inner_ip(self) -> str:
        number = self.bits(24)
        return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    def ip6(self) -> str:
        made = self.hex(16)
        return f"2001:db8:{made[:4]}:{made[4:8]}::{made[8:12]}:{made[12:]}"

    def mac(self, sign: str = ":") -> str:
        made = self.hex(12)
        return sign.join(made[at : at + 2] for at in range(0, 12, 2))

    def snowflake(self) -> int:
        return (self.epoch_ms() - 1_288_834_974_657 << 22) | self.bits(22)

    def host(self) -> str:
        return f"{self.pick(_ROLES)}-{self.below(40)}"

    def inner_host(self) -> str:
        """A machine's name in an inner network, in the manner of clouds and clusters."""
        return self.pick(_INNER_HOSTS)(self)

    def pod(self) -> str:
        return f"{self.pick(_ROLES)}-{self.hex(9)}-{self.base62(5).lower()}"

    def version(self) -> str:
        return f"{self.below(20)}.{self.below(30)}.{self.below(60)}"

    def money(self) -> str:
        return f"{self.below(9000)}.{self.below(100):02}"

    def word(self) -> str:
        return self.pick(_WORDS)

    def words(self, count: int) -> str:
        return " ".join(self.pick(_WORDS) for _ in range(count))

    def number(self) -> str:
        """A number of trade: order, invoice, article, tracking, container, tax."""
        return self.pick(_NUMBERS)(self)


def _ean(dice: Dice) -> str:
    body = dice.pick(("400", "978", "590", "301")) + dice.digits(9)
    return body + str(-sum(int(sign) * (1 + 2 * (place % 2)) for place, sign in enumerate(body)) % 10)


_ROLES = ("web", "api", "worker", "orders", "billing", "search", "media", "gateway", "cron", "ingest", "pricing", "stock")
_INNER_HOSTS: tuple[Callable[[Dice], str], ...] = (
    lambda d: f"ip-10-{d.bits(8)}-{d.bits(8)}-{d.bits(8)}.eu-central-1.compute.internal",
    lambda d: f"{d.host()}.prod.internal",
    lambda d: f"{d.host()}.{d.pick(_ROLES)}-headless.shop.svc.cluster.local",
    lambda d: f"{d.host()}.dc1.consul",
    lambda d: f"{d.host()}.example.net",
)
_WORDS = re.findall(
    r"\S+",
    "request handled queue message payload order created updated retry timeout cache warm miss shard index replica "
    "leader lease commit offset batch flush segment stream worker started stopped ready draining healthy degraded "
    "upstream latency budget invoice rendered thumbnail resized variant stock reserved released shipment label printed "
    "webhook delivered signature verified schema migration applied rollback connection pool acquired exhausted circuit "
    "half-open closed tenant quota limit window sampling trace exported metrics scraped checkpoint snapshot compaction "
    "finished discarded wildcard dashboard cardinality credit note debit basic authentication bearer scheme password "
    "policy token bucket secret rotation telephony hotel mobile viewport panel span access control ",
)
_TIMES: tuple[Callable[[Dice], object], ...] = (
    Dice.iso,
    Dice.iso_us,
    Dice.plain,
    Dice.millis,
    Dice.epoch,
    Dice.epoch_ms,
    Dice.epoch_ns,
    lambda d: f"{d.clf} {d.pick(('+0000', '+0200', '+1000', '+1130', '-0500', '+0530'))}",
    lambda d: d.syslog,
    lambda d: d.http_date,
    lambda d: d.compact,
    lambda d: f"{d.plain()} {d.pick(('+0000', '+0200', '+1000', '+1200', '+1030'))}",
    lambda d: f"{d.date}T{d.clock}+02:00",
    lambda d: d.german,
    lambda d: f"{d.epoch()}.{d.us:06}",
    lambda d: f"{d.plain()} +1000 UTC m=+{d.below(90000)}.{d.digits(9)}",  # time.Time of Go, with its monotonic clock
    lambda d: d.iso().replace(":", "%3A").replace("Z", "%2B10%3A00"),
)
_NUMBERS: tuple[Callable[[Dice], str], ...] = (
    lambda d: f"order_no={d.digits(10)}",
    lambda d: f"order 4{d.digits(15)}",
    lambda d: f"order_id=5{d.digits(15)}",
    lambda d: f"ORD-{d.date[:4]}-{d.digits(8)}",
    lambda d: f"invoice RE{d.digits(10)}",
    lambda d: f"INVOICE NO{d.compact[:8]}{d.digits(5)}",
    lambda d: f"credit note 4{d.digits(15)}",
    lambda d: f"credit_note_id={d.digits(16)}",
    lambda d: f"ean={_ean(d)}",
    lambda d: f"isbn=978-3-{d.digits(5)}-{d.digits(3)}-{d.digits(1)}",
    lambda d: f"imei 35{d.digits(13)}",
    lambda d: f"tracking 1Z{d.base62(6).upper()}{d.digits(10)}",
    lambda d: f"tracking JJD00039{d.digits(13)}",
    lambda d: f"parcel RR{d.digits(9)}DE",
    lambda d: f"container MSKU{d.digits(6)} {d.digits(1)}",
    lambda d: f"vat DE{d.digits(9)}",
    lambda d: f"vat_id=NL{d.digits(9)}B01",
    lambda d: f"voucher {d.digits(4)}-{d.digits(4)}-{d.digits(4)}-{d.digits(4)}",
    lambda d: f"licence {d.base62(5).upper()}-{d.base62(5).upper()}-{d.base62(5).upper()}",
    lambda d: f"serial NO{d.digits(13)}",
    lambda d: f"sku {d.pick(('DE', 'AT', 'FR', 'NL'))}{d.digits(2)}-{d.digits(4)}-{d.digits(4)}",
    lambda d: f"ref {d.pick(('DE', 'ES', 'SE', 'PL'))}{d.compact}{d.digits(6)}",
    lambda d: f"hotel={d.digits(10)}",
    lambda d: f"hotel: 00{d.digits(6)}",
    lambda d: f"delta +{d.below(10**9)} bytes",
    lambda d: f"drift +{d.unit() * 3:.{d.below(12) + 3}f} s",
    lambda d: f"+{d.below(900)} -{d.below(900)} lines",
    lambda d: f"position +{48 + d.unit() * 6:08.{d.below(4) + 4}f}+{6 + d.unit() * 9:09.6f}/",
    lambda d: f"change +{d.below(99)}.{d.digits(3)}.{d.digits(3)},{d.digits(2)} EUR",
    lambda d: f"balance {d.pick('+-')}{d.digits(6)}.{d.digits(2)} EUR",
    lambda d: f"sizes {d.pick((2048, 4096, 5120))} {d.pick((1024, 4096, 8192))} {d.digits(4)} {d.digits(4)}",
    lambda d: f"0x0000:  4500 {d.hex(4)} {d.digits(4)} 4000 {d.digits(4)} {d.digits(4)} {d.digits(4)} {d.digits(4)}",
    lambda d: f"at +{d.epoch()}",
    lambda d: f"discarded 4{d.digits(15)} of card(set)",
)
