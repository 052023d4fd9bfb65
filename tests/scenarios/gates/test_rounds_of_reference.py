"""This file is for testing rounds against two reference targets: one sound, the other broken, misrouted, or behind a proxy."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.dangers import Danger
from probes.evidence.log_file import LogFile
from scenarios.gates.records import RoundSeen, Seat
from scenarios.gates.rounds import Rounds
from scenarios.gates.sides import Sides, both
from scenarios.loader import load_suite
from tests.scenarios.gates.sides_making import a_policy
from vedette.reference.proxy import Proxy
from vedette.reference.settings import Settings
from vedette.reference.target import ReferenceTarget

pytestmark = pytest.mark.anyio
TOKEN = "token-of-this-test"
CACHE, LIMIT = "tenants never share a cache entry", "a caller that asks too much is held back"
API, PRIVACY = "free appointments are offered", "no personal data reaches the log"
BREAKER = "the circuit breaker opens and recovers"


@asynccontextmanager
async def targets(folder: Path, *faults: str, version: str = "2") -> AsyncIterator[tuple[str, str]]:
    """Run a canary with these faults and a sound baseline, which write to one log, and give their addresses."""
    log = folder / "app.log"
    canary = ReferenceTarget(faults, log_path=log, settings=Settings(control_token=TOKEN, version=version))
    baseline = ReferenceTarget(log_path=log, settings=Settings(control_token=TOKEN, version="1"))
    async with canary.running() as new, baseline.running() as old:
        yield new, old


def sides_at(url: str, folder: Path, *names: str, more: Mapping[str, LogFile] | None = None, **policy: Any) -> Sides:
    """Return the sides as the policy has them; a round asks these scenarios of the demo's."""
    environ = {"VEDETTE_DEMO_URL": url, "VEDETTE_DEMO_LOG": str(folder / "app.log"), "VEDETTE_REFERENCE_TOKEN": TOKEN}
    suite = load_suite("demo", environ=environ)
    chosen = tuple(s.model_copy(update={"tags": ("round",)}) for s in suite.scenarios if s.name in names)
    target = suite.targets["reference"]
    target = target.model_copy(update={"evidence": {**target.evidence, **(more or {})}})
    suite = suite.model_copy(update={"scenarios": chosen, "targets": {"reference": target}})
    return both(suite, a_policy(target="reference", tags=["round"], **policy))


async def asked(sides: Sides) -> RoundSeen:
    return await Rounds(sides, rng=random.Random(1)).ask(0.0)


async def test_two_sound_sides_prove_everything_faults_and_bursts_among_it(tmp_path: Path) -> None:
    async with targets(tmp_path) as (new, old):
        seen = await asked(sides_at(old, tmp_path, CACHE, LIMIT, BREAKER, canary={"version": "2", "base_url": new}))
    assert {CACHE, LIMIT, BREAKER} == set(seen.canary.scenarios) == set(seen.baseline.scenarios)
    for side in (seen.canary, seen.baseline):
        assert {name: (one.seat, one.say) for name, one in side.scenarios.items() if one.seat is not Seat.GOOD} == {}
        assert all(one.armed and not one.dangers for one in side.scenarios.values())
        assert side.right > 100 and not side.wrong and not side.unmarked and not side.unreachable


@pytest.mark.parametrize(
    ("fault", "scenario", "danger"),
    [
        pytest.param("cache_key_without_tenant", CACHE, "cross_tenant_leak", id="leak"),
        pytest.param("breaker_open_at_start", BREAKER, "breaker_stuck_open", id="breaker"),
    ],
)
async def test_a_broken_canary_tells_of_its_danger_while_the_baseline_is_sound(
    fault: str, scenario: str, danger: str, tmp_path: Path
) -> None:
    async with targets(tmp_path, fault) as (new, old):
        seen = await asked(sides_at(old, tmp_path, scenario, canary={"version": "2", "base_url": new}))
    broken, sound = seen.canary.scenarios[scenario], seen.baseline.scenarios[scenario]
    assert (broken.seat, broken.dangers, broken.armed) == (Seat.BAD, (danger,), True)
    assert (sound.seat, sound.dangers, sound.armed) == (Seat.GOOD, (), True)


@pytest.mark.parametrize(("version", "counts"), [("1", (0, True, 0)), ("", (0, 0, True))], ids=["wrong", "unmarked"])
async def test_a_canary_that_is_another_version_or_says_none_proves_nothing(
    version: str, counts: tuple[int, int, int], tmp_path: Path
) -> None:
    async with targets(tmp_path, version=version) as (new, old):
        seen = (await asked(sides_at(old, tmp_path, API, canary={"version": "2", "base_url": new}))).canary
    assert (seen.right, bool(seen.wrong), bool(seen.unmarked)) == (counts[0], bool(counts[1]), bool(counts[2]))
    assert seen.said_versions == (("1",) if version else ())


async def test_both_sides_behind_one_proxy_are_reached_by_a_header_and_without_it_they_are_found_out(tmp_path: Path) -> None:
    def chosen(way: str, version: str) -> dict[str, Any]:
        return {"version": version, "headers": {"X-Route": way}}

    async with targets(tmp_path) as (new, old), Proxy(new, old, weight=50).running() as (url, _):
        routed = sides_at(url, tmp_path, API, canary=chosen("canary", "2"), baseline=chosen("baseline", "1"))
        seen = await asked(routed)
        mixed = sides_at(url, tmp_path, API, canary={"version": "2", "headers": {"X-Other": "1"}})
        by_weight = await asked(mixed)
    assert [bool(n) for n in (seen.canary.right, seen.canary.wrong, seen.baseline.right, seen.baseline.wrong)] == [
        True,
        False,
    ] * 2
    assert all(one.seat is Seat.GOOD for side in (seen.canary, seen.baseline) for one in side.scenarios.values())
    assert by_weight.canary.wrong and by_weight.baseline.wrong


async def test_each_side_has_its_own_log_where_the_policy_says_so(tmp_path: Path) -> None:
    leaky = ReferenceTarget(["log_email_raw"], log_path=tmp_path / "new.log", settings=Settings(control_token=TOKEN, version="2"))
    sound = ReferenceTarget(log_path=tmp_path / "app.log", settings=Settings(control_token=TOKEN, version="1"))
    own = LogFile(path=str(tmp_path / "new.log"))
    async with leaky.running() as new, sound.running() as old:
        for evidence, seats in (({}, (Seat.NONE, Seat.GOOD)), ({"app_log": "canary_log"}, (Seat.BAD, Seat.GOOD))):
            canary = {"version": "2", "base_url": new, "evidence": evidence}
            seen = await asked(sides_at(old, tmp_path, PRIVACY, more={"canary_log": own}, canary=canary))
            assert (seen.canary.scenarios[PRIVACY].seat, seen.baseline.scenarios[PRIVACY].seat) == seats
    assert seen.canary.scenarios[PRIVACY].dangers == (Danger.PERSONAL_DATA_IN_LOGS,)
