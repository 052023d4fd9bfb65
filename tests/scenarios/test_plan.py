"""This file is for what may run next, and for the critical path."""

from __future__ import annotations

import pytest

from probes.target import Target
from scenarios.plan import Span, breaks_neighbours, critical_path_s, next_to_start, waiting_chains
from tests.scenarios.making import Granted, Says, scenario


def _names(waiting: list[object], running: set[str], settled: set[str], alone: set[str], jobs: int = 8) -> list[str]:
    chains = waiting_chains(waiting)  # type: ignore[arg-type]
    return [s.name for s in next_to_start(waiting, running, settled, alone, chains, jobs)]  # type: ignore[arg-type]


def test_what_others_wait_for_starts_first() -> None:
    waiting = [scenario("free"), scenario("root"), scenario("leaf", needs=("middle",)), scenario("middle", needs=("root",))]
    assert _names([*waiting], set(), set(), set(), jobs=1) == ["root"]
    assert waiting_chains(waiting) == {"free": 0, "root": 2, "leaf": 0, "middle": 1}


def test_a_circle_keeps_nobody() -> None:
    assert set(waiting_chains([scenario("a", needs=("b",)), scenario("b", needs=("a",))])) == {"a", "b"}


def test_no_more_start_than_there_are_jobs_left() -> None:
    waiting = [scenario(n) for n in "abc"]
    assert _names([*waiting], {"x"}, set(), set(), jobs=2) == ["a"]
    assert _names([*waiting], {"x", "y"}, set(), set(), jobs=2) == []


def test_one_that_must_be_alone_waits_until_nothing_else_could_run() -> None:
    waiting = [scenario("alone"), scenario("other")]
    assert _names([*waiting], set(), set(), {"alone"}) == ["other"]
    assert _names([waiting[0]], {"other"}, set(), {"alone"}) == []
    assert _names([waiting[0]], set(), {"other"}, {"alone"}) == ["alone"]


def test_nothing_starts_beside_one_that_must_be_alone() -> None:
    assert _names([scenario("other"), scenario("alone 2")], {"alone"}, set(), {"alone", "alone 2"}) == []


@pytest.mark.parametrize(
    ("probe", "allow", "expected"),
    [
        (Says(fault="db"), ["faults"], True),
        (Granted(), ["faults"], True),
        (Says(), ["faults"], False),
        (Says(fault="db"), ["burst", "write"], False),
        (Granted(), [], False),
    ],
    ids=["names a fault", "needs the grant", "neither", "another grant", "no grant"],
)
def test_only_what_may_and_can_break_something_must_be_alone(probe: Says, allow: list[str], expected: bool) -> None:
    target = Target(name="t", base_url="http://127.0.0.1:9", allow=allow)
    assert breaks_neighbours(scenario("s", probe), target) is expected


def test_the_critical_path_follows_needs() -> None:
    chain = [scenario("a"), scenario("b", needs=("a",)), scenario("c")]
    spans = {"a": Span(0, 2), "b": Span(2, 5), "c": Span(0, 4)}
    assert critical_path_s(chain, spans, set()) == 5


def test_waiting_for_a_free_job_is_not_on_the_critical_path() -> None:
    assert critical_path_s([scenario("a"), scenario("b")], {"a": Span(0, 2), "b": Span(2, 4)}, set()) == 2


def test_the_critical_path_counts_what_had_to_be_alone() -> None:
    spans = {"a": Span(0, 2), "alone": Span(2, 5), "b": Span(5, 6)}
    assert critical_path_s([scenario("a"), scenario("alone"), scenario("b")], spans, {"alone"}) == 6


def test_what_did_not_run_has_no_length() -> None:
    assert critical_path_s([scenario("a"), scenario("b", needs=("a",))], {"a": Span(0, 1)}, set()) == 1
    assert critical_path_s([], {}, set()) == 0


def test_a_scenario_that_says_so_has_the_target_to_itself_without_any_fault() -> None:
    target = Target(name="staging", base_url="http://127.0.0.1:9")
    assert breaks_neighbours(scenario("counts", alone=True), target)
    assert not breaks_neighbours(scenario("free"), target)
