"""This file is for the overview as data: never green without proof, the worst first, fifty a page, found by any word."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from probes.outcome import Severity, Verdict
from reports.board import Board
from reports.status.lines import seen
from reports.status.overview import PROBLEMS_SHOWN, Asked, asked, grouped, headline, nav_groups, pager
from reports.status.watching import Trouble, Watching, troubles
from tests.reports.status.boards import board_of, chosen, told
from tests.reports.watched import AT, SetClock, scenario, series, tick

P, D, F, E, N, S = Verdict.PASS, Verdict.DEGRADED, Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SKIPPED
HEADS = {
    "all pass": ({"a": P, "b": P}, "pass", "All 2 scenarios pass"),
    "one passes": ({"a": P}, "pass", "The one scenario passes"),
    "degraded": ({"a": P, "b": D}, "degraded", "All 2 scenarios pass"),
    "one fails": ({"a": P, "b": F}, "fail", "1 of 2 scenarios is broken"),
    "two fail": ({"a": F, "b": F}, "fail", "2 of 2 scenarios are broken"),
    "one fails, one has no proof": ({"a": F, "b": N}, "fail", "1 of 2 scenarios is broken, 1 could not be proven"),
    "no proof": ({"a": P, "b": E}, "error", "1 of 2 scenarios could not be proven"),
    "not asked yet": ({"a": P, "b": None}, "pass", "1 of 2 scenarios passes, none is broken"),
    "skipped beside": ({"a": P, "b": P, "c": S}, "pass", "2 of 3 scenarios pass, none is broken"),
    "only skipped": ({"a": S}, "inconclusive", "Nothing is proven yet"),
    "nothing asked": ({"a": None}, "inconclusive", "Nothing is proven yet"),
    "nothing": ({}, "skipped", "Nothing is watched"),
}


@pytest.mark.parametrize(("said", "tone", "sentence"), HEADS.values(), ids=HEADS)
def test_the_headline_says_how_it_stands(said: dict[str, Verdict | None], tone: str, sentence: str) -> None:
    head = headline(chosen(board_of(said)), (), AT)
    assert (head.tone, head.sentence) == (tone, sentence)


def test_the_headline_says_how_old_the_newest_proof_is() -> None:
    assert headline(chosen(board_of({"a": P, "b": None})), (), AT).more == "newest proof 10 s ago; 1 not asked yet"


def test_the_headline_names_the_one_that_is_broken_and_since_when() -> None:
    assert headline(chosen(board_of({"a": P, "b": F})), (), AT).more == "b at production, for 10 s"


def test_the_headline_tells_for_whom_it_is_broken() -> None:
    board = Board(clock=SetClock())
    watched = series("a", "b", targets=("production", "staging"))
    board.watch(watched)
    told(board, watched, F, at=AT - timedelta(hours=2))
    board.take_watched(tick(watched[-1], P))
    assert headline(chosen(board), (), AT).more == "at production (all 2), staging (1); the longest for 2 h"


def test_a_target_of_which_nothing_is_left_is_told_as_all_of_it_whatever_was_not_asked() -> None:
    board = Board(clock=SetClock())
    watched = series("a", "b", "needs a")
    board.watch(watched)
    for one, verdict in zip(watched, (F, F, Verdict.SKIPPED), strict=True):
        board.take_watched(tick(one, verdict))
    assert headline(chosen(board), (), AT).more.startswith("at production (all 2); ")


def test_what_nobody_asks_is_not_green() -> None:
    clock = SetClock()
    board = board_of({"a": P, "b": P}, clock)
    clock.on(minutes=30)
    lines = list(board.lines())
    found = troubles(Watching(AT), lines, clock())
    head = headline(chosen(board, clock=clock), found, clock())
    assert (head.tone, head.sentence) == ("error", "Nothing is being asked: what stands below is old")


def test_one_that_nobody_asks_takes_the_green_away() -> None:
    clock = SetClock()
    board, watched = Board(clock=clock), series("a", "b")
    board.watch(watched)
    told(board, watched, P)
    clock.on(minutes=30)
    board.take_watched(tick(watched[0], P, at=clock()))
    head = headline(chosen(board, clock=clock), (), clock())
    assert (head.tone, head.sentence) == ("stale", "1 of 2 scenarios is not being asked")


def test_a_standstill_of_the_scheduler_takes_the_green_away() -> None:
    board = board_of({"a": P})
    found = troubles(Watching(AT, overdue_s=40), list(board.lines()), AT)
    assert headline(chosen(board), found, AT).title == "Not watching"


def test_trouble_that_blinds_nobody_leaves_the_headline_alone() -> None:
    assert headline(chosen(board_of({"a": P})), (Trouble("the store takes nothing"),), AT).tone == "pass"


def test_maintenance_is_no_failure() -> None:
    board, (one,) = Board(clock=SetClock()), series("a")
    board.watch([one])
    board.take_watched(tick(one, F, maintenance="m1"))
    head = headline(chosen(board), (), AT)
    assert (head.tone, chosen(board).problems) == ("inconclusive", ())


def test_what_fails_stands_before_what_has_no_proof_before_what_nobody_asks() -> None:
    clock = SetClock()
    board = Board(clock=clock)
    watched = series(scenario("stale", severity=Severity.P0), scenario("unproven", severity=Severity.P0), "late P2", "early P2")
    board.watch(watched)
    told(board, watched, P)
    clock.on(minutes=30)
    board.take_watched(tick(watched[1], N, at=clock()))
    board.take_watched(tick(watched[3], F, at=clock() - timedelta(minutes=5)))
    board.take_watched(tick(watched[2], F, at=clock()))
    assert [line.key.scenario for line in chosen(board, clock=clock).problems] == ["early P2", "late P2", "unproven", "stale"]


def test_of_many_problems_the_first_are_shown_and_the_rest_counted() -> None:
    found = chosen(board_of({f"s{n}": F for n in range(30)}))
    assert (len(found.problems), found.problems_left_out) == (PROBLEMS_SHOWN, 30 - PROBLEMS_SHOWN)


def test_a_page_holds_fifty_rows_and_a_page_too_far_is_the_last() -> None:
    board = board_of({f"s{n:03}": P for n in range(120)})
    pages = [chosen(board, Asked(page=page)) for page in (1, 3, 9)]
    assert [(len(one.rows), one.page, one.pages) for one in pages] == [(50, 1, 3), (20, 3, 3), (20, 3, 3)]
    assert (pager(pages[1]).first, pager(pages[1]).last, pager(pages[1]).of) == (101, 120, 120)


@pytest.mark.parametrize("q", ["slots", "SLOTS shown", "staging slots", "backend", "shop staging", "tenancy"])
def test_a_scenario_is_found_by_any_of_its_words(q: str) -> None:
    board = Board(clock=SetClock())
    board.watch(series(scenario("slots are shown", owner="backend", tags=("tenancy",)), "other", targets=("staging",)))
    found = chosen(board, asked(q))
    assert "slots are shown" in [line.key.scenario for line in found.rows]


def test_what_does_not_fit_is_not_found_but_still_counts() -> None:
    board = board_of({"a": P, "b": F})
    found = chosen(board, asked("nothing like it"))
    assert (found.found, found.rows, headline(found, (), AT).tone) == (0, (), "fail")


def test_only_problems_can_be_asked_for() -> None:
    found = chosen(board_of({"a": P, "b": F, "c": E}), asked(only="problems"))
    assert [line.key.scenario for line in found.rows] == ["b", "c"]


def test_groups_say_how_many_are_bad_and_stand_worst_first() -> None:
    board = Board(clock=SetClock())
    watched = series("a", "b", targets=("production", "staging"))
    board.watch(watched)
    told(board, watched, P)
    board.take_watched(tick(watched[2], F))
    found = chosen(board)
    assert [(g.target, g.bad, g.tone, g.words) for g in nav_groups(found)] == [("staging", 1, "fail", "1 failing"),
                                                                              ("production", 0, "pass", "")]  # fmt: skip
    rows = grouped([seen(line) for line in found.rows], found.groups)
    assert [(group.target, len(members)) for group, members in rows] == [("production", 2), ("staging", 2)]


def test_odd_wishes_are_put_right() -> None:
    wish = asked(" x " * 200, "a year", -5, only="everything")
    assert (len(wish.q), wish.range, wish.page, wish.only) == (200, "7.5h", 1, "")
    assert wish.but(q="") == {}
    assert Asked(q="a", page=3).but(range="30d") == {"q": "a", "range": "30d"}


def test_choosing_among_ten_thousand_costs_little() -> None:
    board = board_of({f"scenario {n}": P for n in range(10_000)})
    lines, begun = list(board.lines()), time.process_time()
    for _ in range(3):
        chosen(board)
    assert len(lines) == 10_000
    assert (time.process_time() - begun) / 3 < 0.25  # about 0.02 s; generous, because machines differ
