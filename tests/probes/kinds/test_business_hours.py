"""This file is for the opening hours probe, against a real small service, sound and with each of its bugs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from probes.evidence.log_file import LogFile
from probes.kinds.business_hours import BusinessHours
from probes.opening_cases import Case, Plan, wishes
from probes.outcome import Outcome, Verdict
from tests.probes.small_service import Asked, Reply, a_session, a_target, asked, serving

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)  # a Saturday
CLOSED_DAYS = {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1), date(2027, 3, 26), date(2027, 3, 29)}

OPTIONS: dict[str, Any] = {
    "request": {"method": "POST", "path": "/check", "json": {"date": "{{date}}", "time": "{{time}}"}},
    "answer": {"json": "$.start"},
    "adjusted": {"json": "$.adjusted"},
    "hours": {"mon-fri": ["09:00-19:00"]},
    "timezone": "Europe/Berlin",
    "holidays": {"country": "DE", "region": "BE"},
    "slot": "30m",
    "horizon_days": 400,
    "examples": [{"at": "08:00", "expect": "09:00"}, {"at": "19:00", "expect": "next_opening"}],
}


class Shop:
    """A service that moves wishes to its opening hours, written apart from the oracle; `bugs` names what is wrong."""

    def __init__(self, *bugs: str, log: Path | None = None) -> None:
        self.bugs, self.log = bugs, log

    def open_day(self, day: date) -> bool:
        return day.weekday() < 5 and (day not in CLOSED_DAYS or "forgets_holidays" in self.bugs)

    def start(self, wall: datetime) -> datetime:
        """Return when it will start, as wall-clock time."""
        bugs, closing = self.bugs, time(19)
        if "never_adjusts" in bugs:
            return wall
        inside = self.open_day(wall.date()) and time(9) <= wall.time()
        inside = inside and (wall.time() < closing or ("off_by_one_at_closing" in bugs and wall.time() == closing))
        if inside and "always_adjusts" not in bugs:
            return wall
        day = wall.date()
        if wall.time() >= time(9) or not self.open_day(day):
            day += timedelta(days=-1 if "to_the_past" in bugs else 1)
        while not self.open_day(day):
            day += timedelta(days=-1 if "to_the_past" in bugs else 1)
        return datetime.combine(day, time(9))

    async def handle(self, request: Asked) -> Reply:
        wall = datetime.fromisoformat(f"{request.body['date']}T{request.body['time']}")
        start = self.start(wall)
        said = start.replace(tzinfo=BERLIN)
        if "ignores_time_zone" in self.bugs:
            said = start.replace(tzinfo=UTC)
        if "misses_clock_change" in self.bugs and start.date() != wall.date():  # so many hours of the old offset on
            said = (wall.replace(tzinfo=BERLIN).astimezone(UTC) + (start - wall)).astimezone(BERLIN)
        moved = start != wall
        if self.log is not None:
            line = "Auto-adjusted request time" if moved and "does_not_log" not in self.bugs else "Request handled"
            with self.log.open("a") as file:
                file.write(f"[x] {line} {request.headers['x-correlation-id'] if 'logs_no_ids' not in self.bugs else ''}\n")
        body: dict[str, Any] = {"start": said.isoformat(), "adjusted": moved if "flag_is_stuck" not in self.bugs else False}
        if "naive_answer" in self.bugs:
            body["start"] = start.isoformat()
        return 200, {}, body


async def outcome_of(shop: Shop, now: datetime = NOW, **options: Any) -> Outcome:
    probe = BusinessHours.model_validate({**OPTIONS, **options})
    async with serving(shop.handle) as url:
        evidence = {"app": LogFile(path=str(shop.log))} if shop.log else {}
        return await asked(probe, a_session(a_target(url, evidence=evidence), clock=lambda: now))


def failed(outcome: Outcome) -> list[str]:
    return [check.say for check in outcome.checks if check.verdict is Verdict.FAIL]


@pytest.mark.anyio
async def test_a_sound_shop_passes_at_every_edge() -> None:
    outcome = await outcome_of(Shop())
    assert outcome.verdict is Verdict.PASS, failed(outcome)
    made = {check.name.partition(":")[0] for check in outcome.checks}
    assert set(Case) - made == {Case.BREAK, Case.CLOSED_DATE, Case.SPECIAL_DATE}
    assert "before_opening: 08:00 on Mon 23 Nov is answered with 09:00" in [check.name for check in outcome.checks]


BUGS = {
    "ignores_time_zone": "off 09:00 by just the distance of Europe/Berlin from UTC, as if the time zone had been lost",
    "off_by_one_at_closing": "a request for 19:00 on Mon 23 Nov was answered with 19:00, at closing (19:00 is already closed)",
    "forgets_holidays": "on a holiday (Christmas Day), when it is closed",
    "misses_clock_change": "one hour off 09:00 on Tue 30 Mar: the clocks change on Sun 28 Mar",
    "never_adjusts": "a request for 08:00 on Mon 23 Nov was answered with 08:00, before opening at 09:00 (correlation id ",
    "always_adjusts": "though 09:00 on Mon 23 Nov lies within opening hours",
    "to_the_past": "which is earlier than what was asked for; 09:00 on Tue 24 Nov is right",
    "flag_is_stuck": "was answered with another time, but $.adjusted says False",
    "naive_answer": "has no offset, so it may mean any time zone",
}


@pytest.mark.anyio
@pytest.mark.parametrize("bug", BUGS)
async def test_a_broken_shop_fails_with_a_sentence_that_names_the_bug(bug: str) -> None:
    outcome = await outcome_of(Shop(bug))
    assert outcome.verdict is Verdict.FAIL
    assert any(BUGS[bug] in say for say in failed(outcome)), failed(outcome)


@pytest.mark.anyio
async def test_only_the_bug_is_told_where_the_rest_is_right() -> None:
    said = failed(await outcome_of(Shop("off_by_one_at_closing"), examples=[]))
    assert said and all("at closing (19:00 is already closed)" in say for say in said)
    said = failed(await outcome_of(Shop("misses_clock_change"), examples=[], adjusted=None))
    assert said and all("the clocks change on" in say for say in said)


@pytest.mark.anyio
@pytest.mark.parametrize(("bug", "control"), [("never_adjusts", "outside"), ("always_adjusts", "inside")])
async def test_a_habit_breaks_the_control(bug: str, control: str) -> None:
    outcome = await outcome_of(Shop(bug))
    assert next(c.name for c in outcome.controls if c.verdict is Verdict.INCONCLUSIVE).startswith(f"a wish {control}")


@pytest.mark.anyio
async def test_asking_only_inside_is_inconclusive() -> None:
    outcome = await outcome_of(Shop(), examples=[], cases=["middle", "at_opening"])
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence == "none of 0 wishes outside opening hours came back moved, so nothing shows that any is"


@pytest.mark.anyio
async def test_what_lies_beyond_the_horizon_is_not_asked_and_named() -> None:
    outcome = await outcome_of(Shop(), horizon_days=14)
    assert outcome.verdict is Verdict.PASS
    said = [check.say for check in outcome.checks if check.verdict is Verdict.SKIPPED]
    assert said == ["not asked, as none lies within 14 days (horizon_days): holiday, spring_change, autumn_change, year_end"]


@pytest.mark.anyio
@pytest.mark.parametrize("hour", range(0, 24, 5))
@pytest.mark.parametrize("day", ["2026-12-23", "2026-12-31", "2027-03-27", "2027-10-30"])
async def test_a_sound_shop_passes_on_whatever_day_it_is_asked(day: str, hour: int) -> None:
    now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)
    outcome = await outcome_of(Shop(), now=now, horizon_days=20)
    assert outcome.verdict is Verdict.PASS, failed(outcome)


@pytest.mark.anyio
async def test_a_refusal_is_a_failure() -> None:
    async def refuse(request: Asked) -> Reply:
        return 422, {}, {"error": "no"}

    shop = Shop()
    shop.handle = refuse  # type: ignore[method-assign]
    outcome = await outcome_of(shop)
    assert outcome.verdict is Verdict.FAIL
    assert "was refused with 422 (correlation id " in outcome.sentence


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "without one start at $.start (0 values are there)"),
        ({"start": None}, "None is not text"),
        ({"start": "soon"}, "'soon' is not an ISO 8601 time"),
        ({"start": "2026-11-23"}, "has no time of day"),
        ("text", "without one start at $.start"),
    ],
)
async def test_an_answer_without_a_readable_start_fails(body: Any, words: str) -> None:
    async def answer(request: Asked) -> Reply:
        return 200, {}, body

    shop = Shop()
    shop.handle = answer  # type: ignore[method-assign]
    outcome = await outcome_of(shop)
    assert outcome.verdict is Verdict.FAIL
    assert words in outcome.sentence


FORMS: dict[str, Callable[[datetime], Any]] = {
    "utc": lambda at: at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    "local": lambda at: at.strftime("%Y-%m-%dT%H:%M"),
    "epoch": lambda at: int(at.timestamp()),
}


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_answer_is_read(form: str) -> None:
    shop = Shop()

    async def answer(request: Asked) -> Reply:
        wall = datetime.fromisoformat(f"{request.body['date']}T{request.body['time']}")
        return 200, {}, {"start": FORMS[form](shop.start(wall).replace(tzinfo=BERLIN))}

    reader = Shop()
    reader.handle = answer  # type: ignore[method-assign]
    outcome = await outcome_of(reader, answer={"json": "$.start", "format": form}, adjusted=None)
    assert outcome.verdict is Verdict.PASS, failed(outcome)


@pytest.mark.anyio
async def test_all_the_places_of_a_request_say_the_same_instant() -> None:
    bodies: list[Any] = []
    shop = Shop()

    async def keep(request: Asked) -> Reply:
        bodies.append(request.body)
        return await Shop.handle(shop, request)

    keeper = Shop()
    keeper.handle = keep  # type: ignore[method-assign]
    places = ("date", "time", "local", "utc", "epoch")
    request = {"method": "POST", "path": "/check", "json": {name: f"{{{{{name}}}}}" for name in places}}
    await outcome_of(keeper, request=request)
    for body in bodies:
        assert body["local"] == f"{body['date']}T{body['time']}:00"
        assert datetime.fromisoformat(body["utc"]) == datetime.fromtimestamp(body["epoch"], UTC)
        assert datetime.fromisoformat(body["local"]).replace(tzinfo=BERLIN) == datetime.fromisoformat(body["utc"])


LOG = {"source": "app", "within": "300ms"}


@pytest.mark.anyio
async def test_the_log_tells_of_moves_and_only_of_those(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    outcome = await outcome_of(Shop(log=log), log=LOG)
    assert outcome.verdict is Verdict.PASS, failed(outcome)
    assert "before_opening: the log tells of a move" in [check.name for check in outcome.checks]
    assert "middle: the log does not tell of a move" in [check.name for check in outcome.checks]


@pytest.mark.anyio
async def test_a_move_that_is_not_logged_fails(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    outcome = await outcome_of(Shop("does_not_log", log=log), log=LOG)
    assert outcome.verdict is Verdict.FAIL
    assert "was moved, but no line 'Auto-adjusted request time' says so in log file" in outcome.sentence


@pytest.mark.anyio
async def test_a_log_without_our_requests_is_inconclusive(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    outcome = await outcome_of(Shop("logs_no_ids", log=log), log=LOG)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "nothing was logged for our " in outcome.sentence


@pytest.mark.anyio
async def test_a_table_that_contradicts_the_hours_is_our_error() -> None:
    outcome = await outcome_of(Shop(), examples=[{"at": "08:00", "expect": "10:00"}])
    assert outcome.verdict is Verdict.ERROR
    assert (
        "the scenario contradicts itself: example 08:00 → 10:00, but by its hours 09:00 on Mon 23 Nov is right"
        in outcome.sentence
    )


@pytest.mark.anyio
async def test_an_example_may_name_its_date_and_be_unchanged() -> None:
    table = [{"at": "2026-12-24T19:00", "expect": "2026-12-28T09:00"}, {"at": "12:00", "expect": "unchanged"}]
    outcome = await outcome_of(Shop(), examples=table)
    assert outcome.verdict is Verdict.PASS, failed(outcome)
    past = await outcome_of(Shop(), examples=[{"at": "2020-12-24T19:00", "expect": "next_opening"}])
    assert "example 2020-12-24T19:00 → next_opening" in [c.name for c in past.checks if c.verdict is Verdict.SKIPPED]


def test_several_spans_and_dated_exceptions_have_their_own_edges() -> None:
    options = {
        "hours": {"mon-fri": ["09:00-12:00", "13:00-18:00"], "sat": ["10:00-14:00"]},
        "closed": ["2026-12-02"],
        "open": {"2026-12-25": ["10:00-12:00"]},
        "fits": True,
        "duration": "1h",
    }
    probe = BusinessHours.model_validate({**OPTIONS, **options})
    made, missing = wishes(probe.plan(NOW))
    edges = {(w.name, f"{w.at.astimezone(BERLIN):%m-%d %H:%M}", f"{w.expected.astimezone(BERLIN):%m-%d %H:%M}") for w in made}
    assert missing == []
    assert ("break", "11-23 12:30", "11-23 13:00") in edges
    assert ("last_slot", "11-23 17:00", "11-23 17:00") in edges
    assert ("at_closing", "11-23 12:00", "11-23 13:00") in edges
    assert ("closed_date", "12-02 10:30", "12-03 09:00") in edges
    assert ("special_date", "12-25 09:00", "12-25 10:00") in edges
    assert ("saturday", "11-28 12:00", "11-28 12:00") in edges


def test_around_the_clock_makes_no_wish_that_cannot_be() -> None:
    probe = BusinessHours.model_validate({**OPTIONS, "hours": {"mon-sun": ["00:00-24:00"]}, "holidays": None})
    made, missing = wishes(probe.plan(NOW))
    assert all(wish.inside for wish in made)
    assert {Case.BEFORE_OPENING, Case.AT_CLOSING, Case.AFTER_CLOSING, Case.EVE_OF_CLOSED} <= set(missing)


def test_no_wish_lies_before_the_lead_time_or_beyond_the_horizon() -> None:
    probe = BusinessHours.model_validate({**OPTIONS, "lead_time": "3d", "horizon_days": 10})
    plan = probe.plan(NOW)
    made, _ = wishes(plan)
    assert made
    assert all(NOW + timedelta(days=3) <= wish.at <= wish.expected <= NOW + timedelta(days=10) for wish in made)
    assert isinstance(plan, Plan)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timezone": "Europe/Berln"}, "unknown time zone 'Europe/Berln'"),
        ({"hours": {"mon-fir": ["09:00-19:00"]}}, "unknown day 'fir'; did you mean 'fri'"),
        ({"hours": {"mon": []}}, "'hours' has no open day"),
        ({"holidays": {"country": "XX"}}, "no holidays are known"),
        ({"holidays": {"country": "DE", "region": "XX"}}, "no holidays are known"),
        ({"fits": True}, "'fits' needs 'duration'"),
        ({"closed": ["2026-12-24"], "open": {"2026-12-24": ["09:00-12:00"]}}, "stands in 'closed' and in 'open'"),
        ({"examples": [{"at": "8 o'clock", "expect": "09:00"}]}, "'at' should be a time such as '08:00'"),
        ({"examples": [{"at": "08:00", "expect": "next_closing"}]}, "'expect' should be a time"),
        ({"answer": {"json": "start"}}, "is not a JSONPath"),
        ({"cases": ["sunday", "someday"]}, "saturday"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        BusinessHours.model_validate({**OPTIONS, **options})
