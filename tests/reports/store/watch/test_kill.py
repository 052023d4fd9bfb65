"""This file is for `kill -9` while ticks are stored: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path

from reports.store.database import Database
from reports.store.watch.sink import TickSink
from tests.reports.store.watch.looking import assert_rollups_add_up, rows
from tests.reports.store.watch.test_outages import locked

ROOT = Path(__file__).parents[4]
KILLS = 5

# A tick of the n-th second of a life begins at a whole second, so that one that was stored twice, pushed on by a
# microsecond, shows. Missed ticks are told in the same breath as a tick of the same series.
CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from probes.outcome import Verdict
from reports.store.watch import delivery, sink as sink_module
from reports.store.watch.lines import microseconds
from reports.store.watch.sink import TickSink
from scenarios.watch.events import Missed, MissedReason
from tests.reports.store.watch.ticking import AT, a_key, a_run, a_tick

sys.modules["reports.store.database"].LOCKED_WAIT_S = 0.05
delivery.RETRY_S, sink_module.LINGER_S, sink_module.HURRY_AT = (0.02,), 0.005, 60
whole = AT.replace(microsecond=0)
say = lambda key, at: print(key.scenario, microseconds(at), flush=True)
sink = TickSink(sys.argv[1], spool=Path(sys.argv[2]), acknowledged=say)
run, life, n = a_run(), int(sys.argv[3]), 0
sink.take_watched(run)
while True:
    for series in range(20):
        key, at = a_key(f"series {series}"), whole + timedelta(days=life, seconds=7 * n)
        verdict = Verdict.FAIL if n % 50 == 0 else Verdict.PASS
        sink.take_watched(a_tick(verdict, key=key, at=at, run_id=run.run.id))
        sink.take_watched(Missed(key, at, MissedReason.OVERLAP))
    n += 1
    if n % 5 == 0:
        sink.flush()
"""


def test_kill_9_loses_nothing_that_was_acknowledged_and_counts_nothing_twice(path: Path, tmp_path: Path) -> None:
    """In every other life the store is locked, so that what is acknowledged lies in the spool when the kill comes."""
    Database(path).make_ready()
    dice, acknowledged = random.Random("kill"), set()
    for life in range(KILLS):
        with locked(path) if life % 2 else nullcontext():
            acknowledged |= killed_at_a_random_moment(path, tmp_path / "spool", life, dice.randint(50, 600))
    sink = TickSink(path, spool=tmp_path / "spool")
    assert sink.close()
    assert sink.figures().lost == 0
    stored = set(rows(path, "SELECT s.scenario, t.started_us FROM ticks t JOIN series s ON s.id = t.series_id"))
    assert len(acknowledged) > 50 * KILLS
    assert acknowledged <= stored
    assert {us % 1_000_000 for _, us in stored} == {0}
    missed = rows(path, "SELECT series_id, at, missed FROM rollups WHERE span_s = 300 AND missed > 0")
    assert_rollups_add_up(path, missed)  # type: ignore[arg-type]
    # Each tick was followed by one missed tick; only the last one of a life may have come without it.
    assert len(stored) - KILLS <= sum(ticks for _, _, ticks in missed) <= len(stored)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def killed_at_a_random_moment(path: Path, spool: Path, life: int, after: int) -> set[tuple[str, int]]:
    """Return what a process acknowledged before it was killed after so many acknowledgements."""
    arguments = [sys.executable, "-c", CHILD, str(path), str(spool), str(life)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    said = [line.rpartition(" ") for line in lines if line.endswith("\n")]
    return {(scenario, int(us)) for scenario, _, us in said}
