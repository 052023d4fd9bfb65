"""This file is for which series is under maintenance when: right at the boundaries, after restarts, and cheap to ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.target import Target
from reports.store.errors import StoreError
from reports.store.ledger.maintenance import MaintenanceBook
from scenarios.cron import Cron
from scenarios.maintenance import RecurringWindow, Window
from scenarios.model import Suite
from scenarios.watch.series import Watched, watched
from tests.scenarios.cron_oracle import due
from tests.scenarios.making import scenario
from vedette.service.calendar import Calendar, NewWindow, NotAllowed
from vedette.service.deploying import Unknown

AT = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)  # 02:00 in Berlin
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BACKUP = RecurringWindow(name="backup", cron="0 2 * * *", timezone="Europe/Berlin", lasts=7200, tags=("slow",))


class Now:
    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at


def suite_of(name: str = "shop", *maintenance: RecurringWindow) -> Suite:
    targets = {one: Target(name=one, base_url="http://127.0.0.1:9") for one in ("staging", "production")}
    scenarios = (scenario("checkout", tags=("slow",)), scenario("search"), scenario("only here", targets=("staging",)))
    return Suite(
        name=name, path="x.yaml", targets=targets, target_names=tuple(targets), scenarios=scenarios, maintenance=maintenance
    )


@pytest.fixture
def where(empty_store: Path, tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    path.write_bytes(empty_store.read_bytes())
    return path


@pytest.fixture
def ledger(where: Path) -> Iterator[MaintenanceBook]:
    made = MaintenanceBook(where)
    yield made
    made.close()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def calendar(ledger: MaintenanceBook, now: Now) -> Calendar:
    return Calendar(ledger, [suite_of("shop", BACKUP), suite_of("blog")], clock=now)


def series(*suites: Suite) -> dict[tuple[str, str, str], Watched]:
    found = watched(suites or (suite_of("shop", BACKUP), suite_of("blog")), "local")
    return {(one.key.suite, one.key.scenario, one.key.target): one for one in found}


CHECKOUT, SEARCH = ("shop", "checkout", "staging"), ("shop", "search", "staging")


def wanted(lasts_s: float = 1800, **keys: Any) -> NewWindow:
    return NewWindow(**{"lasts_s": lasts_s, "why": "we move"} | keys)


def test_a_window_opens_at_once_and_is_over_by_itself(calendar: Calendar, now: Now) -> None:
    made = calendar.start(wanted(targets=("staging",)), "jo")
    assert (made.starts_at, made.ends_at, made.started_by, made.created_at) == (AT, AT + 30 * MINUTE, "jo", AT)
    one, other = series()[SEARCH], series()["shop", "search", "production"]
    tick = timedelta(microseconds=1)
    seen = [calendar.maintenance_of(one, at) for at in (AT - tick, AT, made.ends_at - tick, made.ends_at)]
    assert seen == ["", made.id, made.id, ""]
    assert calendar.maintenance_of(other, AT) == ""


def test_a_window_that_opens_later_does_so_without_anybody_doing_anything(calendar: Calendar, now: Now) -> None:
    made = calendar.start(wanted(starts_at=AT + DAY), "jo")
    one = series()[SEARCH]
    assert made in calendar.upcoming() and made not in calendar.active()
    assert [calendar.maintenance_of(one, AT + DAY + offset) for offset in (-MINUTE, 0 * MINUTE)] == ["", made.id]
    now.at = AT + DAY
    assert made in calendar.active() and made not in calendar.upcoming()


def test_a_window_survives_a_restart(calendar: Calendar, ledger: MaintenanceBook, now: Now) -> None:
    made = calendar.start(wanted(), "jo")
    after = Calendar(ledger, [suite_of()], clock=now)
    after.load()
    assert after.maintenance_of(series()[SEARCH], AT + MINUTE) == made.id
    assert after.active() == [made]


def test_a_window_that_is_ended_early_is_over_at_once_and_stays_so(calendar: Calendar, ledger: MaintenanceBook, now: Now) -> None:
    made = calendar.start(wanted(), "jo")
    now.at = AT + 10 * MINUTE
    ended = calendar.end(made.id, "mo")
    assert (ended.ends_at, ended.ended_by) == (now.at, "mo")
    one = series()[SEARCH]
    assert [calendar.maintenance_of(one, AT + m * MINUTE) for m in (9, 10, 11)] == ["", "", ""]
    after = Calendar(ledger, [suite_of()], clock=now)
    after.load()
    assert after.active() == [] and after.past() == [ended]
    assert calendar.end(made.id, "jo") == ended  # once more changes nothing


def test_a_coming_window_that_is_ended_never_was(calendar: Calendar) -> None:
    made = calendar.start(wanted(starts_at=AT + DAY), "jo")
    calendar.end(made.id, "mo")
    assert calendar.maintenance_of(series()[SEARCH], AT + DAY) == ""
    assert [w for w in calendar.upcoming() if not w.name] == [] and [w.id for w in calendar.past()] == [made.id]


def test_a_recurring_window_covers_what_its_suite_says(calendar: Calendar) -> None:
    found = {name: bool(calendar.window_of(one, AT)) for name, one in series().items()}
    assert [name for name, covered in found.items() if covered] == [CHECKOUT, ("shop", "checkout", "production")]
    window = calendar.window_of(series()[CHECKOUT], AT + HOUR)
    assert window is not None and (window.name, window.starts_at, window.ends_at) == ("backup", AT, AT + 2 * HOUR)
    assert [w.id for w in calendar.active()] == [window.id]


def test_a_recurring_window_is_ended_for_once_and_comes_again(calendar: Calendar, ledger: MaintenanceBook, now: Now) -> None:
    (window,) = calendar.active()
    now.at = AT + HOUR
    calendar.end(window.id, "mo")
    one = series()[CHECKOUT]
    for seen in (calendar, Calendar(ledger, [suite_of("shop", BACKUP)], clock=now)):
        seen.load()
        assert seen.active() == []
        assert [bool(seen.window_of(one, AT + at)) for at in (HOUR - MINUTE, HOUR, DAY)] == [True, False, True]


def test_the_coming_time_of_a_recurring_window_can_be_called_off(calendar: Calendar) -> None:
    coming = calendar.upcoming(AT + 2 * DAY)[0]
    assert coming.starts_at == AT + DAY
    calendar.end(coming.id, "mo")
    one = series()[CHECKOUT]
    assert [bool(calendar.window_of(one, AT + n * DAY)) for n in (0, 1, 2)] == [True, False, True]
    assert coming.id not in [w.id for w in calendar.upcoming()]


def test_of_several_windows_the_one_that_ends_last_counts(calendar: Calendar) -> None:
    short, long = calendar.start(wanted(600), "jo"), calendar.start(wanted(9000), "jo")
    one = series()[CHECKOUT]
    assert [calendar.maintenance_of(one, AT + at) for at in (0 * MINUTE, HOUR)] == [long.id, long.id]
    calendar.end(long.id, "jo")
    backup = calendar.window_of(one, AT + MINUTE)
    assert backup is not None and backup.name == "backup"
    assert calendar.maintenance_of(series()[SEARCH], AT + MINUTE) == short.id


def test_a_reload_changes_what_comes_back(calendar: Calendar) -> None:
    assert calendar.window_of(series()[CHECKOUT], AT) is not None
    bare = suite_of("shop")
    calendar.replace([bare])
    assert calendar.window_of(series(bare)[CHECKOUT], AT) is None and calendar.active() == []
    everything = suite_of("shop", BACKUP.model_copy(update={"tags": ()}))
    calendar.replace([everything])
    assert calendar.window_of(series(everything)[SEARCH], AT) is not None


def test_a_tick_of_the_old_suite_after_a_reload_leaves_nothing_behind(calendar: Calendar) -> None:
    old, bare = series()[CHECKOUT], suite_of("shop")
    calendar.replace([bare])
    assert calendar.window_of(old, AT) is not None  # it still runs as it was configured
    assert calendar.window_of(series(bare)[CHECKOUT], AT) is None


def test_what_recurring_windows_were_open_is_noted_once(calendar: Calendar, ledger: MaintenanceBook, now: Now) -> None:
    calendar.refresh()
    (window,) = calendar.active()
    kept = ledger.get(window.id)
    assert kept is not None and (kept.name, kept.suite, kept.starts_at, kept.tags) == ("backup", "shop", AT, ("slow",))
    now.at = AT + 3 * HOUR
    calendar.refresh()
    assert [w.name for w in calendar.past()] == ["backup"]
    now.at = AT + 3 * DAY + 3 * HOUR  # nobody was there for three days, and it was open all the same
    calendar.refresh()
    assert [w.starts_at for w in calendar.past()] == [AT + n * DAY for n in (3, 2, 1, 0)]


def test_a_window_that_another_service_opened_is_seen(calendar: Calendar, where: Path, now: Now) -> None:
    other_ledger = MaintenanceBook(where)
    made = Calendar(other_ledger, [suite_of()], clock=now).start(wanted(), "far away")
    one = series()[SEARCH]
    assert calendar.maintenance_of(one, AT) == ""
    calendar.refresh()
    assert calendar.maintenance_of(one, AT) == made.id
    other_ledger.close()


def test_what_is_known_holds_while_the_store_does_not_answer(calendar: Calendar, ledger: MaintenanceBook) -> None:
    made = calendar.start(wanted(), "jo")

    def gone(*_: object) -> None:
        raise StoreError("gone")

    ledger.live = gone  # type: ignore[method-assign, assignment]
    calendar.refresh()
    assert calendar.maintenance_of(series()[SEARCH], AT) == made.id


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"why": " "}, "'why' is missing"),
        ({"lasts_s": 31 * 86_400 + 1}, "from 1 s to 31 days"),
        ({"lasts_s": 0.5}, "from 1 s to 31 days"),
        ({"lasts_s": float("nan")}, "from 1 s to 31 days"),
        ({"starts_at": AT - HOUR}, "cannot begin in the past"),
        ({"starts_at": AT + 367 * DAY}, "within a year"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(calendar: Calendar, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        calendar.start(wanted(**keys), "jo")
    assert calendar.past() == [] and [w for w in calendar.active() if not w.name] == []


def test_a_start_in_the_minute_that_just_passed_means_now(calendar: Calendar, now: Now) -> None:
    now.at = AT + timedelta(seconds=40)
    made = calendar.start(wanted(starts_at=AT), "jo")
    assert (made.starts_at, made.ends_at) == (now.at, now.at + 30 * MINUTE)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"targets": ("stagin",)}, "no target 'stagin' is watched here; did you mean 'staging'?"),
        ({"suite": "shpo"}, "no suite 'shpo' is watched here; did you mean 'shop'?"),
        ({"scenarios": ("chekout",)}, "no scenario 'chekout' is watched here; did you mean 'checkout'?"),
        ({"tags": ("slo",)}, "no tag 'slo' is on any scenario; did you mean 'slow'?"),
        (
            {"scenarios": ("only here",), "targets": ("production",)},
            "nothing that is watched would be covered by target prod",
        ),
    ],
)
def test_a_window_over_nothing_is_refused(calendar: Calendar, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(Unknown) as refused:
        calendar.start(wanted(**keys), "jo")
    assert str(refused.value).startswith(words)


def test_ending_what_is_not_there_is_refused(calendar: Calendar) -> None:
    with pytest.raises(Unknown, match="no maintenance window"):
        calendar.end("nothing", "jo")


def test_asking_for_every_tick_walks_no_calendar(calendar: Calendar, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[object] = []
    real = Cron._of_day
    monkeypatch.setattr(Cron, "_of_day", lambda self, day: walked.append(day) or real(self, day))
    all_series = list(series().values())
    for second in range(0, 7200, 10):
        for one in all_series:
            calendar.window_of(one, AT + timedelta(seconds=second))
    assert len(walked) < 10


def test_a_window_that_opens_all_the_time_does_not_fill_a_list(ledger: MaintenanceBook, now: Now) -> None:
    often = RecurringWindow(name="often", cron="* * * * *", lasts=10)
    calendar = Calendar(ledger, [suite_of("shop", often)], clock=now)
    assert len(calendar.upcoming(AT + 300 * DAY)) < 201


instants = st.integers(-26 * 60, 26 * 60)
one_offs = st.lists(
    st.tuples(instants, st.integers(1, 600), st.sampled_from(["", "staging", "production"]), st.sampled_from(["", "slow"])),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(one_offs, st.sampled_from(["0 2 * * *", "30 1 * * *", "30 23 * * *"]), st.integers(1, 300), st.lists(instants, min_size=1))
def test_a_series_is_under_maintenance_when_any_window_that_covers_it_is_open(
    one_offs: list[tuple[int, int, str, str]], cron: str, lasts: int, asked: list[int]
) -> None:
    change = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    windows = [
        Window(f"w{n}", change + s * MINUTE, change + (s + m) * MINUTE, "x", targets=(t,) * bool(t), tags=(g,) * bool(g))
        for n, (s, m, t, g) in enumerate(one_offs)
    ]
    recurring = RecurringWindow(name="r", cron=cron, timezone="Europe/Berlin", lasts=lasts * 60, targets=("staging",))
    opened = due(cron, "Europe/Berlin", change - 3 * DAY, change + 2 * DAY)
    calendar = Calendar(_Kept(windows), [suite_of("shop", recurring)], clock=lambda: change - 3 * DAY)  # type: ignore[arg-type]
    calendar.load()
    for offset in asked:
        at = change + offset * MINUTE
        for (_, name, target), one in series(suite_of("shop", recurring)).items():
            by_hand = any(
                w.starts_at <= at < w.ends_at and (not w.targets or target in w.targets) and (not w.tags or name == "checkout")
                for w in windows
            )
            by_suite = target == "staging" and any(o <= at < o + lasts * MINUTE for o in opened)
            assert bool(calendar.window_of(one, at)) == (by_hand or by_suite)


class _Kept:
    """A ledger that holds what it was given."""

    def __init__(self, windows: list[Window]) -> None:
        self._windows = windows

    def live(self, at: datetime) -> list[Window]:
        return self._windows
