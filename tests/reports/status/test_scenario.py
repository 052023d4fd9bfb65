"""This file is for the page of one scenario as data: how it stands, when that changed, what each tick said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from probes.outcome import Verdict
from reports.status.lines import seen
from reports.status.scenario import changes, schedule_words, state_of, ticks_of, windows_of
from reports.store.watch.answers import WINDOWS_S, TickSeen
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import Trigger
from tests.reports.status.boards import board_of
from tests.reports.watched import AT, SetClock, series, tick

P, D, F, S = Verdict.PASS, Verdict.DEGRADED, Verdict.FAIL, Verdict.SKIPPED


def ticks(*verdicts: Verdict, **more: Any) -> list[TickSeen]:
    """Return ticks a minute apart, given oldest first, returned newest first, as the store does."""
    made = [
        TickSeen(AT + timedelta(minutes=n), v, 0.1, 0.0, Trigger.SCHEDULE, **{"in_maintenance": False, "version": "", **more},
                 sentence=f"said {n}", outcome_id=f"o{n}")
        for n, v in enumerate(verdicts)
    ]  # fmt: skip
    return made[::-1]


def test_a_change_is_from_good_to_bad_or_back_and_says_how_long_it_lasted() -> None:
    found = changes(ticks(P, D, F, F, F, P, P))
    assert [(c.verdict, c.lasted, c.sentence) for c in found] == [(P, "", "said 5"), (F, "3 min", "said 2")]


def test_the_oldest_tick_looked_at_is_no_change() -> None:
    assert changes(ticks(F, F)) == ()
    assert changes([]) == ()


def test_maintenance_and_skips_change_nothing() -> None:
    assert changes(ticks(P, S, P)) == ()
    assert changes(ticks(P, P)[:1] + ticks(F, in_maintenance=True) + ticks(P)) == ()


def test_a_version_is_told_at_its_first_tick_only() -> None:
    newer, older = ticks(P, P, version="1.4.2"), ticks(P, version="1.4.1")
    assert [t.remark for t in ticks_of([*newer, *older])] == ["", "first of version 1.4.2", ""]


def test_a_tick_says_why_it_was_asked_and_that_it_was_late() -> None:
    late = TickSeen(AT, F, 0.1, 0.4, Trigger.MANUAL, True, "", "no", None)
    assert [t.remark for t in ticks_of([late])] == ["in maintenance, asked by hand, asked 400 ms late"]


@pytest.mark.parametrize(
    ("verdict", "word"), [(P, "Passes"), (D, "Passes, degraded"), (F, "Fails"), (S, "Skipped"), (None, "Not asked yet")]
)
def test_the_page_says_in_words_how_it_stands(verdict: Verdict | None, word: str) -> None:
    (line,) = board_of({"a": verdict}).lines()
    assert state_of(seen(line)).word == word


def test_a_scenario_in_maintenance_says_so_and_what_it_said() -> None:
    from reports.board import Board

    board, (one,) = Board(clock=SetClock()), series("a")
    board.watch([one])
    board.take_watched(tick(one, F, maintenance="m1"))
    (line,) = board.lines()
    state = state_of(seen(line))
    assert (state.word, state.remark) == ("In maintenance", "In maintenance; its newest tick, which counts for nothing: fail")


def test_every_window_has_its_ratio_and_what_it_is_made_of() -> None:
    (line,) = board_of({"a": F}).lines()
    found = windows_of(seen(line, WINDOWS_S))
    assert {(w.ratio, w.tone, w.made_of) for w in found} == {("0 %", "fail", "1 failed")}
    assert len(found) >= 4


def test_a_schedule_is_said_in_words() -> None:
    assert schedule_words(ScheduleSpec(every=90)) == "every 1 min"
    assert schedule_words(ScheduleSpec(cron="0 6 * * *", timezone="Europe/Berlin")) == "0 6 * * * (Europe/Berlin)"
    assert schedule_words(None) == ""


@pytest.mark.parametrize("runbook", ["javascript:alert(1)", "ask on-call", "ftp://x"])
def test_only_web_addresses_become_links(runbook: str) -> None:
    (line,) = board_of({"a": P}, runbook=runbook).lines()
    assert not state_of(seen(line)).runbook_is_link
