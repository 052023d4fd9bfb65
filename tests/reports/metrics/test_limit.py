"""This file is for the limit on lines: never passed, the least needed goes first, and what is missing is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Measurement, Severity, Verdict
from reports.metrics import names
from reports.metrics.limit import CORE_LINES, HISTOGRAM_LINES, REST_LINES
from scenarios.watch.events import SeriesKey
from tests.reports.metrics.test_exposition import Page, page_of
from tests.reports.watched import key, scenario, series, tick

pytestmark = pytest.mark.anyio

SEVERE, OTHERS = "the most severe", [f"scenario {number}" for number in range(9)]
ALL_LINES = CORE_LINES + REST_LINES + HISTOGRAM_LINES
ENDS = (Measurement(CERTIFICATE_ENDS, 1_800_000_000.0, UNIX_TIME),)


def filled(most: int) -> Page:
    """Return a page of ten scenarios, the most severe of them last, each of which makes as many lines as it can."""
    page = page_of(series(*OTHERS, scenario(SEVERE, severity=Severity.P0)), max_series=most)
    for line in page.board.lines():
        page.tell(tick(line.key, outcome={"measurements": ENDS}), tick(line.key, maintenance="w"))
    return page


async def named(page: Page, name: str) -> set[str]:
    """Return the scenarios that have a sample of that name."""
    return {dict(labels)["scenario"] for sample, labels in await page.samples() if sample == name}


async def left_out(page: Page) -> dict[str, float]:
    found = await page.samples()
    return {dict(labels)["what"]: value for (name, labels), value in found.items() if name == names.LEFT_OUT.name and value}


async def test_within_the_limit_all_is_there_and_counted() -> None:
    page = filled(10 * ALL_LINES)
    text = (await page.metrics.text()).decode()
    made = [line for line in text.splitlines() if 'location="local"' in line]
    assert await page.value(names.LINES) == len(made) == 10 * ALL_LINES
    assert (await page.value(names.LINES_LIMIT), await left_out(page)) == (10 * ALL_LINES, {})


async def test_histograms_go_first_those_of_the_least_severe() -> None:
    page = filled(10 * ALL_LINES - 9 * HISTOGRAM_LINES)
    assert await named(page, "vedette_outcome_duration_seconds_count") == {SEVERE}
    assert await named(page, names.RATIO.name) == {SEVERE, *OTHERS}
    assert await left_out(page) == {"histograms": 9 * HISTOGRAM_LINES}


async def test_then_all_goes_but_the_counters_of_verdicts() -> None:
    page = filled(10 * CORE_LINES + REST_LINES)
    assert await named(page, names.RATIO.name) == {SEVERE}
    assert await named(page, names.OUTCOMES.name) == {SEVERE, *OTHERS}
    assert await left_out(page) == {"gauges": 9 * REST_LINES, "histograms": 10 * HISTOGRAM_LINES}


async def test_even_counters_of_verdicts_are_not_left_out_without_a_word() -> None:
    page = filled(4 * CORE_LINES)
    assert await named(page, names.OUTCOMES.name) == {SEVERE, *OTHERS[:3]}
    assert await left_out(page) == {
        "verdicts": 6 * CORE_LINES, "gauges": 10 * REST_LINES, "histograms": 10 * HISTOGRAM_LINES,
    }  # fmt: skip


@pytest.mark.parametrize("most", [0, 1, 17, 60, 100, 170, 199, 250, 319])
async def test_the_limit_is_never_passed(most: int) -> None:
    page = filled(most)
    await page.metrics.text()
    for line in list(page.board.lines()):
        fail_in_many_ways(page, line.key, 20)
    text = (await page.metrics.text()).decode()
    assert sum('location="local"' in line for line in text.splitlines()) <= most
    await page.samples()
    page.board.watch(series(*OTHERS, scenario(SEVERE, severity=Severity.P0), "one more"))
    text = (await page.metrics.text()).decode()
    assert sum('location="local"' in line for line in text.splitlines()) <= most


def fail_in_many_ways(page: Page, of: SeriesKey, ways: int) -> None:
    fail = tick(of, Verdict.FAIL)
    for number in range(ways):
        checks = (replace(fail.outcome.checks[2], name=f"check {number}"), *fail.outcome.checks[:2])
        page.tell(replace(fail, outcome=replace(fail.outcome, checks=checks)))


async def test_a_check_that_fails_is_worth_more_than_a_histogram() -> None:
    page = filled(10 * ALL_LINES)
    await page.metrics.text()
    fail_in_many_ways(page, key("scenario 0"), HISTOGRAM_LINES + 1)  # ten names and `other`
    assert await named(page, "vedette_outcome_duration_seconds_count") == {SEVERE, *OTHERS[:8]}
    assert len([n for n, _ in await page.samples() if n == names.CHECK_FAILURES.name]) == 11
    assert await left_out(page) == {"histograms": HISTOGRAM_LINES}


async def test_a_check_for_which_there_is_no_room_is_told_as_left_out() -> None:
    page = filled(10 * (CORE_LINES + REST_LINES))
    await page.metrics.text()
    fail_in_many_ways(page, key("scenario 0"), 5)
    assert await named(page, names.CHECK_FAILURES.name) == set()
    assert await left_out(page) == {"histograms": 10 * HISTOGRAM_LINES, "checks": 1}


async def test_a_scenario_of_which_only_verdicts_are_shown_shows_no_checks_either() -> None:
    page = page_of(series("scenario 0", "scenario 1"), max_series=2 * (CORE_LINES + REST_LINES) + 5)
    fail_in_many_ways(page, key("scenario 0"), 2)
    assert await named(page, names.CHECK_FAILURES.name) == {"scenario 0"}
    page.board.watch(series("scenario 0", "scenario 1", scenario(SEVERE, severity=Severity.P0)))
    assert await named(page, names.RATIO.name) | await named(page, names.INFO.name) == {SEVERE}
    assert await named(page, names.CHECK_FAILURES.name) == set()
    assert (await left_out(page))["checks"] == 2


async def test_what_is_removed_makes_room() -> None:
    page = filled(2 * ALL_LINES)
    assert await named(page, "vedette_outcome_duration_seconds_count") == set()
    page.board.watch(series("scenario 0", scenario(SEVERE, severity=Severity.P0)))
    assert await named(page, "vedette_outcome_duration_seconds_count") == {SEVERE, "scenario 0"}
    assert await left_out(page) == {}


async def test_histograms_count_before_the_first_page_is_asked_for() -> None:
    page = page_of(series("slots are shown"))
    page.tell(tick(key()), tick(key()))
    (count,) = [v for (name, _), v in (await page.samples()).items() if name == "vedette_outcome_duration_seconds_count"]
    assert count == 2
