"""This file is for tests that lists of runs and outcomes can be read page by page, nothing left out, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from probes.outcome import Verdict
from reports.store.sink import StoreSink
from reports.store.store import Store
from scenarios.events import RunResult
from tests.reports.store.stored_runs import AT, a_run, feed, full_outcome, full_result, run_info


@pytest.fixture
def stored(anywhere: str) -> Iterator[Callable[..., Store]]:
    """Yield what stores runs and returns the store that holds them."""
    store = Store(anywhere)

    def keep(*results: RunResult) -> Store:
        sink = StoreSink(anywhere)
        for result in results:
            feed(sink, result)
        sink.close()
        return store

    yield keep
    store.close()


def test_runs_are_read_page_by_page_also_those_of_one_instant(stored: Callable[..., Store]) -> None:
    results = [a_run(1, at=AT + timedelta(seconds=second)) for second in (0, 1, 1, 1, 2)]
    store = stored(*results)
    seen, before = [], None
    while page := store.runs(2, before=before):
        seen += [summary.run.id for summary in page]
        before = (page[-1].run.started_at, page[-1].run.id)
    assert seen == [summary.run.id for summary in store.runs(99)]
    assert len(set(seen)) == 5


def test_runs_are_chosen_by_kind(stored: Callable[..., Store]) -> None:
    watch = replace(run_info(), kind="watch")
    store = stored(a_run(1), full_result(watch, (full_outcome(watch),)))
    assert [summary.run.kind for summary in store.runs(kind="watch")] == ["watch"]
    assert store.runs(kind="deploy") == []


def test_one_run_is_told_without_its_outcomes_and_a_run_that_is_not_there_is_none(stored: Callable[..., Store]) -> None:
    result = a_run(3)
    store = stored(result)
    summary = store.summary(result.run.id)
    assert summary is not None
    assert (summary.run, summary.counts, summary.wall_s) == (result.run, {Verdict.FAIL: 3}, 9.5)
    assert store.summary("01981f6e") is None


def test_outcomes_of_a_run_are_read_page_by_page_in_its_order(stored: Callable[..., Store]) -> None:
    result = a_run(5)
    store = stored(result, a_run(2))
    seen, after = [], None
    while page := store.briefs(result.run.id, 2, after):
        seen += page
        after = (page[-1].place, page[-1].id)
    assert [one.id for one in seen] == [outcome.id for outcome in result.outcomes]
    told = [(one.scenario, one.severity, one.verdict, one.sentence, one.started_at, one.duration_s) for one in seen]
    assert told == [
        (o.subject.scenario, o.subject.severity, o.verdict, o.sentence, o.started_at, o.duration_s) for o in result.outcomes
    ]
