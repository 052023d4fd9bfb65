"""This file is for reading log entries page by page: it comes to an end whatever a server answers."""

from __future__ import annotations

import pytest

from probes.evidence.source import LogLine
from probes.log_paging import Entry, Page, Reading, TimeMark, as_instant, instant_ns

pytestmark = pytest.mark.anyio


async def test_a_server_that_never_comes_to_an_end_is_not_asked_for_ever() -> None:
    asked = []

    async def ask(start_ns: int, size: int) -> Page:
        asked.append(start_ns)
        return Page([Entry(start_ns + 1, str(start_ns).encode(), LogLine("", "x", 0))], full=True)

    reading = await Reading(ask, TimeMark(0), 1000, (1,)).run()
    assert reading.cut_short and reading.remarks == ["there were more than 500 pages; the rest was not read"]
    assert len(asked) == 500


async def test_a_full_page_without_an_entry_is_no_endless_loop() -> None:
    async def ask(start_ns: int, size: int) -> Page:
        return Page([], full=True)

    assert (await Reading(ask, TimeMark(5), 1000, (1, 10)).run()).cut_short


async def test_an_entry_from_before_the_range_does_not_count() -> None:
    async def ask(start_ns: int, size: int) -> Page:
        return Page([Entry(at, bytes([at]), LogLine(str(at), "x", 0)) for at in (3, 5)], full=False)

    reading = await Reading(ask, TimeMark(4), 1000, (10,)).run()
    assert [line.text for line in reading.window(10, 1.0).lines] == ["5"]


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.000000001Z", 1_000_000_001),
        ("1970-01-01T01:00:01,5+01:00", 1_500_000_000),
        ("1969-12-31T23:59:59.9999999999Z", -1),
        ("1970-13-01T00:00:01Z", None),
        ("1970-01-01T00:00:01", None),
        ("", None),
    ],
)
def test_times_keep_their_nanoseconds(text: str, at_ns: int | None) -> None:
    assert instant_ns(text) == at_ns
    if at_ns is not None:
        assert instant_ns(as_instant(at_ns)) == at_ns
