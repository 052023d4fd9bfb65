"""This file is for what is watched in tests of the board and the metrics: series, their ticks, and a clock that is set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from probes.ids import new_id
from probes.outcome import Check, Outcome, Severity, Verdict, broken, check, control, judge, note
from probes.target import Target
from scenarios.model import Scenario, Suite
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import SeriesKey, Tick
from scenarios.watch.series import Watched, watched
from tests.scenarios.making import Says

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
HELD = (check("the answer is right", holds=True), control("a wrong one would be noticed", holds=True))
CHECKS: dict[Verdict, tuple[Check, ...]] = {
    Verdict.PASS: HELD,
    Verdict.DEGRADED: (*HELD, check("it is quick", holds=False, soft=True)),
    Verdict.FAIL: (*HELD, check("tenants are kept apart", holds=False, say="tenant 20 saw tenant 15")),
    Verdict.ERROR: (*HELD, broken("the log can be read", "the log is not there")),
    Verdict.INCONCLUSIVE: (*HELD, control("the log line was found", holds=False)),
    Verdict.SKIPPED: (note("the target permits it", "not permitted"),),
}


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def on(self, **time: float) -> None:
        """Set it forward, or back."""
        self.at += timedelta(**time)


def scenario(name: str, **keys: Any) -> Scenario:
    return Scenario(**{"name": name, "probe": Says(), "schedule": ScheduleSpec(every=60), "timeout": 10, **keys})


def series(*scenarios: Scenario | str, targets: Sequence[str] = ("production",), suite: str = "shop") -> list[Watched]:
    """Return these scenarios at these targets, as they are watched."""
    made = tuple(scenario(one) if isinstance(one, str) else one for one in scenarios)
    at = {name: Target(name=name, base_url=f"http://{name}.example.com") for name in targets}
    return watched([Suite(name=suite, path="shop.yaml", targets=at, target_names=tuple(at), scenarios=made)], "local")


def key(name: str = "slots are shown", target: str = "production") -> SeriesKey:
    return SeriesKey("shop", name, target, "local")


def tick(of: Watched | SeriesKey, verdict: Verdict = Verdict.PASS, *, at: datetime = AT, **more: Any) -> Tick:
    """Return an answer as the frame would judge it; `outcome` may hold fields of the outcome, the rest is the tick's."""
    watching = of if isinstance(of, Watched) else series(of.scenario, targets=[of.target], suite=of.suite)[0]
    checks = CHECKS[verdict]
    subject = watching.scenario.subject(watching.suite.name, watching.target)
    given = {"checks": checks, "duration_s": 0.04, "sentence": judge(checks).sentence, **more.pop("outcome", {})}
    outcome = Outcome(id=new_id(), run_id="run-1", subject=subject, verdict=verdict, started_at=at, **given)
    return Tick(watching.key, outcome, at, **more)


P0, P1, P2, P3 = Severity
