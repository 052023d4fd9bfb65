"""This file is for the kind `tenant_cache_isolation`: a sound cache passes, and each way to share one is caught."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from probes.cache_keys import glob_of, key_regex
from probes.evidence.source import EvidenceError, KeySource
from probes.isolation import is_faster, unique_values
from probes.kinds.tenant_cache_isolation import TenantCacheIsolation
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.serving import Call, Said, outcome_of, serving

pytestmark = pytest.mark.anyio

REQUEST = {
    "method": "POST",
    "path": "/slots",
    "json": {"company": "{{tenant.id}}", "date": "{{unique.date}}", "staff": "{{tenant.staff}}"},
}
TENANTS = [{"id": 15, "staff": 0}, {"id": 20, "staff": 0}]
SIGN = {"header": "X-Cache", "matches": "(?i)hit"}
OPTIONS: dict[str, Any] = {
    "request": REQUEST,
    "tenants": TENANTS,
    "marker": "$.company_id",
    "what": "slots",
    "cached_when": SIGN,
}
KEYS = {"source": "cache", "pattern": "cache_*slots_{{tenant.id}}_*", "all": "cache_*slots_*"}


class Written(KeySource, source="written"):
    """Keys as the service under test wrote them; `broken` cannot be read."""

    broken: bool = False

    async def keys(self, pattern: str, limit: int = 10_000) -> frozenset[str]:
        if self.broken:
            raise EvidenceError("the cache of the test could not be read")
        regex = key_regex(pattern, {}, any_tenant=False)
        return frozenset(key for key in STORED if regex.fullmatch(key))


STORED: set[str] = set()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    STORED.clear()


@dataclass
class Service:
    """Slots of companies behind a cache; sound but for what a test changes."""

    key: Callable[[Any], str] = lambda d: f"cache_x_slots_{d['company']}_{d['staff']}_{d['date']}"
    stored_as: Callable[[Any], str] | None = None  # the key's name in the store, where it is another
    cache: dict[str, Any] = field(default_factory=dict)
    caching: bool = True
    leaky_context: bool = False
    show: Callable[[Any, Any, bool], Any] = lambda slots, asked, hit: slots
    sign: bool = True
    work_s: float = 0.0
    company: Any = None
    answer: Callable[[Any, int], Said | None] = lambda asked, count: None
    count: int = 0

    async def serve(self, call: Call) -> Said:
        asked, self.count = call.data, self.count + 1
        odd = self.answer(asked, self.count)
        if odd is not None:
            return odd
        self.company = asked["company"]  # where a leaky service keeps its tenant: one place for all requests
        key = self.key(asked)
        hit = self.caching and key in self.cache
        slots = self.cache[key] if hit else await self.look_up(asked)
        if self.caching and not hit:
            self.cache[key] = slots
            STORED.add((self.stored_as or self.key)(asked))
        return Said(self.show(slots, asked, hit), 200, (("X-Cache", "HIT" if hit else "MISS"),) if self.sign else ())

    async def look_up(self, asked: Any) -> Any:
        await asyncio.sleep(self.work_s or 0.005)  # the dependency; others are asked meanwhile
        company = self.company if self.leaky_context else asked["company"]
        return {"company_id": company, "slots": [f"{asked['date']}T{9 + int(company) % 7:02d}:00"]}


async def ask_about(service: Service, *, target: dict[str, Any] | None = None, **options: Any) -> Outcome:
    async with serving(service.serve) as url:
        probe = TenantCacheIsolation.model_validate({**OPTIONS, **options})
        return await outcome_of(probe, url, **{"evidence": {"cache": Written()}, **(target or {})})


def without_tenant(asked: Any) -> str:
    return f"cache_x_slots_{asked['date']}"


def echoing(slots: Any, asked: Any, hit: bool) -> Any:
    return {**slots, "company_id": asked["company"]}


async def test_a_sound_cache_passes_and_names_its_controls() -> None:
    outcome = await ask_about(Service(), keys=KEYS)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    names = {c.name for c in outcome.controls}
    assert names >= {"tenant 15 was really served from the cache", "tenant 20 was really served from the cache"}
    assert "the cache was cold at the start" in names


async def test_a_key_without_the_tenant_is_told_as_a_leak_from_the_cache() -> None:
    outcome = await ask_about(Service(key=without_tenant))
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith("tenant 20 was served tenant 15's slots from the cache (request 2 of 4, correlation id ")


async def test_a_shared_entry_that_is_relabelled_with_the_asked_tenant_is_caught_by_its_first_hit() -> None:
    """The marker is the request said back, so it looks right; only the hit at the first request tells."""
    outcome = await ask_about(Service(key=without_tenant, show=echoing))
    assert outcome.verdict is Verdict.FAIL
    assert "tenant 20's first request was served from the cache, which only tenant 15's request had filled" in outcome.sentence


async def test_a_shared_entry_that_is_relabelled_is_caught_by_comparing_too() -> None:
    outcome = await ask_about(Service(key=without_tenant, show=echoing), compare=["$.slots"])
    assert outcome.verdict is Verdict.FAIL
    assert "tenant 20 was served the same slots as tenant 15 from the cache" in outcome.sentence


async def test_context_that_leaks_between_concurrent_requests_is_caught_all_at_once() -> None:
    outcome = await ask_about(Service(leaky_context=True, work_s=0.02))
    assert outcome.verdict is Verdict.FAIL
    assert "all at once, round 1" in outcome.sentence and "was served tenant" in outcome.sentence
    in_turn = next(c for c in outcome.checks if c.name == "each tenant is served its own slots in turn")
    assert in_turn.verdict is Verdict.PASS


async def test_a_poisoned_entry_is_found_when_it_is_read_again() -> None:
    """The writer gets its own answer, and what it stored under its key is another's."""

    def own_when_fresh(slots: Any, asked: Any, hit: bool) -> Any:
        return slots if hit else {**slots, "company_id": asked["company"]}

    outcome = await ask_about(Service(leaky_context=True, work_s=0.02, show=own_when_fresh))
    assert outcome.verdict is Verdict.FAIL
    assert "slots from the cache (request" in outcome.sentence and "all at once again, round" in outcome.sentence


async def test_a_cache_that_is_off_is_inconclusive() -> None:
    outcome = await ask_about(Service(caching=False))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "none of tenant 15's" in outcome.sentence and "was seen to come from the cache" in outcome.sentence
    assert "header 'X-Cache'" in outcome.sentence


async def test_a_cache_of_one_tenant_only_is_inconclusive() -> None:
    async def serve(call: Call) -> Said:
        return await (service if call.data["company"] == 15 else uncached).serve(call)

    service, uncached = Service(), Service(caching=False)
    async with serving(serve) as url:
        outcome = await outcome_of(TenantCacheIsolation.model_validate(OPTIONS), url)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "none of tenant 20's" in outcome.sentence


async def test_an_answer_without_the_marker_fails() -> None:
    outcome = await ask_about(Service(show=lambda slots, asked, hit: {"slots": slots["slots"]}))
    assert outcome.verdict is Verdict.FAIL and "has no marker at $.company_id" in outcome.sentence


async def test_a_marker_that_is_missing_only_from_the_cache_fails() -> None:
    outcome = await ask_about(Service(show=lambda slots, asked, hit: {"slots": slots["slots"]} if hit else slots))
    assert outcome.verdict is Verdict.FAIL and "has no marker at $.company_id" in outcome.sentence


async def test_the_marker_is_compared_typed() -> None:
    as_text = Service(show=lambda slots, asked, hit: {**slots, "company_id": str(slots["company_id"])})
    outcome = await ask_about(as_text)
    assert outcome.verdict is Verdict.FAIL and "has '15' at $.company_id, where the scenario says 15" in outcome.sentence
    as_text.cache.clear()
    texts = [{"id": 15, "marker": "15", "staff": 0}, {"id": 20, "marker": "20", "staff": 0}]
    assert (await ask_about(as_text, tenants=texts)).verdict is Verdict.PASS


async def test_every_marker_that_the_path_selects_counts() -> None:
    mixed = Service(show=lambda slots, asked, hit: {"rows": [{"c": asked["company"]}, {"c": 15}]})
    outcome = await ask_about(mixed, marker="$.rows[*].c")
    assert outcome.verdict is Verdict.FAIL and "tenant 20 was served tenant 15's slots" in outcome.sentence


async def test_a_marker_of_nobody_fails() -> None:
    outcome = await ask_about(Service(show=lambda slots, asked, hit: {**slots, "company_id": 33}))
    assert outcome.verdict is Verdict.FAIL and "has 33 at $.company_id, where the scenario says 15" in outcome.sentence


@pytest.mark.parametrize("marker", ["$.company_id", None], ids=["by marker", "by difference"])
async def test_a_service_that_ignores_the_tenant_never_passes(marker: str | None) -> None:
    fixed = {"company_id": 15, "slots": ["2026-12-01T10:00"]}
    outcome = await ask_about(Service(show=lambda slots, asked, hit: fixed), marker=marker)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence


async def test_a_service_that_ignores_the_tenant_but_says_it_back_is_inconclusive_without_a_marker() -> None:
    service = Service(show=lambda slots, asked, hit: {"asked_for": f"company-{asked['company']}", "slots": ["10:00"]})
    tenants = [{"id": n, "staff": 0, "ref": f"company-{n}"} for n in (15, 20)]
    outcome = await ask_about(service, tenants=tenants, marker=None)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "differ only in values that the requests themselves carried" in outcome.sentence


async def test_answers_with_nothing_to_compare_are_inconclusive() -> None:
    service = Service(show=lambda slots, asked, hit: {"slots": []})
    outcome = await ask_about(service, marker=None, compare=["$.slots"])
    assert outcome.verdict is Verdict.INCONCLUSIVE and "are empty where they are compared" in outcome.sentence


async def test_a_time_in_the_answer_is_no_difference_between_tenants() -> None:
    """Without the rule of stable answers a clock in the body would make everybody's answers differ."""
    service = Service(show=lambda slots, asked, hit: {"slots": ["10:00"], "at": time.monotonic_ns()})
    outcome = await ask_about(service, marker=None)
    assert outcome.verdict is Verdict.FAIL and "$.at differs" in outcome.sentence
    outcome = await ask_about(service, marker=None, volatile=["$.at"])
    assert outcome.verdict is Verdict.FAIL and "tenant 20 was served the same slots as tenant 15" in outcome.sentence


async def test_without_a_marker_a_sound_service_passes_and_a_shared_key_fails() -> None:
    assert (await ask_about(Service(), marker=None)).verdict is Verdict.PASS
    outcome = await ask_about(Service(key=without_tenant), marker=None)
    assert outcome.verdict is Verdict.FAIL and "was served the same slots as tenant 15 from the cache" in outcome.sentence


async def test_an_answer_that_changes_within_a_tenant_fails_with_the_place() -> None:
    service = Service(show=lambda slots, asked, hit: {**slots, "slots": ["other"] if hit else slots["slots"]})
    outcome = await ask_about(service)
    assert outcome.verdict is Verdict.FAIL
    assert "tenant 15 was given two different answers to the same request: $.slots[0] differs" in outcome.sentence
    assert (await ask_about(service, stable=["$.company_id"])).verdict is Verdict.PASS


async def test_a_json_sign_counts_as_cached_when_it_is_not_null_and_may_change() -> None:
    service = Service(sign=False, show=lambda slots, asked, hit: {**slots, "cached_at": time.time() if hit else None})
    outcome = await ask_about(service, cached_when={"json": "$.cached_at", "exists": True})
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    service = Service(sign=False, caching=False, show=lambda slots, asked, hit: {**slots, "cached_at": None})
    outcome = await ask_about(service, cached_when={"json": "$.cached_at", "exists": True})
    assert outcome.verdict is Verdict.INCONCLUSIVE


async def test_one_of_several_signs_is_enough() -> None:
    outcome = await ask_about(Service(), cached_when=[{"json": "$.cached_at"}, SIGN])
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_cache_that_is_never_cold_is_inconclusive() -> None:
    """It does not tell the dates apart, so the first request of a fresh date is a hit already."""
    service = Service(key=lambda d: f"cache_x_slots_{d['company']}_", show=lambda s, a, hit: {"company_id": s["company_id"]})
    await ask_about(service)
    outcome = await ask_about(service)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "which nobody sent before, was answered from the cache" in outcome.sentence


async def test_a_date_that_is_warm_by_chance_is_drawn_anew() -> None:
    warm: list[str] = []
    service = Service()

    def warmed(asked: Any, count: int) -> Said | None:
        if count == 1:
            warm.append(asked["date"])
            slots = {"company_id": 15, "slots": [f"{asked['date']}T10:00"]}
            service.cache[service.key(asked)] = slots
        return None

    service.answer = warmed
    outcome = await ask_about(service)
    assert warm and outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_request_that_is_the_same_in_every_run_is_noted() -> None:
    request = {"method": "POST", "path": "/", "json": {"company": "{{tenant.id}}", "date": "2026-12-01", "staff": 0}}
    outcome = await ask_about(Service(), request=request)
    assert outcome.verdict is Verdict.PASS
    assert any("same in every run" in c.say for c in outcome.checks if c.verdict is Verdict.SKIPPED)


COLLIDING = {
    "tenants": [{"id": 1, "staff": 7}, {"id": 15, "staff": 8}],
    "colliding": [{"tenant": 1, "staff": 50}, {"tenant": 15, "staff": 0}],
}


async def test_tenant_and_field_that_collide_when_joined_are_caught_only_by_the_pairs_given() -> None:
    def joined(d: Any) -> str:
        return f"cache_x_slots_{d['company']}{d['staff']}_{d['date']}"

    outcome = await ask_about(Service(key=joined), **COLLIDING)
    assert outcome.verdict is Verdict.FAIL
    assert "served tenant 1's slots from the cache (request 2 of 4 where tenant and field collide, correl" in outcome.sentence
    assert (await ask_about(Service(), **COLLIDING)).verdict is Verdict.PASS
    assert (await ask_about(Service(key=joined), **{**COLLIDING, "colliding": []})).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(Said({}, 500), "was answered HTTP 500", id="500"),
        pytest.param(Said({}, 404), "was answered HTTP 404", id="404"),
        pytest.param(Said(b"<html>busy</html>"), "was answered without JSON", id="HTML"),
        pytest.param(Said(b""), "was answered without JSON", id="empty"),
    ],
)
async def test_one_answer_that_is_none_fails(answer: Said, sentence: str) -> None:
    outcome = await ask_about(Service(answer=lambda asked, count: answer if count == 3 else None))
    assert outcome.verdict is Verdict.FAIL
    assert sentence in outcome.sentence and "(request 3 of 4, correlation id" in outcome.sentence


async def test_a_target_that_serves_nobody_fails() -> None:
    outcome = await ask_about(Service(answer=lambda asked, count: Said({}, 401)))
    assert outcome.verdict is Verdict.FAIL and "tenant 15 was answered HTTP 401 (request 1 of 4" in outcome.sentence


async def test_a_target_that_hangs_up_fails() -> None:
    def cut(asked: Any, count: int) -> Said | None:
        raise ConnectionResetError

    outcome = await ask_about(Service(answer=cut))
    assert outcome.verdict is Verdict.FAIL and "tenant 15 got no answer" in outcome.sentence


async def test_a_key_without_a_tenants_id_fails_though_the_answers_are_right() -> None:
    service = Service(stored_as=without_tenant)
    outcome = await ask_about(service, keys=KEYS)
    assert outcome.verdict is Verdict.FAIL
    assert "bears the id of none of the tenants 15 and 20, so that tenants can share the entry" in outcome.sentence


async def test_a_key_of_two_tenants_fails() -> None:
    service = Service(stored_as=lambda d: f"cache_x_slots_15_slots_20_{d['date']}")
    outcome = await ask_about(service, keys=KEYS)
    assert outcome.verdict is Verdict.FAIL and "bears the ids of tenants 15 and 20 at once" in outcome.sentence


async def test_keys_that_were_there_before_are_not_judged() -> None:
    STORED.add("cache_x_slots_of_somebody")
    assert (await ask_about(Service(), keys=KEYS)).verdict is Verdict.PASS


async def test_keys_that_do_not_appear_are_inconclusive() -> None:
    outcome = await ask_about(Service(stored_as=lambda d: "elsewhere"), keys=KEYS)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "no key like 'cache_*slots_*' appeared" in outcome.sentence


async def test_other_peoples_keys_are_left_out_where_the_pattern_names_the_unique_date() -> None:
    def with_strangers(d: Any) -> str:
        STORED.add("cache_x_slots_33_0_2020-01-01")
        return f"cache_x_slots_{d['company']}_{d['staff']}_{d['date']}"

    dated = {"pattern": "cache_*slots_{{tenant.id}}_*{{unique.date}}", "all": "cache_*slots_*{{unique.date}}"}
    assert (await ask_about(Service(stored_as=with_strangers), keys=KEYS)).verdict is Verdict.FAIL
    assert (await ask_about(Service(stored_as=with_strangers), keys={**KEYS, **dated})).verdict is Verdict.PASS
    outcome = await ask_about(Service(stored_as=without_tenant), keys={**KEYS, **dated})
    assert outcome.verdict is Verdict.FAIL and "bears the id of none" in outcome.sentence


@pytest.mark.parametrize("as_sign", [True, False], ids=["as a sign", "as keys"])
async def test_keys_that_appear_prove_that_the_cache_is_at_work(as_sign: bool) -> None:
    sign = {"cached_when": {"keys": "cache", "pattern": KEYS["pattern"]}} if as_sign else {"cached_when": [], "keys": KEYS}
    outcome = await ask_about(Service(sign=False), **sign)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    outcome = await ask_about(Service(sign=False, caching=False), **sign)
    assert outcome.verdict is Verdict.INCONCLUSIVE


async def test_a_key_source_that_cannot_be_read_is_our_error() -> None:
    outcome = await ask_about(Service(), keys=KEYS, target={"evidence": {"cache": Written(broken=True)}})
    assert outcome.verdict is Verdict.ERROR and "the cache of the test could not be read" in outcome.sentence


async def test_a_key_source_that_the_target_lacks_is_inconclusive() -> None:
    outcome = await ask_about(Service(), keys={**KEYS, "source": "cach"})
    assert outcome.verdict is Verdict.INCONCLUSIVE and "has no source of cache keys 'cach'" in outcome.sentence


async def test_answers_that_are_much_faster_the_second_time_prove_the_cache() -> None:
    options = {"cached_when": {"faster_by": 2}, "concurrent_rounds": 1}
    outcome = await ask_about(Service(sign=False, work_s=0.08), **options)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    outcome = await ask_about(Service(sign=False, caching=False, work_s=0.02), **options)
    assert outcome.verdict is Verdict.INCONCLUSIVE


async def test_what_was_not_tried_is_noted() -> None:
    outcome = await ask_about(Service(), concurrent_rounds=0)
    assert any("concurrent_rounds is 0" in c.say for c in outcome.checks)
    outcome = await ask_about(Service(), target={"concurrency": 1})
    assert any("the target's concurrency is 1" in c.say for c in outcome.checks)


@pytest.fixture
async def redis_prefix(redis_url: str) -> AsyncIterator[str]:
    from redis.asyncio import Redis as Client

    mine = f"vedette-test-{uuid.uuid4().hex}_"
    client = Client.from_url(redis_url)
    try:
        yield mine
    finally:
        keys = [key async for key in client.scan_iter(match=f"{mine}*")]
        if keys:
            await client.delete(*keys)
        await client.aclose()


@pytest.mark.parametrize("with_tenant", [True, False])
async def test_the_keys_of_a_real_redis_are_judged(redis_url: str, redis_prefix: str, with_tenant: bool) -> None:
    from redis.asyncio import Redis as Client

    client = Client.from_url(redis_url)

    async def serve(call: Call) -> Said:
        company, day = call.data["company"], call.data["date"]
        key = f"{redis_prefix}cal_slots_{company}_0_{day}" if with_tenant else f"{redis_prefix}cal_slots_0_{day}"
        kept = await client.get(key)
        slots = json.loads(kept) if kept else {"slots": [f"{day}T10:00"]}
        await client.set(key, json.dumps(slots), ex=60)
        return Said({**slots, "company_id": company})

    keys = {"source": "cache", "pattern": f"{redis_prefix}*cal_slots_{{{{tenant.id}}}}_*", "all": f"{redis_prefix}*cal_slots_*"}
    probe = TenantCacheIsolation.model_validate({**OPTIONS, "cached_when": [], "keys": keys})
    from probes.evidence.redis import Redis

    try:
        async with serving(serve) as url:
            outcome = await outcome_of(probe, url, evidence={"cache": Redis(url=redis_url)})
    finally:
        await client.aclose()
    assert outcome.verdict is (Verdict.PASS if with_tenant else Verdict.FAIL), outcome.sentence
    assert with_tenant or "bears the id of none of the tenants 15 and 20" in outcome.sentence


@pytest.mark.parametrize(
    ("pattern", "key", "belongs"),
    [
        ("*slots_{{tenant.id}}_*", "a_slots_15_0", True),
        ("*slots_{{tenant.id}}_*", "a_slots_150_0", False),
        ("*{{tenant.id}}*", "a_slots_15", True),
        ("*{{tenant.id}}*", "a_slots_150", False),
        ("*{{tenant.id}}*", "a_slots_x15", False),
        ("t{{tenant.id}}:*", "t15:slots", True),
        ("[ab]?{{tenant.id}}", "b:15", True),
        (r"a\*{{tenant.id}}", "a*15", True),
        (r"a\*{{tenant.id}}", "aa15", False),
    ],
)
def test_a_key_belongs_to_a_tenant_whose_id_is_delimited(pattern: str, key: str, belongs: bool) -> None:
    regex = key_regex(pattern, {"tenant": {"id": 15}}, any_tenant=False)
    assert bool(regex.fullmatch(key)) is belongs


@pytest.mark.parametrize(("key", "belongs"), [("slots_m_0", True), ("slots_mün_0", False), ("slots_üm", False)])
def test_letters_beyond_ascii_are_part_of_an_id_too(key: str, belongs: bool) -> None:
    regex = key_regex("*{{tenant.id}}*", {"tenant": {"id": "m"}}, any_tenant=False)
    assert bool(regex.fullmatch(key)) is belongs


def test_the_glob_for_the_store_has_stars_for_what_differs_and_quotes_the_rest() -> None:
    values = {"vars": {"prefix": "a*b[c]"}}
    assert glob_of("{{vars.prefix}}:*{{tenant.id}}*{{unique.date}}", values) == r"a\*b\[c\]:*"


@pytest.mark.parametrize("nonce", ["000000000000", "0123456789ab", "ffffffffffff"])
def test_unique_dates_are_weekdays_30_to_400_days_ahead_and_differ_by_draw(nonce: str) -> None:
    today = date(2026, 11, 21)
    drawn = [date.fromisoformat(unique_values(nonce, n, today)["date"]) for n in range(100)]
    assert len(set(drawn)) == 100
    assert all(day.weekday() < 5 and 30 <= (day - today).days <= 400 for day in drawn)
    assert len({unique_values(nonce, n, today)["id"] for n in range(100)}) == 100


@pytest.mark.parametrize(
    ("cold", "warm", "faster"),
    [
        pytest.param([0.1] * 7, [0.01] * 7, True, id="clearly"),
        pytest.param([0.1] * 6 + [0.005], [0.01] * 6 + [0.5], True, id="with an outlier each"),
        pytest.param([0.1] * 7, [0.09] * 7, False, id="by too little"),
        pytest.param([0.1, 0.1, 0.1, 0.1, 0.005, 0.005, 0.005], [0.01] * 7, False, id="overlapping"),
        pytest.param([0.1] * 4, [0.01] * 4, False, id="too few"),
    ],
)
def test_faster_means_beyond_noise(cold: list[float], warm: list[float], faster: bool) -> None:
    assert is_faster(cold, warm, 2) is faster


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        pytest.param({"tenants": TENANTS[:1]}, "at least 2 items", id="one tenant"),
        pytest.param({"tenants": [TENANTS[0], TENANTS[0]]}, "the same id", id="one id"),
        pytest.param({"tenants": [{"id": 1, "marker": 5}, {"id": 2, "marker": 5}]}, "the same marker", id="one marker"),
        pytest.param({"request": {"path": "/{{unique.id}}"}}, "should hold {{tenant.…}}", id="no tenant in the request"),
        pytest.param({"cached_when": []}, "give 'cached_when' or 'keys'", id="no sign"),
        pytest.param({"cached_when": {"header": "X", "json": "$.x"}}, "give one of", id="two signs in one"),
        pytest.param({"cached_when": {"header": "X", "matches": "("}}, "is not a regular expression", id="bad regex"),
        pytest.param({"marker": "company_id"}, "is not a JSONPath", id="bad path"),
        pytest.param({"volatile": ["$..at"]}, "should be a path of names", id="bad volatile"),
        pytest.param({"keys": {"source": "cache", "pattern": "slots_*"}}, "should hold {{tenant.id}}", id="pattern for all"),
        pytest.param({"colliding": [{"tenant": 3}]}, "names tenant '3'", id="unknown tenant"),
    ],
)
def test_options_that_could_prove_nothing_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TenantCacheIsolation.model_validate({**OPTIONS, **wrong})
    assert sentence in str(caught.value)
