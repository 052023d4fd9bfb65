"""This file is for storing what watching tells: each tick once, in groups, without holding up whoever tells it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Measurement, Verdict
from reports.store import Store, StoreError
from reports.store.watch import sink as sink_module
from reports.store.watch.lines import instant, microseconds
from reports.store.watch.sink import TickSink
from reports.store.watch.tick_writer import TickWriter
from scenarios.watch.events import Missed, MissedReason, Retired, SeriesKey, Trigger
from tests.reports.store.watch.looking import assert_rollups_add_up, rows, starts
from tests.reports.store.watch.ticking import AT, a_key, a_run, a_tick, every


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def told(where: str, spool: Path, *events: object) -> None:
    sink = TickSink(where, spool=spool)
    for event in events:
        sink.take_watched(event)  # type: ignore[arg-type]
    assert sink.close()


def test_every_tick_is_a_line_and_its_rollups_add_up(anywhere: str, spool: Path) -> None:
    verdicts = list(Verdict) * 20
    ticks = [
        a_tick(verdict, at=at, duration_s=0.01 * n) for n, (verdict, at) in enumerate(zip(verdicts, every(70, 120), strict=True))
    ]
    told(anywhere, spool, a_run(), *ticks, a_tick(Verdict.FAIL, at=AT + timedelta(seconds=5), maintenance="window"))
    assert starts(anywhere) == sorted([microseconds(t.outcome.started_at) for t in ticks] + [microseconds(AT) + 5_000_000])
    assert_rollups_add_up(anywhere)
    counted = dict(
        rows(anywhere, "SELECT span_s, sum(passed + degraded + failed + errors + inconclusive + skipped) FROM rollups GROUP BY 1")
    )
    assert counted == {300: 120, 3600: 120}


def test_a_tick_keeps_its_figures(anywhere: str, spool: Path) -> None:
    told(
        anywhere,
        spool,
        a_tick(Verdict.FAIL, trigger=Trigger.MANUAL, sentence="the till is shut", maintenance="m1", version="2.0"),
    )
    found = rows(
        anywhere,
        "SELECT verdict, flags, lateness_us, duration_us, dns_us, connect_us, tls_us, first_byte_us,"
        " body_us, version, sentence FROM ticks",
    )
    assert found == [(0, 1 + 2 * 2, 10_000, 50_000, 1000, 2000, 3000, 4000, 5000, "2.0", "the till is shut")]


def test_two_ticks_in_one_microsecond_are_two_ticks(anywhere: str, spool: Path) -> None:
    told(anywhere, spool, a_tick(), a_tick(), a_tick(Verdict.FAIL))
    told(anywhere, spool, a_tick(), a_tick(key=a_key("another")))
    us = microseconds(AT)
    assert starts(anywhere, a_key()) == [us, us + 1, us + 2, us + 3]
    assert_rollups_add_up(anywhere)


def test_a_clock_that_was_set_back_changes_nothing_but_the_times(anywhere: str, spool: Path) -> None:
    forth, back = every(600, 7), every(600, 7, since=AT - timedelta(hours=1))
    told(anywhere, spool, *[a_tick(at=at) for at in forth], *[a_tick(Verdict.FAIL, at=at) for at in back])
    told(anywhere, spool, *[a_tick(at=at + timedelta(seconds=1)) for at in [*back, *forth]])
    assert len(starts(anywhere)) == 28
    assert_rollups_add_up(anywhere)


def test_the_series_stands_as_its_newest_tick_said(anywhere: str, spool: Path) -> None:
    ends = datetime(2027, 1, 1, tzinfo=AT.tzinfo)
    certificate = (Measurement(CERTIFICATE_ENDS, ends.timestamp(), UNIX_TIME),)
    one, two, three, four, five = every(60, 5)
    told(
        anywhere,
        spool,
        a_tick(at=one, measurements=certificate),
        a_tick(Verdict.DEGRADED, at=two, sentence="slow"),
        a_tick(Verdict.FAIL, at=three, sentence="broken"),
        a_tick(Verdict.ERROR, at=four, sentence="cannot ask"),
    )
    query = (
        "SELECT verdict, sentence, in_row, duration_s, version, maintenance, since_at, last_at,"
        " last_good_at, certificate_expires_at FROM series"
    )
    (found,) = rows(anywhere, query)
    assert found[:6] == ("error", "cannot ask", 2, 0.05, "1.4.2", "")
    assert [seen(at) for at in found[6:]] == [three, four, two, ends]
    told(anywhere, spool, a_tick(Verdict.SKIPPED, at=five, maintenance="w"))
    (found,) = rows(anywhere, query)
    assert (found[0], found[2], found[5], seen(found[6])) == ("skipped", 2, "w", three)


def test_missed_ticks_stand_in_the_rollups_also_of_a_series_that_never_answered(anywhere: str, spool: Path) -> None:
    missed = [Missed(a_key("hangs"), AT, MissedReason.OVERLAP, 3), Missed(a_key("hangs"), AT, MissedReason.CLOCK)]
    told(anywhere, spool, *missed, a_tick(key=a_key("hangs"), at=AT + timedelta(seconds=9)))
    assert_rollups_add_up(anywhere, [(1, int(AT.timestamp()), 4)])
    assert rows(anywhere, "SELECT subject FROM series")[0][0] is not None


def test_a_retired_series_keeps_its_history_and_comes_back_with_its_next_tick(anywhere: str, spool: Path) -> None:
    told(anywhere, spool, a_tick(), a_tick(key=a_key("other")), Retired((a_key(), a_key("never seen"))))
    asked = "SELECT scenario FROM series WHERE retired_at IS NOT NULL"
    assert rows(anywhere, asked) == [("checkout",)]
    assert len(starts(anywhere)) == 2
    told(anywhere, spool, a_tick(at=AT + timedelta(seconds=60)))
    assert rows(anywhere, asked) == []


def test_evidence_is_kept_whole_where_it_matters_with_the_run_it_belongs_to(anywhere: str, spool: Path) -> None:
    run = a_run()
    verdicts = [Verdict.PASS] * 20 + [Verdict.FAIL] * 5 + [Verdict.PASS] * 5
    ticks = [a_tick(v, at=at, run_id=run.run.id) for v, at in zip(verdicts, every(10, 30), strict=True)]
    told(anywhere, spool, run, *ticks)
    kept = [ticks[0], ticks[20], ticks[23], ticks[25]]
    stored = rows(anywhere, "SELECT outcome_id, started_us FROM ticks WHERE outcome_id IS NOT NULL ORDER BY 2")
    assert [row[0] for row in stored] == [t.outcome.id for t in kept]
    back = Store(anywhere)
    assert list(back.run(run.run.id).outcomes) == [t.outcome for t in kept]
    assert back.run(run.run.id).run == run.run
    back.close()
    assert rows(anywhere, "SELECT outcome_id FROM series") == [(ticks[25].outcome.id,)]


def test_what_a_deploys_run_keeps_is_linked_and_not_kept_twice(anywhere: str, spool: Path) -> None:
    tick = a_tick(Verdict.FAIL, trigger=Trigger.DEPLOY)
    told(anywhere, spool, tick)
    assert rows(anywhere, "SELECT outcome_id FROM ticks") == [(tick.outcome.id,)]
    assert rows(anywhere, "SELECT count(*) FROM outcomes") == [(0,)]


def test_an_outcome_whose_run_was_never_told_is_kept_all_the_same(anywhere: str, spool: Path) -> None:
    tick = a_tick(Verdict.FAIL, run_id="never told")
    told(anywhere, spool, tick)
    back = Store(anywhere)
    assert back.run("never told").outcomes == (tick.outcome,)
    back.close()


def test_a_tick_is_acknowledged_only_after_its_commit(anywhere: str, spool: Path) -> None:
    found: list[tuple[SeriesKey, datetime, bool]] = []

    def look(key: SeriesKey, at: datetime) -> None:
        found.append((key, at, microseconds(at) in starts(anywhere, key)))  # another connection sees only what is committed

    sink = TickSink(anywhere, spool=spool, acknowledged=look)
    for at in every(1, 3):
        sink.take_watched(a_tick(at=at))
    assert sink.close()
    assert found == [(a_key(), at, True) for at in every(1, 3)]


def test_odd_text_loses_no_tick(anywhere: str, spool: Path) -> None:
    odd = "nul \x00 and \udcff"
    told(
        anywhere,
        spool,
        a_tick(Verdict.FAIL, sentence=odd, version=odd, maintenance=odd, key=a_key(odd)),
        a_tick(key=a_key(odd), at=AT + timedelta(1)),
    )
    assert rows(anywhere, "SELECT sentence, version FROM ticks ORDER BY started_us")[0] == ("nul ␀ and ?", "nul ␀ and ?")
    assert_rollups_add_up(anywhere)


def test_a_line_that_no_store_takes_is_refused_alone_and_counted(anywhere: str, spool: Path) -> None:
    ticks = [a_tick(at=at, duration_s=1e300 if n == 3 else 0.1) for n, at in enumerate(every(1, 8))]
    sink = TickSink(anywhere, spool=spool)
    for tick in [*ticks, a_tick(at=AT + timedelta(9), duration_s=float("nan"))]:
        sink.take_watched(tick)
    assert sink.close()
    figures = sink.figures()
    assert (figures.written, figures.lost, figures.healthy) == (7, 2, True)
    assert starts(anywhere) == [microseconds(t.outcome.started_at) for n, t in enumerate(ticks) if n != 3]
    assert_rollups_add_up(anywhere)
    assert "refused.jsonl" in {p.name for p in spool.iterdir()}


def test_a_store_that_hangs_never_holds_up_whoever_tells(path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, inside = threading.Event(), threading.Event()
    real = TickWriter.write

    def slow(self: TickWriter, lines: object, life: str = "") -> None:
        inside.set()
        gate.wait(30)
        real(self, lines, life)  # type: ignore[arg-type]

    monkeypatch.setattr(TickWriter, "write", slow)
    monkeypatch.setattr(sink_module, "MOST_ARRIVING", 50)
    sink = TickSink(path, spool=spool)
    sink.take_watched(a_tick())
    assert inside.wait(30)
    for at in every(1, 60, since=AT + timedelta(60)):
        sink.take_watched(a_tick(at=at))  # would hang here if a full queue were waited for
    assert sink.figures().queued >= 50
    gate.set()
    assert sink.close()
    assert sink.figures().lost == 10
    assert starts(path) == [microseconds(at) for at in [AT, *every(1, 60, since=AT + timedelta(60))[10:]]]


def test_nobody_who_flushes_or_closes_waits_for_a_group_to_fill(path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "LINGER_S", 3600.0)
    sink = TickSink(path, spool=spool)
    sink.take_watched(a_tick())
    assert sink.flush()
    assert len(starts(path)) == 1
    for at in every(1, sink_module.HURRY_AT, since=AT + timedelta(60)):
        sink.take_watched(a_tick(at=at))
    assert sink.flush(30)
    assert sink.close()


def test_what_comes_after_close_is_refused(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool)
    assert sink.close()
    assert sink.close()
    with pytest.raises(StoreError, match="is closed already"):
        sink.take_watched(a_tick())


def test_a_spool_folder_has_one_user(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool)
    with pytest.raises(StoreError, match=r"the spool folder '.*' is in use by another vedette"):
        TickSink(path, spool=spool)
    assert sink.close()
    TickSink(path, spool=spool).close()


def test_a_spool_that_cannot_be_made_is_said(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"the spool folder '.*' cannot be used"):
        TickSink(path, spool=tmp_path / "file" / "spool")


def seen(at: object) -> datetime:
    """Return an instant of either database."""
    when = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return when if when.tzinfo else when.replace(tzinfo=AT.tzinfo)


def test_times_come_back_from_microseconds_as_they_were() -> None:
    for at in (AT, AT + timedelta(days=365 * 70, microseconds=1), datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=AT.tzinfo)):
        assert instant(microseconds(at)) == at
