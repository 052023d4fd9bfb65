"""This file is for testing rounds: both sides asked at once over real sockets, and what a gate is told of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.fields import FaultRef
from probes.kinds.http import Http
from probes.net.trouble import TargetError
from probes.outcome import Check, Outcome, check, control
from probes.probe import Probe
from probes.session import Session
from probes.target import Grant
from scenarios.gates.records import RoundSeen, Seat, as_json, read
from scenarios.gates.rounds import Rounds
from scenarios.gates.sides import Sides, both
from scenarios.model import Scenario
from tests.probes.small_service import Asked, Reply, serving
from tests.scenarios.gates.sides_making import ASKED, a_policy, a_round, a_suite, says, two
from tests.scenarios.making import scenario

pytestmark = pytest.mark.anyio
SHOWN = "the thing is shown"


def counted(seen: RoundSeen) -> list[tuple[int, int, int]]:
    return [(side.right, side.wrong, side.unmarked) for side in (seen.canary, seen.baseline)]


async def test_a_sound_round_is_good_and_armed_and_each_answer_proves_its_side() -> None:
    async with two(says("2"), says("1")) as sides:
        at = time.time()
        seen = await Rounds(sides, rng=random.Random(1)).ask(at)
    assert seen.at == at and counted(seen) == [(1, 0, 0), (1, 0, 0)]
    for side in (seen.canary, seen.baseline):
        one = side.scenarios[SHOWN]
        assert (one.seat, one.armed, one.dangers, one.say) == (Seat.GOOD, True, (), "")
        assert one.seconds is not None and 0 < one.seconds < 5
        assert not side.unreachable and side.said_versions == ()
    assert read(json.loads(json.dumps(as_json(seen), allow_nan=False))) == seen


async def test_a_broken_canary_is_bad_with_its_sentence_and_its_danger() -> None:
    async with two(says("2", status=500), says("1")) as sides:
        seen = await a_round(sides)
    broken = seen.canary.scenarios[SHOWN]
    assert (broken.seat, broken.armed, broken.dangers) == (Seat.BAD, True, ("server_errors",))
    assert "answered 500 instead of 200" in broken.say
    assert seen.baseline.scenarios[SHOWN].seat is Seat.GOOD


async def test_answers_of_the_wrong_version_and_of_none_are_counted_apart() -> None:
    async with two(says("1"), says("")) as sides:
        seen = await a_round(sides)
    assert counted(seen) == [(0, 1, 0), (0, 0, 1)]
    assert seen.canary.said_versions == ("1",) and seen.baseline.said_versions == ()


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        pytest.param("x" * 1_000_000, (0, 0, 0), id="one megabyte"),
        pytest.param("y" * 50_000, (0, 1, 0), id="long"),
        pytest.param("2\x1b[31m", (0, 0, 0), id="control signs"),
        pytest.param("<script>alert(1)</script>", (0, 1, 0), id="markup"),
        pytest.param("2\x00", (0, 0, 0), id="null byte"),
    ],
)
async def test_a_hostile_version_header_is_no_proof_and_stays_short(said: str, counts: tuple[int, int, int]) -> None:
    async with two(says(said), says("1")) as sides:
        seen = await a_round(sides)
    assert counted(seen) == [counts, (1, 0, 0)]
    assert seen.canary.scenarios[SHOWN].seat is (Seat.GOOD if any(counts) else Seat.BAD)
    assert all(len(text) <= 100 and text.isprintable() for text in seen.canary.said_versions)
    assert len(json.dumps(as_json(seen))) < 2000


async def test_sides_behind_one_proxy_are_told_apart_by_what_it_routes_by() -> None:
    async def proxy(asked: Asked) -> Reply:
        chosen = asked.headers.get("x-canary") == "1" or "canary=1" in asked.headers.get("cookie", "")
        return await says("2" if chosen or asked.headers["host"] == "canary.example" else "1")(asked)

    async with serving(proxy) as url:
        for way in ({"headers": {"X-Canary": "1"}}, {"cookies": {"canary": "1"}}, {"host": "canary.example"}):
            seen = await a_round(both(a_suite(url=url), a_policy(canary={"version": "2", **way})))
            assert counted(seen) == [(1, 0, 0), (1, 0, 0)], way


async def test_a_proxy_that_ignores_the_route_is_found_out() -> None:
    async with serving(says("1")) as url:
        seen = await a_round(both(a_suite(url=url), a_policy(canary={"version": "2", "headers": {"X-Canary": "1"}})))
    assert counted(seen) == [(0, 1, 0), (1, 0, 0)]


async def test_the_path_is_asked_before_and_after_so_a_side_that_changes_meanwhile_shows() -> None:
    asked_paths: list[str] = []

    async def changing(asked: Asked) -> Reply:
        asked_paths.append(asked.path)
        version = "2" if len(asked_paths) < 3 else "3"
        return 200, {}, {"name": "thing", "version": version}

    async with two(changing, says("1"), identity={"path": "/version", "field": "$.version"}) as sides:
        seen = await a_round(sides)
    assert asked_paths == ["/version", "/thing", "/version"]
    assert counted(seen) == [(1, 1, 0), (2, 0, 0)] and seen.canary.said_versions == ("3",)


async def test_a_canary_that_is_not_there_is_unreachable_and_nothing_is_proven_of_it() -> None:
    async with serving(says("1")) as baseline:
        sides = both(a_suite(url=baseline), a_policy(canary={"version": "2", "base_url": "http://127.0.0.1:9"}))
        seen = await a_round(sides)
    assert seen.canary.unreachable and not seen.baseline.unreachable
    assert counted(seen) == [(0, 0, 0), (1, 0, 0)]
    lost = seen.canary.scenarios[SHOWN]
    assert (lost.seat, lost.armed, lost.seconds) == (Seat.BAD, False, None)


async def test_a_side_that_answers_with_errors_only_is_not_unreachable() -> None:
    async with two(says("2", status=503), says("1")) as sides:
        assert not (await a_round(sides)).canary.unreachable


async def test_clocks_apart_show() -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    async with two(says("2", headers={"Date": ahead}), says("1")) as sides:
        seen = await a_round(sides)
    assert seen.canary.clock_offset_s == pytest.approx(3600, abs=5) and seen.baseline.clock_offset_s is None


class Watched(Probe, kind="test_watched"):
    """Note which side is asked, wait for a moment, and do what it is told."""

    begun: Any  # list of (event, scenario, side)
    does: Any = None
    fault: FaultRef | None = None

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        side = session.target.base_url
        self.begun.append(("begins", session.subject.scenario, side))
        try:
            yield control("it was asked", holds=True)
            for _ in range(5):
                await asyncio.sleep(0)
            if self.does is not None:
                await self.does(session)
            yield check("it is well", holds=True)
        finally:
            self.begun.append(("ends", session.subject.scenario, side))


class Writes(Watched, kind="test_writes", grants={Grant.WRITE}):
    """The same, with the grant to change data."""


CANARY, BASELINE = "http://127.0.0.1:7", "http://127.0.0.1:8"


def watched(begun: list[tuple[str, str, str]], *scenarios: Scenario, **target: Any) -> Sides:
    policy = a_policy(canary={"version": "2", "base_url": CANARY}, baseline={"version": "1", "base_url": BASELINE}, tags=["all"])
    return both(a_suite(*scenarios, **target), policy)


async def test_what_writes_is_asked_of_the_canary_then_of_the_baseline_while_nothing_else_is_asked() -> None:
    begun: list[tuple[str, str, str]] = []
    sides = watched(
        begun,
        scenario("writes", Writes(begun=begun), tags=("all",)),
        scenario("reads", Watched(begun=begun), tags=("all",)),
        scenario("alone", Watched(begun=begun), tags=("all",), alone=True),
        scenario("reads what was written", Watched(begun=begun), tags=("all",), needs=("writes",)),
        allow=["write"],
    )
    seen = await a_round(sides)
    assert all(one.seat is Seat.GOOD for side in (seen.canary, seen.baseline) for one in side.scenarios.values())
    order = [(event, side) for event, name, side in begun if name == "reads"]
    assert {order[0], order[1]} == {("begins", CANARY), ("begins", BASELINE)}, "both sides at once"
    serial = [(event, side) for event, name, side in begun if name != "reads"]
    assert [side for _, side in serial] == [CANARY] * 6 + [BASELINE] * 6
    alone = begun.index(("begins", "alone", CANARY))
    assert begun[alone + 1] == ("ends", "alone", CANARY)


async def test_a_scenario_that_the_target_does_not_grant_is_left_out() -> None:
    begun: list[tuple[str, str, str]] = []
    sides = watched(
        begun,
        scenario("writes", Writes(begun=begun), tags=("all",)),
        scenario("needs it", Watched(begun=begun), tags=("all",), needs=("writes",)),
        scenario("reads", Watched(begun=begun), tags=("all",)),
    )
    seen = await a_round(sides)
    assert list(seen.canary.scenarios) == ["reads"] and {name for _, name, _ in begun} == {"reads"}


async def test_which_side_begins_is_drawn() -> None:
    begun: list[tuple[str, str, str]] = []
    sides = watched(begun, scenario("reads", Watched(begun=begun), tags=("all",)))

    async def firsts(seed: int) -> list[str]:
        rounds = Rounds(sides, rng=random.Random(seed))
        drawn = []
        for _ in range(20):
            begun.clear()
            await rounds.ask(0.0)
            drawn.append(begun[0][2])
        return drawn

    assert await firsts(1) == await firsts(1)
    assert 4 <= (await firsts(1)).count(CANARY) <= 16


async def test_a_round_ends_at_its_deadline_and_what_was_not_answered_is_no_evidence() -> None:
    begun: list[tuple[str, str, str]] = []

    async def hang(session: Session) -> None:
        await asyncio.Event().wait()

    sides = watched(
        begun,
        scenario("hangs", Watched(begun=begun, does=hang), tags=("all",)),
        scenario("writes", Writes(begun=begun), tags=("all",)),
        allow=["write"],
    )
    began = time.monotonic()
    seen = await a_round(sides, deadline_s=0.3)
    assert time.monotonic() - began < 5
    for side in (seen.canary, seen.baseline):
        assert [one.seat for one in side.scenarios.values()] == [Seat.NONE, Seat.NONE]
        assert not any(one.armed for one in side.scenarios.values()) and not side.unreachable
        assert "the round's time was over" in side.scenarios["writes"].say
    assert "writes" not in {name for _, name, _ in begun}


async def test_a_round_that_is_cancelled_undoes_what_it_did_on_the_side_where_it_did_it() -> None:
    begun: list[tuple[str, str, str]] = []
    broken: list[str] = []
    done = asyncio.Event()

    async def breaks(session: Session) -> None:
        side = session.target.base_url

        async def mend() -> None:
            await asyncio.sleep(0)
            broken.remove(side)

        session.undo_later("the break", mend)
        broken.append(side)
        done.set()
        await asyncio.Event().wait()

    sides = watched(begun, scenario("breaks", Writes(begun=begun, does=breaks), tags=("all",)), allow=["write"])
    asking = asyncio.create_task(a_round(sides))
    await asyncio.wait_for(done.wait(), 5)
    assert broken == [CANARY]
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert broken == [] and {side for _, _, side in begun} == {CANARY}


async def test_a_scenario_that_fails_now_and_then_is_tried_a_second_time_and_no_third() -> None:
    tried = {CANARY: 0, BASELINE: 0}

    async def flaky(session: Session) -> None:
        side = session.target.base_url
        tried[side] += 1
        if side == CANARY or tried[side] == 1:
            raise TargetError("first byte", "nothing came")  # type: ignore[arg-type]

    sides = watched([], scenario("flaky", Watched(begun=[], does=flaky), tags=("all",), retries=5))
    seen = await a_round(sides)
    assert tried == {CANARY: 2, BASELINE: 2}
    assert seen.canary.scenarios["flaky"].seat is Seat.BAD and seen.baseline.scenarios["flaky"].seat is Seat.GOOD
    assert seen.baseline.scenarios["flaky"].say.startswith("flaky: passed at attempt 2 of 2; before: ")


@pytest.mark.parametrize(("danger", "kept"), [("cross_tenant_leak", ("cross_tenant_leak",)), ("server_errors", ())])
async def test_a_leak_that_was_seen_once_is_told_though_the_second_attempt_passes(danger: str, kept: tuple[str, ...]) -> None:
    sides = watched([], scenario("leaks", Leaks(danger=danger, sessions=[]), tags=("all",), retries=1))
    seen = (await a_round(sides)).canary.scenarios["leaks"]
    assert (seen.seat, seen.dangers) == (Seat.GOOD, kept)


class Leaks(Probe, kind="test_leaks"):
    """Tell of a danger at the first attempt on each side, and of none later."""

    danger: str
    sessions: Any
    held: bool = True

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        first = session.target.base_url not in self.sessions
        self.sessions.append(session.target.base_url)
        yield control("it was asked", holds=self.held)
        yield check("nothing leaks", holds=not first, say="it leaks", danger=self.danger)


async def test_a_failure_before_its_end_arms_nothing_and_a_control_that_did_not_hold_neither() -> None:
    async def dies(session: Session) -> None:
        raise TargetError("first byte", "nothing came")  # type: ignore[arg-type]

    sides = watched(
        [],
        scenario("dies", Watched(begun=[], does=dies), tags=("all",)),
        scenario("proves nothing", Unproven(), tags=("all",)),
    )
    seen = (await a_round(sides)).canary.scenarios
    assert (seen["dies"].seat, seen["dies"].armed) == (Seat.BAD, False)
    assert (seen["proves nothing"].seat, seen["proves nothing"].armed) == (Seat.NONE, False)


async def test_a_danger_that_is_told_without_its_control_is_told_and_arms_nothing() -> None:
    sides = watched([], scenario("leaks", Leaks(danger="server_errors", sessions=[], held=False), tags=("all",)))
    seen = (await a_round(sides)).canary.scenarios["leaks"]
    assert (seen.seat, seen.dangers, seen.armed) == (Seat.BAD, ("server_errors",), False)


class Unproven(Probe, kind="test_unproven"):
    """Check something without having seen that the opposite would show."""

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        yield control("it would have shown", holds=False)
        yield check("it is well", holds=True)


async def test_each_outcome_is_told_and_no_round_remembers_the_one_before() -> None:
    told: list[tuple[str, str]] = []

    def tell(side: str, outcome: Outcome) -> None:
        told.append((side, outcome.subject.scenario))

    async with two(says("2"), says("1")) as sides:
        rounds = Rounds(sides, rng=random.Random(1), told=tell)
        first, second = await rounds.ask(1.0), await rounds.ask(2.0)
    assert sorted(told) == [("baseline", SHOWN)] * 2 + [("canary", SHOWN)] * 2
    assert counted(first) == counted(second) == [(1, 0, 0), (1, 0, 0)]


async def test_a_version_that_is_a_secret_of_ours_is_not_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from probes.fields import Secret

    suite = a_suite(scenario("keyed", Http.model_validate(ASKED)), headers={"X-Key": Secret("correct-horse")})
    async with two(says("correct-horse"), says("1"), suite) as sides:
        seen = await a_round(sides)
    assert seen.canary.wrong == 1 and "correct-horse" not in json.dumps(as_json(seen))
