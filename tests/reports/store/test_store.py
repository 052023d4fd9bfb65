"""This file is for what the store gives back."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.outcome import Evidence, Measurement, Verdict
from reports.store import Store, StoreError, StoreSink
from reports.store.database import Database
from reports.store.lines import to_line
from reports.store.rows import outcome_rows
from reports.store.writer import Writer
from scenarios.events import Ended, OutcomeReady, RunFinished, RunStarted
from tests.reports.store.stored_runs import AT, a_run, feed, full_outcome, full_result, passed, run_info


def stored(where: str | Path, *results: object) -> Store:
    sink = StoreSink(where)
    for result in results:
        feed(sink, result)  # type: ignore[arg-type]
    sink.close()
    return Store(where)


def test_what_is_stored_comes_back_equal_in_every_field(anywhere: str) -> None:
    result = a_run(3)
    store = stored(anywhere, result)
    assert store.run(result.run.id) == result
    store.close()


def test_the_example_leaves_no_field_at_its_default() -> None:
    outcome = full_outcome(run_info())
    for thing in (outcome, outcome.subject, outcome.checks[0], outcome.exchanges[0], outcome.exchanges[0].phases):
        for name, field in type(thing).__dataclass_fields__.items():
            if (type(thing).__name__, name) != ("Check", "control"):  # a control cannot fail; the second check is one
                assert getattr(thing, name) != field.default, f"{type(thing).__name__}.{name}"


def test_the_outcomes_come_back_in_the_runs_order_not_in_the_order_they_arrived(anywhere: str) -> None:
    run = run_info()
    outcomes = tuple(full_outcome(run, f"scenario {n}") for n in range(5))
    sink = StoreSink(anywhere)
    sink.take(RunStarted(run, ()))
    for outcome in reversed(outcomes):
        sink.take(OutcomeReady(outcome))
        sink.flush()
    sink.take(RunFinished(full_result(run, outcomes)))
    sink.close()
    with closing(Store(anywhere)) as store:
        assert store.run().outcomes == outcomes


def test_what_a_rescue_file_brings_to_a_run_comes_after_what_it_has(anywhere: str, tmp_path: Path) -> None:
    run = run_info()
    outcomes = tuple(full_outcome(run, f"scenario {n}") for n in range(4))
    sink = StoreSink(anywhere)
    sink.take(RunStarted(run, ()))
    for outcome in outcomes[:2]:
        sink.take(OutcomeReady(outcome))
    sink.close()
    rescued = tmp_path / "rescued.jsonl"
    rescued.write_text("".join(to_line(kept) + "\n" for kept in (RunStarted(run, ()), outcomes[1], *outcomes[2:])))
    with closing(Store(anywhere)) as store:
        assert store.import_jsonl(rescued) == 3
        assert store.run().outcomes == outcomes


def test_a_group_that_was_not_stored_leaves_no_trace_in_the_runs_order(path: Path) -> None:
    run = run_info()
    first, second = full_outcome(run, "first"), full_outcome(run, "second")
    database = Database(path)
    database.make_ready()
    writer = Writer(database)
    writer.write([RunStarted(run, ()), first])
    with pytest.raises(StoreError):
        writer.write([second, replace(full_outcome(run), run_id="a run that is not there")])
    writer.write([second])
    writer.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT id, place FROM outcomes ORDER BY place").fetchall() == [(first.id, 0), (second.id, 1)]
    connection.close()


def test_an_outcome_that_only_the_result_holds_is_stored_too(path: Path) -> None:
    run = run_info()
    outcome = full_outcome(run)
    sink = StoreSink(path)
    sink.take(RunStarted(run, ()))
    sink.take(RunFinished(full_result(run, (outcome,))))
    sink.close()
    assert Store(path).run().outcomes == (outcome,)


def test_last_is_the_newest_run_and_runs_are_counted_newest_first(anywhere: str) -> None:
    old, new = a_run(), a_run(1, at=AT + timedelta(days=1), target="production")
    store = stored(anywhere, new, old)
    assert store.run() == new
    assert [s.run for s in store.runs()] == [new.run, old.run]
    assert store.runs(limit=1)[0].counts == {Verdict.FAIL: 1}
    assert [s.run for s in store.runs(target="staging")] == [old.run]
    assert store.runs(suite="other") == []
    store.close()


def test_a_scenarios_timeline_is_its_own_newest_first(anywhere: str) -> None:
    run = run_info()
    early, late = full_outcome(run, "a"), passed(full_outcome(run, "a", AT + timedelta(hours=1)))
    store = stored(anywhere, full_result(run, (early, late, full_outcome(run, "b"))), a_run(target="production"))
    assert store.history("a", "staging") == [
        (AT + timedelta(hours=1), Verdict.PASS, 1.25, run.id),
        (AT, Verdict.FAIL, 1.25, run.id),
    ]
    assert len(store.history("a", "staging", 1)) == 1
    assert store.history("a", "staging", suite="other") == []
    store.close()


def test_the_timeline_is_one_look_into_the_index(path: Path) -> None:
    import sqlite3

    stored(path, a_run()).close()
    with sqlite3.connect(path) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT started_at, verdict FROM outcomes "
            "WHERE scenario = 'a' AND target = 'b' ORDER BY started_at DESC"
        ).fetchall()
    connection.close()
    assert "USING COVERING INDEX ix_outcomes_scenario_target_started_at_verdict" in plan[0][3]
    assert len(plan) == 1  # no sorting afterwards


def test_pruning_forgets_old_runs_with_everything_of_theirs(anywhere: str) -> None:
    import sqlalchemy

    old, new = a_run(), a_run(at=AT + timedelta(days=10))
    store = stored(anywhere, old, new)
    assert store.prune(AT + timedelta(days=5)) == 1
    assert [s.run.id for s in store.runs()] == [new.run.id]
    with store._database.reading() as connection:
        left = connection.execute(sqlalchemy.text("SELECT count(*) FROM checks")).scalar_one()
    assert left == sum(len(o.checks) for o in new.outcomes)
    store.close()


def test_a_run_that_never_finished_comes_back_as_interrupted_and_says_so(path: Path) -> None:
    run = run_info()
    outcome = passed(full_outcome(run))
    sink = StoreSink(path)
    sink.take(RunStarted(run, (outcome.subject, full_outcome(run, "never asked").subject)))
    sink.take(OutcomeReady(outcome))
    sink.close()
    back = Store(path).run()
    assert (back.outcomes, back.ended) == ((outcome,), Ended.INTERRUPTED)
    assert back.trouble == ("the run never said that it was over; 1 of 2 planned scenarios have no outcome",)
    assert Store(path).runs()[0].ended is None


@pytest.mark.parametrize("asked", ["last", "0199"])
def test_a_run_that_is_not_there_is_a_sentence(path: Path, asked: str) -> None:
    stored(path, *([] if asked == "last" else [a_run()])).close()
    sink = StoreSink(path)
    sink.take(RunStarted(run_info(), ()))
    sink.close()
    store = Store(path)
    if asked == "last":
        store.prune(AT + timedelta(days=9))
    with pytest.raises(StoreError, match="holds no run yet" if asked == "last" else "holds no run '0199'"):
        store.run(asked)


def test_a_store_that_is_not_there_is_a_sentence_and_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store '.*' yet: it is made by the first run"):
        Store(path).runs()
    assert not path.exists()


def test_a_time_without_a_zone_is_refused(path: Path) -> None:
    run = run_info()
    sink = StoreSink(path)
    sink.take(RunStarted(run, ()))
    sink.take(OutcomeReady(replace(full_outcome(run), started_at=datetime(2026, 11, 21))))
    with pytest.raises(StoreError, match="a time without a zone cannot be stored"):
        sink.close()


def test_a_number_that_is_none_comes_back_as_one(path: Path) -> None:
    run = run_info()
    odd = replace(full_outcome(run), measurements=(Measurement("ratio", math.nan, "1"),))
    value = stored(path, full_result(run, (odd,))).run().outcomes[0].measurements[0].value
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("nul \x00 here", "nul ␀ here"),
        ("not UTF-8 \udcff here", "not UTF-8 ? here"),
        ("🦊 and \u2028", "🦊 and \u2028"),
        ("", ""),
    ],
    ids=["nul", "surrogate", "emoji", "empty"],
)
def test_odd_text_from_a_target_never_loses_an_outcome(anywhere: str, sent: str, kept: str) -> None:
    run = run_info()
    checks = (replace(full_outcome(run).checks[0], evidence=(Evidence(sent, sent, {sent: [sent]}),)),)
    store = stored(anywhere, full_result(run, (replace(full_outcome(run), sentence=sent, checks=checks),)))
    back = store.run().outcomes[0]
    assert back.sentence == kept
    assert back.checks[0].evidence == (Evidence(kept, kept, {kept: [kept]}),)
    store.close()


_SURROGATES = st.characters(categories=("L", "Cs", "Cc", "So"))
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(_SURROGATES) | st.binary()


@given(st.dictionaries(st.text(), st.recursive(_LEAVES, lambda x: st.lists(x) | st.dictionaries(st.text(_SURROGATES), x))))
@settings(max_examples=30, deadline=None)
def test_any_evidence_becomes_json_that_every_database_takes(data: dict[str, object]) -> None:
    odd = replace(full_outcome(run_info()).checks[0], evidence=(Evidence("k", "s", data),))
    text = json.dumps(outcome_rows(replace(full_outcome(run_info()), checks=(odd,)), 0)[1], allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode("utf-8")


@pytest.mark.parametrize("name", ["reports.store", "reports.store.sink", "reports.store.preflight", "reports.formats.reporter"])
def test_the_stores_interface_costs_no_database_library(name: str) -> None:
    code = (
        f"import sys, importlib; importlib.import_module({name!r}); "
        "from reports.store import StoreSink, StoreError, check_store; "
        "print(sorted({'sqlmodel', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_alembic_is_loaded_to_make_the_tables_and_never_again(path: Path) -> None:
    code = (
        "import sys; from tests.reports.store.stored_runs import a_run, feed; from reports.store import StoreSink\n"
        f"sink = StoreSink({str(path)!r}); feed(sink, a_run()); sink.close(); print('alembic' in sys.modules)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert said == ["True\n", "False\n"]


@pytest.mark.parametrize("address", ["postgresql+psycopg://u:hunter2@127.0.0.1:1/x", "nosuch://u:hunter2@h/x"])
def test_a_password_in_an_address_is_never_shown(address: str) -> None:
    with pytest.raises(StoreError) as problem:
        Store(address).runs()
    assert "hunter2" not in str(problem.value)
