"""This file is for what is said of a job that reports by itself: checks and sentences for its reports and for its silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from probes.outcome import Check, Evidence, Measurement, check, control, note
from scenarios.heartbeat_times import Deadline, Deaf, Lack, Standing, Terms
from vedette.service.heartbeat_journal import Report

SWEEP_STALE_S = 10.0  # the desk looks for silence every second; after so long without a look nobody is at it


@dataclass(frozen=True, slots=True)
class Desk:
    """How the desk itself is: since when it listens without a break, and how long ago it last looked for silence."""

    listening_since: datetime
    last_sweep_s: float


def of_report(
    name: str, terms: Terms, report: Report, late: timedelta | None, deaf: Deaf | None, desk: Desk, *, good: bool
) -> list[Check]:
    """Return the checks of a success or a failure that was reported; `deaf` excuses lateness."""
    checks = [_watching(desk), _succeeded(name, report, good)]
    if deaf is not None:
        checks.append(note("it reported in time", f"{_gap(deaf)}, and earlier reports may have been lost then"))
    elif late is not None:
        say = f"the job '{name}' reported {spoken(late)} after it was due"
        checks.append(
            check("it reported in time", holds=False, expected=f"at most {spoken(terms.grace)} late", say=say, soft=True)
        )
    else:
        checks.append(check("it reported in time", holds=True))
    if terms.longest is not None and report.duration_s is not None:
        checks.append(_within_longest(name, terms.longest, report.duration_s))
    return checks


def of_silence(
    name: str, terms: Terms, standing: Standing, missed: Deadline, deaf: Deaf | None, desk: Desk, now: datetime
) -> list[Check]:
    """Return the checks of a report that did not come."""
    if deaf is not None:
        say = f"{_gap(deaf)}, a report of '{name}' then would have been lost"
        return [_watching(desk), control("the desk listened all the time", holds=False, say=say)]
    heard = control("the desk listened all the time", holds=True, observed=f"since {clock_time(desk.listening_since, now)}")
    if missed.lack is Lack.END:
        began = standing.open_since or missed.due
        say = (
            f"the job '{name}' started at {clock_time(began, now)} and has not ended "
            f"within {spoken(terms.longest or timedelta())}"
        )
        return [heard, _watching(desk), check("it ended in time", holds=False, say=say)]
    zone = terms.schedule.timezone if terms.schedule.cron else "UTC"
    say = f"the job '{name}' was due by {clock_time(missed.due, now, zone)} and has not reported; {_last(standing, now)}"
    return [heard, _watching(desk), check("it reported in time", holds=False, say=say)]


def measured(report: Report, late: timedelta | None) -> tuple[Measurement, ...]:
    """Return the numbers of a report."""
    found = [
        ("duration_s", report.duration_s, "s"),
        ("exit_code", report.exit_code, ""),
        ("late_s", late.total_seconds() if late is not None else None, "s"),
    ]
    return tuple(Measurement(name, float(value), unit) for name, value, unit in found if value is not None)


def evidence_of(report: Report) -> list[Evidence]:
    """Return what the job sent, as it may be shown."""
    return [Evidence("note", "what the job sent with its report", {"text": report.note})] if report.note else []


def spoken(span: timedelta) -> str:
    """Return `25 h 31 min`, `4 min`, `12 s`: two units at most."""
    seconds = max(0, round(span.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days >= 3:
        parts = [(days, "days"), (hours, "h")]
    elif seconds >= 3600:
        parts = [(days * 24 + hours, "h"), (minutes, "min")]
    else:
        parts = [(minutes, "min"), (left, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def clock_time(at: datetime, now: datetime, zone: str = "UTC") -> str:
    """Return `02:30 UTC`, with the date where it is not today's, with seconds where there are some."""
    there = ZoneInfo(zone)
    local = at.astimezone(there)
    day = "" if local.date() == now.astimezone(there).date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M:%S} {zone}" if local.second else f"{day}{local:%H:%M} {zone}"


def _watching(desk: Desk) -> Check:
    """Show that silence would have been noticed. It does not hold where nobody looks at the clock any more."""
    seen = f"it looked {max(0.0, desk.last_sweep_s):.1f} s ago"
    return control(
        "silence would be noticed",
        holds=desk.last_sweep_s <= SWEEP_STALE_S,
        expected=f"the desk looks for silence at least every {SWEEP_STALE_S:g} s",
        observed=seen,
        say=f"the desk does not look for silence any more ({seen}), so nobody would notice if the job did not report",
    )


def _succeeded(name: str, report: Report, good: bool) -> Check:
    code = report.exit_code
    how = f"with exit code {code}" if code is not None else "and said so itself"
    return check(
        "the job succeeded",
        holds=good,
        expected="success",
        observed="success" if code is None and good else f"exit code {code}" if code is not None else "failure",
        say=f"the job '{name}' failed {how}",
        evidence=evidence_of(report),
    )


def _within_longest(name: str, longest: timedelta, took_s: float) -> Check:
    took = timedelta(seconds=took_s)
    say = f"the job '{name}' took {spoken(took)}, more than the {spoken(longest)} that it may take"
    return check("it took no longer than it may", holds=took <= longest, observed=f"{took_s:g} s", say=say)


def _last(standing: Standing, now: datetime) -> str:
    if standing.succeeded_at is None:
        return f"it was never heard of to succeed since {clock_time(standing.watched_since, now)}"
    return f"last success {spoken(now - standing.succeeded_at)} ago"


def _gap(deaf: Deaf) -> str:
    days = "%Y-%m-%d " if deaf.from_at.date() != deaf.until_at.date() else ""
    from_at, until_at = (at.astimezone(UTC).strftime(f"{days}%H:%M:%S") for at in (deaf.from_at, deaf.until_at))
    return f"{deaf.why} from {from_at} to {until_at} UTC"
