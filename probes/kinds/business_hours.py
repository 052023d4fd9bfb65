"""This file is for asking whether a wish outside opening hours is moved to the next opening, and one inside is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import Field, PositiveInt, field_validator, model_validator

from probes.fields import Duration
from probes.jsonpath import find
from probes.log_watch import LogWatch
from probes.opening_answers import Seen, controls, day_and_clock, log_checks, read_instant, short, why_wrong
from probes.opening_cases import Case, Plan, Wish, wishes
from probes.opening_hours import OpeningHours, instant_of, parse_spans, parse_week
from probes.opening_options import Example, Flag, Holidays, MoveLog, StartAnswer, wall_of
from probes.outcome import Check, broken, check, note
from probes.probe import Probe
from probes.request import RequestTemplate

if TYPE_CHECKING:
    from probes.session import Answer, Session


class BusinessHours(Probe, kind="business_hours"):
    """Ask for times at the edges of the opening hours and compare each answer with the one computed from them here.

    The request says when by `{{date}}`, `{{time}}`, `{{local}}` (2026-12-01T08:00:00), `{{utc}}` (…Z) or `{{epoch}}`.
    Closing time itself is closed: a wish for it moves to the next opening.
    """

    request: RequestTemplate  # asks for a time, with `{{date}}` and `{{time}}` or one of the other forms
    answer: StartAnswer  # where the answer says when it will start
    hours: dict[str, list[str]]  # open spans by weekday or range of weekdays: {mon-fri: ["09:00-12:30", "13:30-19:00"], sat: []}
    timezone: str  # in which the hours are meant, such as Europe/Berlin
    holidays: Holidays | None = None  # public holidays that are closed days
    closed: list[date] = Field(default_factory=list)  # further closed dates
    open: dict[date, list[str]] = Field(default_factory=dict)  # other hours on some dates, holidays included
    slot: Duration = 0.0  # starts lie on this grid, counted from each opening; 0: on any minute
    fits: bool = False  # whether a wish must be over at closing; then `duration` is needed
    duration: Duration = 0.0  # how long what is wished for takes; used by `fits`
    lead_time: Duration = 0.0  # nothing earlier than this from now is asked for
    horizon_days: PositiveInt = 14  # nothing later than this from now is asked for
    adjusted: Flag | None = None  # where the answer says whether the wish was moved, if it says so
    log: MoveLog | None = None  # the log line that a moved wish must leave
    examples: list[Example] = Field(default_factory=list)  # the team's own table, asked beside the edges
    cases: list[Case] = Field(default_factory=list)  # only these edges; default: all

    @model_validator(mode="after")
    def _consistent(self) -> BusinessHours:
        if not any(parse_week(self.hours).values()):
            raise ValueError("'hours' has no open day")
        if self.fits and not self.duration:
            raise ValueError("'fits' needs 'duration'")
        both = sorted(set(self.closed) & set(self.open))
        if both:
            raise ValueError(f"{both[0]} stands in 'closed' and in 'open'")
        for texts in self.open.values():
            parse_spans(texts)
        return self

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"unknown time zone '{value}'; write one such as Europe/Berlin") from None
        return value

    def variables(self) -> frozenset[str]:
        return frozenset({"date", "time", "local", "utc", "epoch"})

    @cached_property
    def oracle(self) -> OpeningHours:
        exceptions = {**dict.fromkeys(self.closed, ()), **{day: parse_spans(texts) for day, texts in self.open.items()}}
        holiday = self.holidays.name_of if self.holidays else lambda day: ""
        return OpeningHours(parse_week(self.hours), ZoneInfo(self.timezone), holiday, exceptions)

    def plan(self, now: datetime) -> Plan:
        return Plan(
            self.oracle,
            earliest=now + timedelta(seconds=self.lead_time),
            latest=now + timedelta(days=self.horizon_days),
            slot=timedelta(seconds=self.slot),
            needs=timedelta(seconds=self.duration if self.fits else 0),
        )

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        plan = self.plan(session.now())
        table, remarks = self._table(plan)
        for remark in remarks:
            yield remark
        generated, missing = wishes(plan, frozenset(self.cases))
        if missing:
            names = ", ".join(missing)
            yield note("every edge was asked", f"not asked, as none lies within {self.horizon_days} days (horizon_days): {names}")
        watch = await LogWatch.begin(session.log_sources([self.log.source])) if self.log else None
        seen: list[Seen] = []
        for wish in [*table, *generated]:
            session.doing = f"asking for {day_and_clock(wish.at, self.oracle)}"
            one = self._judge(wish, await session.send(self.request, self._values(wish.at)))
            seen.append(one)
            for made in one.checks:
                yield made
        for made in controls(seen):
            yield made
        if watch is not None:
            for made in await self._log_checks(session, watch, [one for one in seen if one.right]):
                yield made

    def _values(self, at: datetime) -> dict[str, Any]:
        local = at.astimezone(self.oracle.zone)
        return {
            "date": f"{local:%Y-%m-%d}",
            "time": f"{local:%H:%M}",
            "local": f"{local:%Y-%m-%dT%H:%M:%S}",
            "utc": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "epoch": int(at.timestamp()),
        }

    def _table(self, plan: Plan) -> tuple[list[Wish], list[Check]]:
        """Return the wishes of the scenario's own table, and what is to be said of those that were not asked."""
        made: list[Wish] = []
        remarks: list[Check] = []
        for example in self.examples:
            name = f"example {example.at} → {example.expect}"
            day = plan.ordinary_day
            if day is None:
                remarks.append(note(name, f"not asked, as no day within {self.horizon_days} days is open"))
                continue
            wall = wall_of(example.at, day, "at")
            at = instant_of(wall, self.oracle.zone)
            wish = plan.wish(name, at)
            expected = self._expected(example, wall, at)
            if wish is None:
                remarks.append(note(name, f"not asked, as it or its answer does not lie in the next {self.horizon_days} days"))
            elif wish.expected != expected:
                ours = day_and_clock(wish.expected, self.oracle)
                remarks.append(broken(name, f"the scenario contradicts itself: {name}, but by its hours {ours} is right"))
            else:
                made.append(wish)
        return made, remarks

    def _expected(self, example: Example, wall: datetime, at: datetime) -> datetime | None:
        if example.expect == "unchanged":
            return at
        if example.expect == "next_opening":
            return self.oracle.next_opening(at)
        return instant_of(wall_of(example.expect, wall.date(), "expect"), self.oracle.zone)

    def _judge(self, wish: Wish, answer: Answer) -> Seen:
        hours = self.oracle
        asked, where = f"a request for {day_and_clock(wish.at, hours)}", f"(correlation id {answer.correlation_id})"
        name = f"{wish.name}: {day_and_clock(wish.at, hours)} is answered with {short(wish.expected, wish.at, hours)}"
        evidence = answer.as_evidence()
        found, trouble = self._start_in(answer)
        expected = wish.expected.astimezone(hours.zone).isoformat()
        if found is None:
            say = f"{asked} {trouble} {where}"
            nothing = check(name, holds=False, expected=expected, observed=trouble, say=say, evidence=evidence)
            return Seen(wish, answer.correlation_id, None, (nothing,))
        observed = found.astimezone(hours.zone).isoformat()
        say = f"{asked} was answered with {short(found, wish.at, hours)}, {why_wrong(wish, found, hours)} {where}"
        checks = [check(name, holds=found == wish.expected, expected=expected, observed=observed, say=say, evidence=evidence)]
        if self.adjusted is not None:
            checks.append(self._flag_check(self.adjusted, wish, answer, found != wish.at, f"{asked} was answered with"))
        return Seen(wish, answer.correlation_id, found, tuple(checks))

    def _start_in(self, answer: Answer) -> tuple[datetime | None, str]:
        """Return the instant that the answer names, or why there is none."""
        from probes.session import NotJson

        if not answer.ok:
            return None, f"was refused with {answer.status}"
        try:
            values = find(self.answer.json_path, answer.json())
        except NotJson as problem:
            return None, f"was answered without a start: {problem}"
        if len(values) != 1:
            return None, f"was answered without one start at {self.answer.json_path} ({len(values)} values are there)"
        try:
            return read_instant(values[0], self.answer.format, self.oracle.zone), ""
        except ValueError as problem:
            return None, f"was answered with a start that cannot be read: {problem}"

    def _flag_check(self, flag: Flag, wish: Wish, answer: Answer, moved: bool, asked: str) -> Check:
        values = find(flag.json_path, answer.json())
        said = values[0] if len(values) == 1 else "nothing"
        return check(
            f"{wish.name}: the answer says whether it was moved",
            holds=said is moved,
            expected=moved,
            observed=said,
            say=f"{asked} {'another' if moved else 'the same'} time, but {flag.json_path} says {said!r} "
            f"(correlation id {answer.correlation_id})",
            evidence=answer.as_evidence(),
        )

    async def _log_checks(self, session: Session, watch: LogWatch, seen: list[Seen]) -> list[Check]:
        assert self.log is not None
        session.doing = f"waiting for the log lines of our requests in {watch.names}"
        wanted = {one.correlation_id for one in seen if not one.wish.inside}
        own = {one.correlation_id for one in seen}
        deadline = session.monotonic() + self.log.within
        while True:
            await watch.read()
            logged = {own_id for line in watch.lines for own_id in own if own_id in line.text}
            told = {one for line in watch.lines if self.log.message in line.text for one in own if one in line.text}
            # what was left alone may be said to be moved in a line that is still to come
            if (wanted <= told and own <= logged) or session.monotonic() >= deadline:
                break
            await session.sleep(0.1)
        return log_checks(watch, self.log.message, seen, logged, told, self.oracle)
