"""This file is for the page of maintenance as data: every window stands where it belongs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reports.status.maintenance import page_of
from scenarios.maintenance import RecurringWindow, Window
from tests.reports.watched import AT
from tests.scenarios.making import suite

HOUR = timedelta(hours=1)


def window(name: str, starts_in: timedelta, lasts: timedelta) -> Window:
    return Window(name, AT + starts_in, AT + starts_in + lasts, "database upgrade", targets=("staging",))


def test_windows_stand_by_whether_they_are_open() -> None:
    open_, coming, over = window("o", -HOUR, 2 * HOUR), window("c", HOUR, HOUR), window("p", -3 * HOUR, HOUR)
    page = page_of([coming, open_, open_], [over], {}, AT)
    assert [(s.window.id, s.left) for s in page.active] == [("o", "1 h")]
    assert [(s.window.id, s.left) for s in page.coming] == [("c", "1 h")]
    assert [(s.window.id, s.length) for s in page.past] == [("p", "1 h")]


def test_a_recurring_window_says_when_it_comes_next_on_both_clock_changes() -> None:
    recurring = RecurringWindow(name="backup", cron="30 3 * * *", timezone="Europe/Berlin", lasts=1800, targets=("staging",))
    made = suite().model_copy(update={"maintenance": (recurring,)})
    for now, expected in (
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
    ):
        (found,) = page_of([], [], {made.name: made}, now).recurring
        assert (found.next_at, found.lasts, found.scope) == (expected, "30 min", f"suite {made.name}, target staging")
