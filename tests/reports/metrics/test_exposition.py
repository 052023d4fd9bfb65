"""This file is for the page of metrics: read back by strangers' parsers, it says what happened and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Exchange, Measurement, Phases, Severity, Verdict
from reports.board import Board
from reports.metrics import exposition, names
from reports.metrics.exposition import Exposition
from reports.metrics.names import Kind
from scenarios.watch.events import Missed, MissedReason, Retired, Trigger, WatchEvent
from scenarios.watch.series import Watched
from tests.reports.metrics.test_gates import gate
from tests.reports.watched import AT, SetClock, key, scenario, series, tick

pytestmark = pytest.mark.anyio

PROMTOOL = Path("/usr/bin/promtool")
SLOTS = key()
LABELS = {"suite": "shop", "scenario": "slots are shown", "target": "production", "location": "local"}
EXCHANGE = Exchange("GET", "http://x/", "id", 0.0, 0.2, Phases(None, 0.002, 0.01, 0.03, 0.0), 200, 12)


@dataclass
class Page:
    """A board and the page of metrics, told as the service tells them."""

    board: Board
    metrics: Exposition
    clock: SetClock

    def tell(self, *events: WatchEvent) -> None:
        for event in events:
            self.board.take_watched(event)
            self.metrics.take_watched(event)

    async def samples(self, *, openmetrics: bool = False) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Return every sample by name and labels, as a parser that is not ours reads them; none may be there twice."""
        text = (await self.metrics.text(openmetrics=openmetrics)).decode()
        parse = openmetrics_families if openmetrics else text_string_to_metric_families
        found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in parse(text):
            for sample in family.samples:
                place = (sample.name, frozenset(sample.labels.items()))
                assert place not in found, place
                found[place] = sample.value
        return found

    async def value(self, metric: names.Metric | str, **labels: str) -> float | None:
        name = metric if isinstance(metric, str) else metric.name
        return (await self.samples()).get((name, frozenset(labels.items())))

    async def of(self, metric: names.Metric, **labels: str) -> float | None:
        """Return the value of the first scenario."""
        return await self.value(metric, **LABELS, **labels)


def page_of(watching: Iterable[Watched], **options: Any) -> Page:
    clock = SetClock()
    board = Board(clock=clock)
    board.watch(list(watching))
    return Page(board, Exposition(board, clock=clock, version="0.2.0", **options), clock)


@pytest.fixture
def page() -> Page:
    return page_of(series("slots are shown", "hours are kept"))


def figures() -> tuple[Any, Any]:
    lane = SimpleNamespace(running=1, waiting=2)
    asked = SimpleNamespace(
        running=3, waiting=4, answered=5, loop_lag_s=0.006, clock_jumps=7, by_target={("shop", "production"): lane},
        overdue_s=0.5, left_behind=8, sink_errors=9,
    )  # fmt: skip
    stored = SimpleNamespace(
        queued=10, spooled=11, spooled_bytes=12, written=13, write_errors=14, lost=15, shed=16, healthy=False, last_error="full"
    )
    return asked, stored


def full_page() -> Page:
    """Return a page on which every metric has something to say, in every verdict."""
    scenarios = [scenario(f'every "{verdict}" \\ counts', owner="Jo\\e", severity=Severity.P0) for verdict in Verdict]
    watching = series(*scenarios, "slots are shown", targets=("production", "staging"))
    page = page_of(watching)
    asked, stored = figures()
    page.metrics.sources.scheduling, page.metrics.sources.storing = lambda: asked, lambda: stored
    page.metrics.deployed("shop", "production", "1.4.2", AT)
    page.metrics.gates.take(gate())
    ends = (Measurement(CERTIFICATE_ENDS, 1_800_000_000.0, UNIX_TIME),)
    for verdict, one in zip((*Verdict, *Verdict, Verdict.PASS), watching, strict=False):
        told = tick(one, verdict, outcome={"exchanges": (EXCHANGE,), "measurements": ends})
        page.tell(told, replace(told, maintenance="w"), replace(told, lateness_s=0.3))
        page.metrics.acknowledged(one.key, AT)
    page.tell(Missed(SLOTS, AT, MissedReason.OVERLAP, 2))
    return page


# Read by strangers


def checked(text: bytes) -> tuple[int, bytes, bytes]:
    """Return what promtool says of a page."""
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


async def test_promtool_finds_nothing_to_say_about_the_whole_page(require: Callable[[str, bool], None]) -> None:
    require("promtool (Debian's package prometheus)", PROMTOOL.exists())
    text = await full_page().metrics.text()
    assert checked(text) == (0, b"", b"")


async def test_promtool_would_have_said_something(require: Callable[[str, bool], None]) -> None:
    require("promtool (Debian's package prometheus)", PROMTOOL.exists())
    for broken in (b"\nvedette_x_total 1\n", b'\nvedette_build_info{version="1} 1\n'):
        text = await full_page().metrics.text() + broken
        assert checked(text)[0] != 0


async def test_both_formats_say_the_same() -> None:
    page = full_page()
    plain, open_ = await page.samples(), await page.samples(openmetrics=True)
    changing = ("process_", "python_gc_")
    assert {k: v for k, v in plain.items() if not k[0].startswith(changing)} == {
        k: v for k, v in open_.items() if not k[0].startswith(changing)
    }
    assert len(plain) > 400


@pytest.mark.parametrize("openmetrics", [False, True])
async def test_every_metric_is_there_with_the_type_and_labels_that_the_docs_tell(openmetrics: bool) -> None:
    text = (await full_page().metrics.text(openmetrics=openmetrics)).decode()
    parse = openmetrics_families if openmetrics else text_string_to_metric_families
    families = {f.name: f for f in parse(text) if f.name.startswith("vedette_")}
    assert set(families) == {m.name.removesuffix("_total") for m in names.ALL}
    for metric in names.ALL:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        more = {"le"} if metric.kind is Kind.HISTOGRAM else set()
        labels = {frozenset(sample.labels) - more for sample in family.samples}
        assert labels == {frozenset(metric.labels)}, metric.name


async def test_the_figures_of_the_process_are_there() -> None:
    found = {name for name, _ in await full_page().samples()}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "python_gc_collections_total"} <= found


# What is said of a scenario


async def test_answers_are_counted_by_verdict_from_nothing_on(page: Page) -> None:
    assert [await page.of(names.OUTCOMES, verdict=verdict) for verdict in Verdict] == [0] * 6
    for verdict, times in zip(Verdict, (1, 2, 3, 4, 5, 6), strict=True):
        page.tell(*[tick(SLOTS, verdict)] * times)
        await page.metrics.text()  # what is rendered once must not stay when it changes
    assert [await page.of(names.OUTCOMES, verdict=verdict) for verdict in Verdict] == [1, 2, 3, 4, 5, 6]


async def test_answers_in_maintenance_are_counted_apart(page: Page) -> None:
    page.tell(tick(SLOTS), tick(SLOTS, Verdict.FAIL, maintenance="w"))
    assert await page.of(names.OUTCOMES, verdict="fail") == 0
    assert (await page.of(names.MAINTAINED), await page.of(names.IN_MAINTENANCE)) == (1, 1)
    assert await page.of(names.CHECK_FAILURES, check="tenants are kept apart") is None
    assert await page.value("vedette_outcome_duration_seconds_count", **LABELS) == 1
    page.tell(tick(SLOTS))
    assert await page.of(names.IN_MAINTENANCE) == 0


async def test_pass_ratios_follow_the_answers_and_the_time(page: Page) -> None:
    windows = ("5m", "1h", "24h", "30d")

    async def ratios() -> list[float | None]:
        return [await page.of(names.RATIO, window=window) for window in windows]

    assert await ratios() == [None] * 4  # never a ratio without evidence
    page.tell(tick(SLOTS))
    assert await ratios() == [1.0] * 4
    page.tell(tick(SLOTS, Verdict.FAIL))
    assert await ratios() == [0.5] * 4
    page.clock.on(minutes=6)
    assert await ratios() == [None, 0.5, 0.5, 0.5]
    page.tell(tick(SLOTS), tick(SLOTS))
    assert await ratios() == [1.0, 0.75, 0.75, 0.75]
    page.clock.on(hours=2)
    assert await ratios() == [None, None, 0.75, 0.75]
    page.clock.on(days=40)
    assert await ratios() == [None] * 4


async def test_ratios_of_a_scenario_that_is_always_good_vanish_with_its_answers(page: Page) -> None:
    for _ in range(12):
        page.tell(tick(SLOTS))
        assert await page.of(names.RATIO, window="5m") == 1.0
        page.clock.on(minutes=1)
    page.clock.on(minutes=4)
    assert await page.of(names.RATIO, window="5m") == 1.0
    page.clock.on(minutes=1)
    assert await page.of(names.RATIO, window="5m") is None


async def test_whether_it_is_good_is_said_only_while_somebody_asks(page: Page) -> None:
    assert await page.of(names.GOOD) is None
    for verdict, good in ((Verdict.DEGRADED, 1), (Verdict.SKIPPED, 1), (Verdict.INCONCLUSIVE, 0), (Verdict.PASS, 1)):
        page.tell(tick(SLOTS, verdict))
        assert (await page.of(names.GOOD), await page.of(names.VERDICT, verdict=verdict)) == (good, 1)
    page.clock.on(minutes=10)
    assert await page.of(names.GOOD) == 0
    assert await page.value(names.GOOD, **{**LABELS, "scenario": "hours are kept"}) == 0  # never asked at all
    assert await page.value(names.SCENARIOS, standing="stale") == 2


async def test_only_the_newest_verdict_is_told(page: Page) -> None:
    page.tell(tick(SLOTS))
    await page.metrics.text()
    page.tell(tick(SLOTS, Verdict.FAIL))
    told = [dict(labels)["verdict"] for name, labels in await page.samples() if name == names.VERDICT.name]
    assert told == ["fail"]


async def test_instants_are_told_in_unix_time(page: Page) -> None:
    ends = (Measurement(CERTIFICATE_ENDS, 1_800_000_000.0, UNIX_TIME),)
    page.tell(tick(SLOTS, outcome={"measurements": ends}), tick(SLOTS, Verdict.FAIL, at=AT + timedelta(seconds=60.25)))
    assert await page.of(names.LAST_GOOD) == AT.timestamp()
    assert await page.of(names.LAST_OUTCOME) == AT.timestamp() + 60.25
    assert await page.of(names.CERTIFICATE) == 1_800_000_000
    page.tell(tick(SLOTS, at=AT + timedelta(seconds=120)))
    assert (await page.of(names.LAST_GOOD), await page.of(names.LAST_OUTCOME)) == (AT.timestamp() + 120, AT.timestamp() + 120)


async def test_good_answers_are_measured_by_bucket(page: Page) -> None:
    for seconds in (0.004, 0.005, 0.3, 99):
        page.tell(tick(SLOTS, outcome={"duration_s": seconds}))
    page.tell(tick(SLOTS, Verdict.FAIL, outcome={"duration_s": 7.0}))
    found = await page.samples()

    def bucket(le: str) -> float:
        return found["vedette_outcome_duration_seconds_bucket", frozenset({**LABELS, "le": le}.items())]

    assert [bucket(le) for le in ("0.005", "0.025", "0.5", "30.0", "+Inf")] == [2, 2, 3, 3, 4]
    assert await page.value("vedette_outcome_duration_seconds_sum", **LABELS) == pytest.approx(99.309)


async def test_phases_are_measured_by_target_where_they_happened(page: Page) -> None:
    page.tell(tick(SLOTS, outcome={"exchanges": (EXCHANGE, EXCHANGE)}))
    place = {"suite": "shop", "target": "production"}
    counts = {p: await page.value("vedette_phase_duration_seconds_count", **place, phase=p) for p in ("dns", "tls", "body")}
    assert counts == {"dns": None, "tls": 2, "body": 2}


async def test_checks_that_did_not_hold_are_counted_by_name_up_to_ten(page: Page) -> None:
    fail = tick(SLOTS, Verdict.FAIL)
    for number in range(25):
        checks = (replace(fail.outcome.checks[2], name=f"tenant {number}'s answer is its own"), *fail.outcome.checks[:2])
        page.tell(replace(fail, outcome=replace(fail.outcome, checks=checks)))
    page.tell(tick(SLOTS, Verdict.INCONCLUSIVE), tick(SLOTS, Verdict.DEGRADED))
    told = {dict(labels)["check"]: v for (name, labels), v in (await page.samples()).items() if name == names.CHECK_FAILURES.name}
    assert told == {**{f"tenant {number}'s answer is its own": 1 for number in range(10)}, "other": 16}


async def test_a_name_with_every_odd_sign_is_told_as_it_is() -> None:
    odd = 'say "hello" \\ {and} # ' + "ü" * 170
    page = page_of(series(odd))
    page.tell(tick(page.board.lines().__iter__().__next__().key))
    told = {dict(labels).get("scenario") for name, labels in await page.samples() if name == names.OUTCOMES.name}
    assert told == {odd}


async def test_no_secret_that_a_name_took_from_the_environment_is_told() -> None:
    watching = series("tenant s3cr3t-of-ours is served", "tenant 0th3r-secret is served")
    watching[0].suite._secrets = (("s3cr3t-of-ours", "token"), ("0th3r-secret", "token"))
    page = page_of(watching)
    page.tell(*(tick(one) for one in watching))
    text = (await page.metrics.text()).decode()
    assert "s3cr3t" not in text and "0th3r" not in text
    await page.samples()  # the two look the same now, and must not be there twice
    assert f'scenario="tenant [token] is served ({watching[1].key.slug})"' in text


# What comes and goes


async def test_a_scenario_that_is_removed_is_gone_from_the_next_page(page: Page) -> None:
    page.tell(tick(SLOTS, Verdict.FAIL, outcome={"exchanges": (EXCHANGE,)}), tick(key("hours are kept")))
    assert "slots are shown" in (await page.metrics.text()).decode()
    page.tell(Retired((SLOTS,)))
    page.tell(tick(SLOTS, Verdict.FAIL))  # was at work when it was removed
    text = (await page.metrics.text()).decode()
    assert "slots are shown" not in text and "hours are kept" in text


async def test_a_target_that_is_removed_takes_its_phases_and_its_version_with_it() -> None:
    page = page_of(series("slots are shown", targets=("production", "staging")))
    for target in ("production", "staging"):
        page.metrics.deployed("shop", target, "1.4.2", AT)
        page.tell(tick(key(target=target), outcome={"exchanges": (EXCHANGE,)}))
    assert 'target="staging"' in (await page.metrics.text()).decode()
    page.board.watch(series("slots are shown"))
    text = (await page.metrics.text()).decode()
    assert 'target="staging"' not in text and 'vedette_deploy_info{suite="shop",target="production",version="1.4.2"} 1' in text


async def test_a_reload_goes_on_counting_and_tells_what_is_new(page: Page) -> None:
    page.tell(tick(SLOTS, outcome={"duration_s": 1.0}), tick(SLOTS, Verdict.FAIL))
    await page.metrics.text()
    page.board.watch(series(scenario("slots are shown", severity=Severity.P0, owner="night shift"), "a new one"))
    assert await page.of(names.OUTCOMES, verdict="fail") == 1
    assert await page.of(names.CHECK_FAILURES, check="tenants are kept apart") == 1
    assert await page.value("vedette_outcome_duration_seconds_sum", **LABELS) == 1.0
    info = {"kind": "says", "environment": "local", "severity": "P0", "owner": "night shift"}
    infos = [dict(labels) for name, labels in await page.samples() if name == names.INFO.name]
    assert [i["owner"] for i in infos if i["scenario"] == "slots are shown"] == [info["owner"]]
    assert {i["scenario"] for i in infos} == {"slots are shown", "a new one"}


# What is said of the service


async def test_it_beats_only_while_answers_are_asked_for_and_stored(page: Page) -> None:
    assert await page.value(names.HEARTBEAT) == 0
    page.tell(tick(SLOTS))  # asked, and not stored
    assert await page.value(names.HEARTBEAT) == 0
    page.metrics.acknowledged(SLOTS, AT)
    assert await page.value(names.HEARTBEAT) == 1
    page.clock.on(minutes=10)
    page.metrics.acknowledged(SLOTS, AT)  # came from the spool: nobody asks now
    assert await page.value(names.HEARTBEAT) == 1
    page.metrics.acknowledged(SLOTS, page.clock())
    assert await page.value(names.HEARTBEAT) == 2


async def test_lateness_is_of_what_is_scheduled(page: Page) -> None:
    page.tell(tick(SLOTS, lateness_s=0.3), tick(SLOTS, lateness_s=9.0, trigger=Trigger.MANUAL), tick(SLOTS, lateness_s=-0.001))
    assert await page.value("vedette_schedule_lateness_seconds_count") == 2
    assert await page.value("vedette_schedule_lateness_seconds_sum") == 0.3
    assert await page.value("vedette_schedule_lateness_seconds_bucket", le="0.25") == 1


async def test_missed_ticks_are_counted_by_reason(page: Page) -> None:
    page.tell(Missed(SLOTS, AT, MissedReason.OVERLAP, 3), Missed(key("gone"), AT, MissedReason.DOWN, 100))
    assert [await page.value(names.MISSED, reason=reason) for reason in MissedReason] == [3, 0, 100, 0]


async def test_figures_are_those_of_the_parts_when_the_page_is_written(page: Page) -> None:
    assert await page.value(names.RUNNING) is None  # never made up
    asked, stored = figures()
    page.metrics.sources.scheduling, page.metrics.sources.storing = lambda: asked, lambda: stored
    told = [names.RUNNING, names.WAITING, names.ANSWERED, names.LOOP_LAG, names.CLOCK_JUMPS, names.LEFT_BEHIND, names.SINK_ERRORS,
            names.STORE_QUEUE, names.STORE_SPOOLED, names.STORE_SPOOLED_BYTES, names.STORE_WRITTEN, names.STORE_ERRORS,
            names.STORE_LOST, names.STORE_SHED, names.STORE_HEALTHY, names.OVERDUE]  # fmt: skip
    assert [await page.value(metric) for metric in told] == [3, 4, 5, 0.006, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0.5]
    assert await page.value(names.TARGET_WAITING, suite="shop", target="production") == 2
    stored.healthy = True
    assert await page.value(names.STORE_HEALTHY) == 1


async def test_a_reload_that_failed_is_told_and_the_last_good_one_stays(page: Page) -> None:
    assert (await page.value(names.RELOAD_OK), await page.value(names.RELOAD_AT)) == (1, AT.timestamp())
    page.metrics.reloaded(ok=False, at=AT + timedelta(hours=1))
    assert (await page.value(names.RELOAD_OK), await page.value(names.RELOAD_AT)) == (0, AT.timestamp())
    page.metrics.reloaded(ok=True, at=AT + timedelta(hours=2))
    assert (await page.value(names.RELOAD_OK), await page.value(names.RELOAD_AT)) == (1, AT.timestamp() + 7200)


# Others have their turn


async def test_others_have_their_turn_while_a_long_page_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "_BLOCK", 50)
    page = page_of(series(*(f"scenario {number}" for number in range(1_000))))
    page.tell(*(tick(line.key) for line in page.board.lines()))
    turns, over = 0, False

    async def others() -> None:
        nonlocal turns
        while not over:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(others())
        await page.metrics.text()
        over = True
    assert turns > 12 * 20  # families, blocks


async def test_answers_that_come_while_the_page_is_written_neither_break_it_nor_get_lost() -> None:
    page = page_of(series(*(f"scenario {number}" for number in range(510))))
    watching = [line.key for line in page.board.lines()]
    text = b""
    async for piece in page.metrics.pieces():
        text += piece
        page.tell(tick(watching[0], Verdict.FAIL), tick(watching[-1]))
        if b"vedette_pass_ratio" in piece and page.board.line(watching[1]):
            page.board.watch(series(*(f"scenario {number}" for number in (0, *range(2, 520)))))
    list(text_string_to_metric_families(text.decode()))
    pieces = text.count(b"vedette_") and await page.value(names.OUTCOMES, **{**LABELS, "scenario": "scenario 0"}, verdict="fail")
    assert pieces and pieces > 10


async def test_a_page_of_ten_thousand_scenarios_is_written_from_what_is_kept() -> None:
    watching = series(*(f"scenario {number}" for number in range(10_000)))
    page, one = page_of(watching), tick(watching[0])
    page.tell(*(replace(one, key=of.key) for of in watching))
    await page.metrics.text()
    began = time.process_time()
    text = await page.metrics.text()
    spent_s = time.process_time() - began
    assert text.count(b"\n") > 150_000
    assert spent_s < 1.0  # prometheus_client's own writer takes 2 s; the figure itself is in benchmarks/
