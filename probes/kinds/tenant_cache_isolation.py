"""This file is for asking whether tenants ever share a cache entry."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from probes.cache_keys import KeyWatch, judge_keys, key_regex, keys_seen, owners
from probes.dangers import Danger
from probes.documents import is_plain, steps
from probes.expect import JsonPath
from probes.isolation import (
    Asker,
    Seen,
    is_faster,
    judge_cold,
    judge_different,
    judge_markers,
    judge_served,
    judge_stable,
    look,
    picked,
    unique_values,
)
from probes.operators import same
from probes.outcome import Check, Json, control, note
from probes.probe import Probe
from probes.request import RequestTemplate, fill, names_in
from probes.session import Answer, Session, TargetError
from probes.tenancy import CachedWhen, Colliding, Keys, Tenant, one_or_many

_TRIES = 3  # of a cold start, each with other unique values
_SPEED_SAMPLES = 7


class TenantCacheIsolation(Probe, kind="tenant_cache_isolation", dangers={Danger.CROSS_TENANT_LEAK, Danger.SERVER_ERRORS}):
    """Ask the same, cold, for each tenant in turn and twice over, then for all at once, and see whose answers come back.

    With `marker` each answer must carry its own tenant's value; without it the tenants' answers must differ.
    Control: at least one answer of each tenant was really served from the cache.
    """

    request: RequestTemplate  # with {{tenant.…}}, and {{unique.date}} or {{unique.id}} so that the cache starts cold
    tenants: tuple[Tenant, ...] = Field(min_length=2)  # who asks, in turn and at once
    what: str = "answer"  # what tenants get, for the sentence: slots
    marker: JsonPath | None = None  # every value here must equal the tenant's own marker, typed
    compare: tuple[JsonPath, ...] | None = None  # what must differ between tenants; default without `marker`: everything
    stable: tuple[JsonPath, ...] = ()  # what must stay the same within a tenant; default: everything but `volatile`
    volatile: tuple[str, ...] = ()  # plain paths (with [*]) of what may change by itself
    concurrent_rounds: NonNegativeInt = 3  # in each, all tenants ask at once: cold, then once more
    requests_each: PositiveInt = 3  # of a tenant in one round
    # signs by which an answer from the cache is known, for the control
    cached_when: Annotated[tuple[CachedWhen, ...], BeforeValidator(one_or_many)] = ()
    keys: Keys | None = None  # where the names of cache keys are read, if they can be
    colliding: tuple[Colliding, ...] = ()  # entries of tenants and fields that collide when they are written together

    @field_validator("volatile")
    @classmethod
    def _plain(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            steps(path)
        return value

    @model_validator(mode="after")
    def _can_decide(self) -> TenantCacheIsolation:
        used = names_in(self.request.model_dump_json(by_alias=True))
        if not any(name.startswith("tenant.") for name in used):
            raise ValueError("'request' should hold {{tenant.…}}, else all tenants send one and the same request")
        names = [tenant.name for tenant in self.tenants]
        if len(set(names)) < len(names):
            raise ValueError("two tenants have the same id")
        if self.marker is not None:
            own = [t.own_marker for t in self.tenants]
            if any(same(a, b) for i, a in enumerate(own) for b in own[:i]):
                raise ValueError("two tenants have the same marker, so a leak between them could not be seen")
        if not self.cached_when and self.keys is None:
            raise ValueError("give 'cached_when' or 'keys': a pass needs to know that the cache was at work")
        for entry in self.colliding:
            if str(entry.tenant) not in names:
                raise ValueError(f"'colliding' names tenant '{entry.tenant}', who is not among the tenants")
        return self

    def variables(self) -> frozenset[str]:
        """Return the names that this kind fills."""
        return frozenset({"tenant.", "unique."})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Ask in turn, at once and colliding; judge the answers, the keys, and whether the cache was at work."""
        talk = _Talk(self, session, KeyWatch(session, self._watched), session.now().date())
        await talk.keys.look()
        for made in await self._in_turn(talk, talk.askers(), "in turn"):
            yield made
        for made in await self._at_once(talk):
            yield made
        if self.colliding:
            for made in await self._in_turn(talk, talk.colliding(), "where tenant and field collide"):
                yield made
        yield judge_stable(talk.seen, picked(self.stable, self._volatile))
        owned = talk.owned()
        if self.keys is not None:
            keys_check = judge_keys(owned, [tenant.name for tenant in self.tenants])
            missing = f"no key like '{self.keys.all or self.keys.pattern}' appeared, so the keys could not be judged"
            yield keys_check or control("cache keys appeared", holds=False, say=missing)
        for made in await self._cached(talk, owned):
            yield made

    async def _in_turn(self, talk: _Talk, askers: list[Asker], how: str) -> list[Check]:
        """Ask A, B, A, B. A try whose first answers are not all cold is begun anew with other unique values."""
        began, tries = len(talk.seen), []
        for attempt in range(_TRIES if talk.draws_differ else 1):
            talk.draw += 1
            tries.append(await talk.one_by_one(askers, how, 0, attempt))
            if not any(seen.cached for seen in tries[-1]):
                break
        await talk.one_by_one(askers, how, 1, len(tries) - 1)
        await talk.keys.look()
        mine = talk.seen[began:]
        return [judge_served(mine), *self._judge(mine, askers, how), *judge_cold(tries, fresh=talk.is_fresh)]

    async def _at_once(self, talk: _Talk) -> list[Check]:
        name = "tenants that ask at once do not get each other's answers"
        if not self.concurrent_rounds:
            return [note(name, "not tried: concurrent_rounds is 0")]
        if talk.session.target.concurrency < 2:
            return [note(name, "not tried: the target's concurrency is 1")]
        began = len(talk.seen)
        for turn in range(1, self.concurrent_rounds + 1):
            talk.draw += 1
            await talk.together(f"all at once, round {turn}")
            await talk.together(f"all at once again, round {turn}")
        await talk.keys.look()
        mine = talk.seen[began:]
        return [judge_served(mine), *self._judge(mine, talk.askers(), "all at once")]

    def _judge(self, seen: list[Seen], askers: list[Asker], how: str) -> Iterator[Check]:
        if self.marker is not None:
            yield judge_markers(seen, askers, self.marker, self.what, how)
        if self.marker is None or self.compare is not None:
            yield from judge_different(seen, picked(self.compare or (), self._volatile), self.what)

    @property
    def _volatile(self) -> tuple[str, ...]:
        """What may change by itself: what the scenario says, and what tells a cached answer from a cold one."""
        signs = [sign.json_path for sign in self.cached_when if sign.json_path is not None]
        return (*self.volatile, *(path for path in signs if is_plain(path)))

    @property
    def _watched(self) -> list[tuple[str, str]]:
        keys, signs = self.keys, self.cached_when
        own = [(keys.source, text) for text in (keys.all or keys.pattern, keys.pattern)] if keys else []
        return list(dict.fromkeys([*own, *((s.keys, s.pattern) for s in signs if s.keys is not None and s.pattern is not None)]))

    async def _cached(self, talk: _Talk, owned: Mapping[str, list[str]]) -> list[Check]:
        made = []
        for asker in talk.askers():
            proof = self._proof(talk, asker.tenant, owned)
            if not proof:
                proof = await self._speed(talk, asker)
            sent = sum(seen.asker.tenant == asker.tenant for seen in talk.seen)
            looked = "; ".join(sign.describe() for sign in self.cached_when) or "keys"
            say = (
                f"none of tenant {asker.tenant}'s {sent} answers was seen to come from the cache, so isolation was not tested "
                f"(looked at: {looked})"
            )
            evidence = [keys_seen(owned)] if owned else []
            made.append(control(f"tenant {asker.tenant} was really served from the cache", holds=bool(proof),
                                expected="at least one cached answer", observed=proof, say=say, evidence=evidence))  # fmt: skip
        return made

    def _proof(self, talk: _Talk, tenant: str, owned: Mapping[str, list[str]]) -> str:
        hits = sum(seen.asker.tenant == tenant and seen.cached is True for seen in talk.seen)
        if hits:
            return f"{hits} answers from the cache"
        keys = [key for key, who in owned.items() if tenant in who] if self.keys else []
        keys += talk.own_keys(tenant)
        return f"{len(keys)} keys appeared" if keys else ""

    async def _speed(self, talk: _Talk, asker: Asker) -> str:
        ratio = next((sign.faster_by for sign in self.cached_when if sign.faster_by is not None), None)
        if ratio is None or not talk.draws_differ:
            return ""
        cold: list[float] = []
        warm: list[float] = []
        for _ in range(_SPEED_SAMPLES):
            talk.draw += 1
            for samples in (cold, warm):
                seen = await talk.one(asker, "measuring the speed")
                if isinstance(seen.answer, Answer) and not seen.trouble:
                    samples.append(seen.answer.phases.first_byte_s or seen.answer.duration_s)
        return f"warm answers are faster by {ratio:g} and more" if is_faster(cold, warm, ratio) else ""


@dataclass
class _Talk:
    """One run's talk: the draw of unique values we are at, what was seen, and which keys appeared."""

    probe: TenantCacheIsolation
    session: Session
    keys: KeyWatch
    today: date  # of the run's begin: a draw must mean the same after midnight
    draw: int = -1
    seen: list[Seen] = field(default_factory=list)

    def _values(self, draw: int, **more: Any) -> MutableMapping[str, Any]:
        unique = unique_values(self.session.nonce, max(draw, 0), self.today)
        return ChainMap({"unique": unique, **more}, cast(MutableMapping[str, Any], self.session.values))

    @property
    def _names(self) -> list[str]:
        texts = [self.probe.request.model_dump_json(by_alias=True), *(t.model_dump_json() for t in self.probe.tenants)]
        return [name for text in texts for name in names_in(text)]

    @property
    def draws_differ(self) -> bool:
        return any(name.startswith("unique.") for name in self._names)

    @property
    def is_fresh(self) -> bool:
        return self.draws_differ or not {"nonce", "run_id"}.isdisjoint(self._names)

    def askers(self) -> list[Asker]:
        return [self._asker(tenant, {}, 0) for tenant in self.probe.tenants]

    def colliding(self) -> list[Asker]:
        by_name = {tenant.name: tenant for tenant in self.probe.tenants}
        entries = enumerate(self.probe.colliding, 1)
        return [self._asker(by_name[str(e.tenant)], dict(e.model_extra or {}), place) for place, e in entries]

    def _asker(self, tenant: Tenant, more: Mapping[str, Any], place: int) -> Asker:
        values = {**(tenant.model_extra or {}), "id": tenant.id, "marker": tenant.own_marker, **more}
        return Asker(tenant.name, tenant.own_marker, values, place)

    def _filled(self, asker: Asker) -> Asker:
        values = fill(asker.values, self._values(self.draw, tenant=asker.values))
        return Asker(asker.tenant, asker.marker, values, asker.place)

    async def one(self, asker: Asker, label: str) -> Seen:
        filled = self._filled(asker)
        self.session.doing = f"asking for tenant {asker.tenant}"
        answer: Answer | TargetError
        try:
            answer = await self.session.send(self.probe.request, self._values(self.draw, tenant=filled.values))
        except TargetError as problem:
            answer = problem
        return self._keep(filled, label, answer)

    async def one_by_one(self, askers: list[Asker], how: str, turn: int, attempt: int) -> list[Seen]:
        again = f", try {attempt + 1}" if attempt else ""
        beside = "" if how == "in turn" else f" {how}"
        total = 2 * len(askers)
        numbered = enumerate(askers, 1 + turn * len(askers))
        return [await self.one(asker, f"request {n} of {total}{beside}{again}") for n, asker in numbered]

    async def together(self, how: str) -> None:
        askers = [self._filled(asker) for asker in self.askers()] * self.probe.requests_each
        self.session.doing = "asking for all tenants at once"
        answers = await self.session.burst(
            [(self.probe.request, self._values(self.draw, tenant=asker.values)) for asker in askers]
        )
        for number, (asker, answer) in enumerate(zip(askers, answers, strict=True), 1):
            self._keep(asker, f"request {number} of {len(askers)} {how}", answer)

    def _keep(self, asker: Asker, label: str, answer: Answer | TargetError) -> Seen:
        self.seen.append(look(asker, self.draw, label, answer, self._sign))
        return self.seen[-1]

    def _sign(self, answer: Answer, document: Json) -> bool | None:
        signs = [sign for sign in self.probe.cached_when if sign.in_answer]
        return any(sign.says(answer, document) for sign in signs) if signs else None

    def owned(self) -> dict[str, list[str]]:
        """Return for each key of the scenario's `keys` that appeared whose it is."""
        keys = self.probe.keys
        if keys is None:
            return {}
        new = self.keys.appeared(keys.source, keys.all or keys.pattern) | self.keys.appeared(keys.source, keys.pattern)
        overall = self._regexes(keys.all or keys.pattern, None) + self._regexes(keys.pattern, None)
        return owners(new, {a.tenant: self._regexes(keys.pattern, a) for a in self.askers()}, overall)

    def own_keys(self, tenant: str) -> list[str]:
        """Return the keys that appeared for a tenant by the patterns of `cached_when`."""
        asker = next(a for a in self.askers() if a.tenant == tenant)
        return [
            key
            for sign in self.probe.cached_when
            if sign.keys is not None and sign.pattern is not None
            for key in self.keys.appeared(sign.keys, sign.pattern)
            if any(regex.fullmatch(key) for regex in self._regexes(sign.pattern, asker))
        ]

    def _regexes(self, text: str, asker: Asker | None) -> list[re.Pattern[str]]:
        draws = range(self.draw + 1) if "unique." in text else range(1)
        values = {} if asker is None else asker.values
        return [key_regex(text, self._values(draw, tenant=values), any_tenant=asker is None) for draw in draws]
