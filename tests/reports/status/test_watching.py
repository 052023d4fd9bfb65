"""This file is for what is wrong with the watching itself: each kind is told, and nothing is told when nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from probes.outcome import Verdict
from reports.status.watching import Watching, troubles
from reports.store.watch.answers import Gap
from tests.reports.status.boards import board_of
from tests.reports.watched import AT, SetClock

WELL = Watching(AT - timedelta(hours=1))
GAP = Gap("local", AT - timedelta(hours=3), AT - timedelta(hours=2), False)
KINDS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "reload": ({"reload_error": "error: unknown field"}, "the changed suites were refused", False),
    "store": ({"store_healthy": False, "spooled": 7, "store_error": "disk full"}, "the store takes nothing: 7 outcomes", False),
    "lost": ({"lost": 1, "store_error": "disk full"}, "1 outcome could not be kept and is lost", False),
    "missed": ({"missed": {"overlap": 3, "clock": 0}}, "3 ticks were due and not answered", False),
    "lag": ({"loop_lag_s": 2.0}, "the service is overloaded", False),
    "gap": ({"gaps": [GAP]}, "nothing was watched for 1 h: the service was killed", False),
    "parts": ({"not_taken": 2}, "a part of the service broke over 2 answers", False),
    "history": ({"unreadable": "database is locked"}, "the history cannot be read at present", False),
    "stopping": ({"stopping": True}, "the service is stopping", True),
    "standstill": ({"overdue_s": 60.0}, "the scheduler stands still", True),
}


def test_nothing_is_told_when_nothing_is_wrong() -> None:
    assert troubles(WELL, list(board_of({"a": Verdict.PASS}).lines()), AT) == ()


@pytest.mark.parametrize(("changed", "said", "blind"), KINDS.values(), ids=KINDS)
def test_each_trouble_is_told_in_words(changed: dict[str, Any], said: str, blind: bool) -> None:
    (found,) = troubles(replace(WELL, **changed), list(board_of({"a": Verdict.PASS}).lines()), AT)
    assert (found.sentence.startswith(said), found.blind) == (True, blind)


def test_what_makes_the_page_old_stands_first() -> None:
    found = troubles(replace(WELL, missed={"down": 1}, stopping=True), list(board_of({"a": Verdict.PASS}).lines()), AT)
    assert [one.blind for one in found] == [True, False]


def test_a_gap_of_long_ago_is_no_news() -> None:
    old = replace(GAP, from_at=AT - timedelta(days=3), until_at=AT - timedelta(days=2))
    assert troubles(replace(WELL, gaps=[old]), list(board_of({"a": Verdict.PASS}).lines()), AT) == ()


def test_a_service_in_which_nothing_moves_says_so() -> None:
    clock = SetClock()
    board = board_of({"a": Verdict.PASS, "b": Verdict.PASS}, clock)
    clock.on(hours=1)
    (found,) = troubles(WELL, list(board.lines()), clock())
    assert (found.sentence, found.blind) == ("nothing is being asked: what stands below is old", True)


def test_a_service_that_watches_nothing_has_no_trouble() -> None:
    assert troubles(WELL, [], AT) == ()


def test_seldom_scenarios_are_given_their_time() -> None:
    clock = SetClock()
    from scenarios.schedule_spec import ScheduleSpec

    board = board_of({"a": Verdict.PASS}, clock, schedule=ScheduleSpec(every=6 * 3600))
    clock.on(hours=5)
    assert troubles(WELL, list(board.lines()), clock()) == ()
