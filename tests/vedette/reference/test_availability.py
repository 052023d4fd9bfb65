"""Free appointments of the reference target: whose, when, from where."""

from __future__ import annotations

import asyncio
from datetime import date

import holidays
import pytest

from tests.vedette.reference.conftest import Start
from vedette.reference.hours import is_holiday

pytestmark = pytest.mark.anyio


async def test_an_appointment_within_opening_hours_is_left_alone(start: Start) -> None:
    async with start() as target:
        told = (await target.ask(time="10:00")).json()
    assert (told["start"], told["adjusted"]) == ("2026-12-01T10:00:00+01:00", False)


@pytest.mark.parametrize(
    ("day", "at", "begins"),
    [
        pytest.param("2026-12-01", "08:00", "2026-12-01T09:00:00+01:00", id="before opening: the same day"),
        pytest.param("2026-12-01", "19:00", "2026-12-02T09:00:00+01:00", id="at closing: the next day"),
        pytest.param("2026-12-01", "23:59", "2026-12-02T09:00:00+01:00", id="late: the next day"),
        pytest.param("2026-12-05", "10:00", "2026-12-07T09:00:00+01:00", id="Saturday: Monday"),
        pytest.param("2025-10-02", "19:00", "2025-10-06T09:00:00+02:00", id="eve of a holiday before a weekend"),
        pytest.param("2026-12-24", "19:00", "2026-12-28T09:00:00+01:00", id="Christmas"),
        pytest.param("2027-03-27", "12:00", "2027-03-30T09:00:00+02:00", id="Easter and summer time"),
        pytest.param("2026-12-31", "19:00", "2027-01-04T09:00:00+01:00", id="the year's end"),
    ],
)
async def test_an_appointment_outside_moves_to_the_next_opening(start: Start, day: str, at: str, begins: str) -> None:
    async with start() as target:
        told = (await target.ask(date=day, time=at)).json()
        assert "Auto-adjusted request time" in target.log.read_text()
    assert (told["start"], told["adjusted"]) == (begins, True)


def test_its_holidays_are_those_of_berlin() -> None:
    known = holidays.country_holidays("DE", subdiv="BE", years=range(2026, 2041))
    days = [date.fromordinal(n) for n in range(date(2026, 1, 1).toordinal(), date(2041, 1, 1).toordinal())]
    differ = [day for day in days if is_holiday(day) != (day in known)]
    assert differ in ([], [date(2028, 6, 17)])  # once only, and a Saturday


async def test_a_second_request_is_served_from_the_cache(start: Start) -> None:
    async with start() as target:
        first, second = await target.ask(), await target.ask()
        assert await target.calls() == 1
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.json()["cached_at"] is None and second.json()["cached_at"] is not None
    assert first.json()["slots"] == second.json()["slots"]


async def test_without_its_cache_it_asks_the_calendar_service_each_time(start: Start) -> None:
    async with start() as target:
        await target.ask()
        await target.pull("POST", "redis")
        told = await target.ask()
        assert await target.calls() == 2
    assert told.status_code == 200 and told.headers["x-cache"] == "MISS"


async def test_tenants_asked_at_once_get_their_own_answers(start: Start) -> None:
    async with start() as target:
        asked = [15, 20, 1] * 10
        answers = await asyncio.gather(*[target.ask(company) for company in asked])
    assert [a.json()["company_id"] for a in answers] == asked
    assert len({tuple(a.json()["slots"]) for a in answers}) == 3


async def test_company_and_branch_never_run_into_each_other_in_the_key(start: Start) -> None:
    async with start() as target:
        await target.ask(1, branch="50")
        told = await target.ask(15, branch="0")
    assert told.json()["company_id"] == 15 and told.headers["x-cache"] == "MISS"


async def test_keys_in_redis_carry_the_company(start: Start, redis_url: str) -> None:
    import redis.asyncio

    client = redis.asyncio.Redis.from_url(redis_url)
    try:
        async with start(redis_url=redis_url, cache_prefix="reftest_") as target:
            await target.ask(15, service="Färben")
            assert (await target.ask(15, service="Färben")).headers["x-cache"] == "HIT"
        keys = [key async for key in client.scan_iter(match="reftest_*")]
        assert keys == [b"reftest_cal_slots_15_0_2563193_2026-12-01_f%C3%A4rben"]
    finally:
        await client.delete(*[key async for key in client.scan_iter(match="reftest_*")])
        await client.aclose()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"call_id": "nobody"}, "call_id"),
        ({"call_id": "company-99"}, "call_id"),
        ({"call_id": 15}, "call_id"),
        ({"args": None}, "args"),
        ({"args": {"service": "<script>", "date": "2026-12-01", "time": "10:00"}}, "args.service"),
        ({"args": {"service": "x", "date": "tomorrow", "time": "10:00"}}, "args.date"),
        ({"args": {"service": "x", "date": "2026-12-01", "time": "10:00+05:00"}}, "args.time"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_by_field(start: Start, change: dict[str, object], field: str) -> None:
    body = {"call_id": "company-15", "args": {"service": "x", "date": "2026-12-01", "time": "10:00"}, **change}
    async with start() as target:
        told = await target.client.post("/api/retell/check-availability", json=body)
    assert (told.status_code, told.json()["field"]) == (422, field)


async def test_json_that_curl_labels_as_a_form_is_understood(start: Start) -> None:
    body = '{"call_id": "company-15", "args": {"service": "x", "date": "2026-12-01", "time": "10:00"}}'
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with start() as target:
        told = await target.client.post("/api/retell/check-availability", content=body, headers=headers)
    assert told.status_code == 200


@pytest.mark.parametrize(
    ("args", "status"),
    [
        pytest.param('{"service": "\\ud800", "date": "2026-12-01", "time": "10:00"}', 400, id="half of a surrogate pair"),
        pytest.param('{"service": "x", "date": ' + "[" * 10_000 + "]" * 10_000 + ', "time": "10:00"}', 400, id="deep nesting"),
        pytest.param('{"service": "x", "date": "2026-12-01", "time": "10:00\\u0000"}', 422, id="a null byte"),
        pytest.param('{"service": "x", "date": 20261201, "time": "10:00"}', 422, id="a number for a date"),
        pytest.param('{"service": "x", "date": "2026-12-01", "time": "10:00", "branch": ["0"]}', 422, id="a list for a branch"),
        pytest.param('{"service": "a; DROP TABLE x", "date": "2026-12-01", "time": "10:00"}', 422, id="a statement"),
        pytest.param('{"service": "Färben & Föhnen (O\'Neill)", "date": "2026-12-01", "time": "10:00"}', 200, id="a legal name"),
    ],
)
async def test_what_cannot_be_meant_is_refused_and_breaks_nothing(start: Start, args: str, status: int) -> None:
    content = f'{{"call_id": "company-15", "args": {args}}}'
    async with start() as target:
        told = await target.client.post(
            "/api/retell/check-availability", content=content, headers={"Content-Type": "application/json"}
        )
    assert told.status_code == status, told.text


@pytest.mark.parametrize("path", ["/api/webhooks/retell", "/api/webhooks/retell/function"])
async def test_half_of_a_surrogate_pair_breaks_no_other_route(start: Start, path: str) -> None:
    content = '{"call_id": "x", "function_name": "\\ud800", "email": "a", "phone": "b", "name": "c", "event": "\\ud800"}'
    async with start() as target:
        told = await target.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert told.status_code == 400
