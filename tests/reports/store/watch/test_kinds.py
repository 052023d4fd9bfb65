"""This file is for stretches of watching among runs: they hide no run that somebody asked for, and are read in part."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from probes.outcome import Verdict
from reports.store import Store, StoreSink
from reports.store import store as store_module
from reports.store.watch.sink import TickSink
from scenarios.events import Ended, RunResult
from tests.reports.store.stored_runs import a_run as asked_for
from tests.reports.store.stored_runs import feed
from tests.reports.store.watch.ticking import AT, a_run, a_tick, every


def smoke(where: str, *, kind: str = "smoke") -> RunResult:
    result = asked_for(1, at=AT - timedelta(hours=1))
    result = replace(result, run=replace(result.run, kind=kind))
    sink = StoreSink(where)
    feed(sink, result)
    sink.close()
    return result


def watched(where: str, spool: Path, number: int) -> str:
    run = a_run(at=AT)
    sink = TickSink(where, spool=spool)
    sink.take_watched(run)
    for at in every(40, number):
        sink.take_watched(a_tick(Verdict.FAIL, at=at, run_id=run.run.id))
    assert sink.close()
    return run.run.id


def test_a_stretch_of_watching_hides_no_run_that_somebody_asked_for(anywhere: str, tmp_path: Path) -> None:
    first, second = smoke(anywhere), smoke(anywhere, kind="deploy")
    stretch = watched(anywhere, tmp_path / "spool", 3)
    with closing(Store(anywhere)) as store:
        assert store.run().run.id in (first.run.id, second.run.id)
        assert {found.run.id for found in store.runs()} == {first.run.id, second.run.id}
        assert [found.run.id for found in store.runs(kind="watch")] == [stretch]
        assert len(store.runs(kinds=("smoke", "watch"))) == 2


def test_of_a_stretch_come_the_newest_outcomes_and_it_says_so(
    anywhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_OF_A_STRETCH", 4)
    few, many = watched(anywhere, tmp_path / "spool", 4), watched(anywhere, tmp_path / "spool", 10)
    with closing(Store(anywhere)) as store:
        assert (len(store.run(few).outcomes), store.run(few).trouble, store.run(few).ended) == (4, (), Ended.COMPLETED)
        result = store.run(many)
    assert [o.started_at for o in result.outcomes] == every(40, 10)[-4:]
    assert result.trouble == ("these are the newest 4 of 10 outcomes that were kept whole",)
    assert result.finished_at == result.outcomes[-1].started_at + timedelta(seconds=0.05)


def test_forgetting_old_runs_leaves_watching_alone(anywhere: str, tmp_path: Path) -> None:
    smoke(anywhere)
    stretch = watched(anywhere, tmp_path / "spool", 2)
    with closing(Store(anywhere)) as store:
        assert store.prune(AT + timedelta(days=1)) == 1
        assert len(store.run(stretch).outcomes) == 2
