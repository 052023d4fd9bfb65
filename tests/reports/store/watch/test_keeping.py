"""This file is for which outcomes are kept whole, and for how a series stands tick after tick."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from probes.outcome import Verdict
from reports.store.watch.keeping import Told, worth_keeping
from reports.store.watch.standing import Standing
from tests.reports.store.watch.ticking import AT, an_outcome

PASS, DEGRADED, FAIL, ERROR, INCONCLUSIVE, SKIPPED = (
    Verdict.PASS, Verdict.DEGRADED, Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SKIPPED,
)  # fmt: skip


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_first_outcome_is_kept_whatever_it_says(verdict: Verdict) -> None:
    assert worth_keeping(None, an_outcome(verdict), None)


@pytest.mark.parametrize("before", list(Verdict))
@pytest.mark.parametrize("now", list(Verdict))
def test_every_change_of_the_verdict_is_kept_at_once(before: Verdict, now: Verdict) -> None:
    assert worth_keeping(Told(before, "x"), an_outcome(now, at=after(1), sentence="x"), AT) == (before is not now)


@pytest.mark.parametrize(
    ("verdict", "every_s"), [(PASS, 900), (SKIPPED, 900), (DEGRADED, 30), (FAIL, 30), (ERROR, 30), (INCONCLUSIVE, 30)]
)
def test_what_goes_on_is_kept_now_and_then(verdict: Verdict, every_s: int) -> None:
    said = Told(verdict, "the same")
    assert not worth_keeping(said, an_outcome(verdict, at=after(every_s - 0.001), sentence="the same"), AT)
    assert worth_keeping(said, an_outcome(verdict, at=after(every_s), sentence="the same"), AT)


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("tenant 21 was served tenant 15's slots (correlation id 019a-b2)", False),
        ("tenant 20 was served nothing", True),
        ("", True),
    ],
    ids=["other numbers only", "another failure", "nothing"],
)
def test_another_failure_is_kept_at_once_and_other_numbers_are_not_another_failure(sentence: str, kept: bool) -> None:
    said = Told(FAIL, "tenant 20 was served tenant 15's slots (correlation id 018f-a1)")
    outcome = replace(an_outcome(FAIL, at=after(1)), sentence=sentence)
    assert worth_keeping(said, outcome, AT) is kept


def test_a_pass_says_what_it_likes() -> None:
    assert not worth_keeping(Told(PASS, "3 checks held"), an_outcome(PASS, at=after(1), sentence="other checks held"), AT)


def test_an_undo_that_failed_is_always_kept() -> None:
    outcome = replace(an_outcome(PASS, at=after(1)), undo_failures=("the fault is still in",))
    assert worth_keeping(Told(PASS, outcome.sentence), outcome, AT)


def test_a_clock_that_was_set_back_does_not_stop_the_keeping() -> None:
    said = Told(FAIL, "the same")
    assert worth_keeping(said, an_outcome(FAIL, at=after(-3600), sentence="the same"), AT)
    assert not worth_keeping(said, an_outcome(FAIL, at=after(-1), sentence="the same"), AT)


def told(*ticks: tuple[Verdict, float] | tuple[Verdict, float, str]) -> Standing:
    standing = Standing()
    for verdict, at, *window in ticks:
        standing.take(after(at), verdict, f"said {verdict}", 0.5, version="1", maintenance="".join(window))
    return standing


@pytest.mark.parametrize(
    ("ticks", "good", "since", "in_row", "last_good"),
    [
        ([(PASS, 0)], True, 0, 1, 0),
        ([(PASS, 0), (DEGRADED, 1), (PASS, 2)], True, 0, 3, 2),
        ([(PASS, 0), (FAIL, 1), (ERROR, 2), (INCONCLUSIVE, 3)], False, 1, 3, 0),
        ([(FAIL, 0), (PASS, 1)], True, 1, 1, 1),
        ([(PASS, 0), (SKIPPED, 1)], True, 0, 1, 0),
        ([(FAIL, 0), (PASS, 1, "window"), (FAIL, 2)], False, 0, 2, None),
        ([(PASS, 0), (FAIL, 1, "window")], True, 0, 1, 0),
        ([(SKIPPED, 0)], None, None, 0, None),
        ([(PASS, 10), (FAIL, 0), (FAIL, 1)], False, 0, 2, 10),
    ],
    ids=["first", "degraded is good", "all bad is one stretch", "good again", "skipped", "maintained pass", "maintained failure",
         "only skipped", "clock set back"],
)  # fmt: skip
def test_a_stretch_is_good_or_bad_without_a_break(
    ticks: list[tuple[Verdict, float]], good: bool | None, since: float | None, in_row: int, last_good: float | None
) -> None:
    standing = told(*ticks)
    assert (standing.good, standing.in_row) == (good, in_row)
    assert standing.since_at == (None if since is None else after(since))
    assert standing.last_good_at == (None if last_good is None else after(last_good))
    assert (standing.verdict, standing.last_at) == (ticks[-1][0], after(ticks[-1][1]))
