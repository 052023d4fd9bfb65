"""This file is for the cache of free slots: one entry a tenant, day and service, in memory or in a real Redis."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from urllib.parse import quote

from vedette.reference.dependencies import EVENT_TYPE
from vedette.reference.settings import Settings

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked up: whose slots, of which day and service."""

    company_id: int
    branch: str
    day: date
    service: str


class Store(Protocol):
    async def get(self, key: str) -> Entry | None: ...
    async def put(self, key: str, entry: Entry, ttl_s: float) -> None: ...
    async def close(self) -> None: ...


class Memory:
    """A cache in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, Entry]] = {}

    async def get(self, key: str) -> Entry | None:
        until, entry = self._entries.get(key, (0.0, None))
        return entry if entry is not None and self._clock() < until else None

    async def put(self, key: str, entry: Entry, ttl_s: float) -> None:
        self._entries[key] = (self._clock() + ttl_s, entry)

    async def close(self) -> None:
        self._entries.clear()


class Redis:
    """A cache in Redis. An unreachable one is a miss: a cache may slow us, it may not stop us."""

    def __init__(self, url: str) -> None:
        import redis.asyncio
        from redis.exceptions import RedisError

        self._trouble = (RedisError, OSError)
        self._client: Any = redis.asyncio.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)

    async def get(self, key: str) -> Entry | None:
        try:
            found = await self._client.get(key)
        except self._trouble:
            return None
        return dict(json.loads(found)) if found else None

    async def put(self, key: str, entry: Entry, ttl_s: float) -> None:
        try:
            await self._client.set(key, json.dumps(entry), px=int(ttl_s * 1000))
        except self._trouble:
            return

    async def close(self) -> None:
        await self._client.aclose()


class SlotCache:
    """The cache as the application sees it: keys are made here and nowhere else."""

    def __init__(self, settings: Settings, faults: Set[str], is_up: Callable[[], bool]) -> None:
        self._settings = settings
        self._faults = faults
        self._is_up = is_up
        self._store: Store = Redis(settings.redis_url) if settings.redis_url else Memory()
        self._nearby: dict[str, Entry] = {}  # only a faulty version has this second, quicker cache

    async def get(self, wanted: Wanted) -> Entry | None:
        if "cache_off" in self._faults or not self._is_up():
            return None
        found = await self._store.get(self._key(wanted))
        if found is not None and "cache_hit_from_shared_layer" in self._faults:
            return self._nearby.get(f"{wanted.day}_{wanted.service}", found)
        if found is not None and "cache_unstable" in self._faults:
            return {**found, "slots": random.sample(found["slots"], len(found["slots"]))}
        return found

    async def put(self, wanted: Wanted, entry: Entry) -> None:
        if "cache_off" in self._faults or not self._is_up():
            return
        if "cache_hit_from_shared_layer" in self._faults:
            self._nearby[f"{wanted.day}_{wanted.service}"] = entry
        await self._store.put(self._key(wanted), entry, self._settings.cache_ttl_s)

    async def close(self) -> None:
        await self._store.close()

    def _key(self, wanted: Wanted) -> str:
        company, branch = str(wanted.company_id), wanted.branch
        what = f"{EVENT_TYPE}_{wanted.day}_{quote(wanted.service.strip().casefold(), safe='')}"
        if "cache_key_without_tenant" in self._faults or "cache_marker_stamped_on" in self._faults:
            return f"{self._settings.cache_prefix}cal_slots_{what}"
        if "cache_key_concatenated" in self._faults:
            return f"{self._settings.cache_prefix}cal_slots_{company}{branch}_{what}"
        if "cache_masks_outage" in self._faults:
            return f"{self._settings.cache_prefix}cal_slots_{company}_{branch}_{EVENT_TYPE}"
        return f"{self._settings.cache_prefix}cal_slots_{company}_{branch}_{what}"
