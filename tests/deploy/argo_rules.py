"""This file is for how Argo Rollouts decides, as rules in Python: from a measurement to a metric, a run and a rollout.

Written from its documentation and source at commit 9f8d111 (after 1.9), github.com/argoproj/argo-rollouts:
- conditions to a measurement: utils/evaluate/evaluate.go, EvaluateResult;
- measurements to a metric: analysis/analysis.go, assessMetricStatus and assessMetricFailureInconclusiveOrError;
- when a measurement is due, and what is counted: analysis/analysis.go, generateMetricTasks and runMeasurements;
- metrics to a run: analysis/analysis.go, assessRunStatus; utils/analysis/helpers.go, IsWorse and IsTerminating;
- a run to a rollout: rollout/analysis.go, reconcileStepBasedAnalysisRun; docs/features/analysis.md;
- what of a template is refused: utils/analysis/factory.go, ValidateMetric.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ERROR_AGAIN_S = 10.0  # DefaultErrorRetryInterval
ERRORS_IN_A_ROW = 4  # DefaultConsecutiveErrorLimit
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Phase(StrEnum):
    """Phases of a measurement, a metric or a run, from the best to the worst of those that are ends."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"
    FAILED = "Failed"

    @property
    def is_end(self) -> bool:
        return self not in (Phase.PENDING, Phase.RUNNING)


WORSE = (Phase.SUCCESSFUL, Phase.INCONCLUSIVE, Phase.ERROR, Phase.FAILED)


class Trouble(Exception):
    """A measurement that Argo marks as Error."""


def holds(condition: str, result: Any) -> bool:
    """Return what a condition says. Raises: Trouble, as for what is no yes or no."""
    tree = ast.parse(condition.replace("||", " or ").replace("&&", " and "), mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.Eq, ast.NotEq, ast.Name, ast.Load,
                                 ast.Constant)):  # fmt: skip
            raise AssertionError(f"these rules cannot read the condition {condition!r}")
    said = eval(compile(tree, "condition", "eval"), {"__builtins__": {}}, {"result": result})
    if not isinstance(said, bool):
        raise Trouble(f"expected bool, but got {said!r}")
    return said


def measured(result: Any, metric: Mapping[str, Any]) -> Phase:
    """Return the phase of a measurement."""
    success, failure = metric.get("successCondition", ""), metric.get("failureCondition", "")
    if not success and not failure:
        return Phase.SUCCESSFUL
    succeeded = holds(success, result) if success else not holds(failure, result)
    failed = holds(failure, result) if failure else not succeeded
    if failed:
        return Phase.FAILED
    return Phase.SUCCESSFUL if succeeded else Phase.INCONCLUSIVE


@dataclass
class Counted:
    """What Argo keeps of one metric."""

    phase: Phase = Phase.RUNNING
    measurements: int = 0
    last: Phase | None = None
    last_at: float = 0.0
    resume_at: float | None = None  # of a measurement that is under way
    token: Any = None  # by which that one is asked for
    count: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors_in_a_row: int = 0
    successes_in_a_row: int = 0
    message: str = ""

    def add(self, phase: Phase) -> None:
        self.measurements += 1
        self.last, self.resume_at = phase, None
        if phase is Phase.ERROR:
            self.errors_in_a_row += 1
            self.successes_in_a_row = 0
            return
        self.count += 1
        self.errors_in_a_row = 0
        self.successes_in_a_row = self.successes_in_a_row + 1 if phase is Phase.SUCCESSFUL else 0
        self.failed += phase is Phase.FAILED
        self.inconclusive += phase is Phase.INCONCLUSIVE


def limit(metric: Mapping[str, Any], name: str, default: int) -> int:
    """Return a limit: numbers may stand in text, as arguments leave them."""
    return int(metric.get(name, default))


def count_of(metric: Mapping[str, Any]) -> int | None:
    """Return how many measurements there are at most, None for endless."""
    count = limit(metric, "count", 0)
    if count:
        return count
    return None if metric.get("interval") else 1


def assessed(metric: Mapping[str, Any], seen: Counted, *, terminating: bool) -> Phase:
    """Return the phase of a metric."""
    if seen.phase.is_end:
        return seen.phase
    if seen.measurements == 0 and seen.resume_at is None:
        return Phase.SUCCESSFUL if terminating else Phase.PENDING
    if seen.resume_at is not None:
        return Phase.RUNNING
    if (bad := _tripped(metric, seen)) is not None:
        return bad
    failure_limit, wanted = limit(metric, "failureLimit", 0), limit(metric, "consecutiveSuccessLimit", 0)
    if wanted > 0 and seen.successes_in_a_row >= wanted:
        return Phase.SUCCESSFUL
    count = count_of(metric)
    if count is not None and seen.count >= count:
        if wanted > 0:
            return Phase.INCONCLUSIVE if failure_limit >= 0 else Phase.FAILED
        return Phase.SUCCESSFUL
    return Phase.SUCCESSFUL if terminating else Phase.RUNNING


def _tripped(metric: Mapping[str, Any], seen: Counted) -> Phase | None:
    """Return what a limit makes of a metric: of several the last one here holds."""
    found = None
    failure_limit = limit(metric, "failureLimit", 0)
    if 0 <= failure_limit < seen.failed:
        found = Phase.FAILED
    if seen.inconclusive > limit(metric, "inconclusiveLimit", 0):
        found = Phase.INCONCLUSIVE
    if seen.errors_in_a_row > limit(metric, "consecutiveErrorLimit", ERRORS_IN_A_ROW):
        found = Phase.ERROR
    return found


def refused(metric: Mapping[str, Any]) -> str:
    """Return why Argo would not take a metric, empty where it would."""
    count, failures = limit(metric, "count", 0), limit(metric, "failureLimit", 0)
    successes, inconclusive = limit(metric, "consecutiveSuccessLimit", 0), limit(metric, "inconclusiveLimit", 0)
    if successes < 0 or failures < -1 or inconclusive < 0 or limit(metric, "consecutiveErrorLimit", 0) < 0:
        return "a limit is negative"
    if successes == 0 and failures == -1:
        return "failureLimit and consecutiveSuccessLimit are both off"
    if count and failures >= 0 and count < failures + successes:
        return "count is below failureLimit and consecutiveSuccessLimit together"
    if count and count < max(inconclusive, successes if failures < 0 else 0):
        return "count is below a limit"
    if count > 1 and not metric.get("interval"):
        return "there is a count and no interval"
    if count_of(metric) is None:
        return "it never ends, and stands in a step"
    return "" if len(metric["provider"]) == 1 else "there is not one provider"


def seconds(duration: str) -> float:
    """Return a duration of Go, of the plain ones."""
    parts = re.findall(r"([0-9.]+)(s|m|h)", duration)
    if not parts or "".join(a + b for a, b in parts) != duration:
        raise AssertionError(f"{duration!r} is no duration")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def with_args(value: Any, args: Mapping[str, str]) -> Any:
    """Return a template's part with its arguments in place, as Argo does it: on the JSON text. Source: utils/template."""
    text = json.dumps(value)

    def put(found: re.Match[str]) -> str:
        name = found[1].strip().removeprefix("args.")
        return json.dumps(args[name])[1:-1]

    return json.loads(re.sub(r"\{\{(.*?)\}\}", put, text))


@dataclass
class Run:
    """One AnalysisRun of a template. `take` makes a measurement and returns its phase, or when it is to be resumed."""

    metrics: list[dict[str, Any]]
    dry: tuple[str, ...]
    take: Callable[[dict[str, Any], Counted, float], Phase | float]
    began_at: float
    seen: dict[str, Counted] = field(default_factory=dict)

    def reconcile(self, now: float) -> Phase:
        """Make the measurements that are due, and return the phase of the run."""
        terminating = self._is_terminating()
        for metric in self.metrics:
            if self._is_due(metric, now, terminating=terminating):
                self._measure(metric, now, terminating=terminating)
        worst: Phase | None = None
        whole = True
        for metric in self.metrics:
            counted = self.seen.get(metric["name"])
            if counted is None:
                whole = False
                continue
            counted.phase = assessed(metric, counted, terminating=terminating)
            if not counted.phase.is_end:
                whole = False
            elif metric["name"] in self.dry:
                worst = worst or Phase.SUCCESSFUL
            elif worst is None or WORSE.index(counted.phase) > WORSE.index(worst):
                worst = counted.phase
        if terminating:
            return worst or Phase.SUCCESSFUL
        return worst if whole and worst is not None else Phase.RUNNING

    def _is_terminating(self) -> bool:
        ends = (Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE)
        return any(one.phase in ends for name, one in self.seen.items() if name not in self.dry)

    def _is_due(self, metric: Mapping[str, Any], now: float, *, terminating: bool) -> bool:
        seen = self.seen.get(metric["name"])
        if seen is not None and seen.phase.is_end:
            return False
        if seen is not None and seen.resume_at is not None:
            return terminating or now >= seen.resume_at
        if terminating:
            return False
        if seen is None:
            delay = metric.get("initialDelay")
            return now >= self.began_at + (seconds(delay) if delay else 0.0)
        count = count_of(metric)
        if count is not None and seen.count >= count:
            return False
        pause = seconds(metric["interval"]) if metric.get("interval") and seen.last is not Phase.ERROR else ERROR_AGAIN_S
        return now > seen.last_at + pause

    def _measure(self, metric: dict[str, Any], now: float, *, terminating: bool) -> None:
        seen = self.seen.setdefault(metric["name"], Counted())
        if terminating:  # Web and Kayenta do nothing then, and the measurement stays as it is
            return
        try:
            came_of_it = self.take(metric, seen, now)
        except Trouble as trouble:
            came_of_it, seen.message = Phase.ERROR, str(trouble)
        if isinstance(came_of_it, Phase):
            seen.last_at = now
            seen.add(came_of_it)
        else:
            seen.resume_at = came_of_it


class End(StrEnum):
    """What a step's run does to the rollout."""

    NEXT = "next"
    PAUSED = "paused"
    ABORTED = "aborted"


def end_of(phase: Phase) -> End:
    """Return what a rollout does with a run that ended in a step."""
    return {Phase.SUCCESSFUL: End.NEXT, Phase.INCONCLUSIVE: End.PAUSED}.get(phase, End.ABORTED)
