"""This file is for saying what is watched, as configured, without anything that a target is reached with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from probes.target import Target
from scenarios.burn_in import BurnInPhase
from scenarios.hidden import redactor_of, secrets_of
from scenarios.maintenance import RecurringWindow
from scenarios.model import Scenario, Suite
from scenarios.watch.series import schedule_of
from vedette.service.api.lines import schedule
from vedette.service.api.service_models import (
    PhaseAnswer,
    ScenarioAnswer,
    SettingsAnswer,
    SuiteAnswer,
    SuiteBrief,
    TargetAnswer,
    WindowAnswer,
)
from vedette.service.state import ServeSettings


def settings(given: ServeSettings) -> SettingsAnswer:
    """Return what the service was started with, but where it keeps things, which is nobody's who only reads."""
    return SettingsAnswer.model_validate(given)


def suite_brief(suite: Suite) -> SuiteBrief:
    return SuiteBrief(
        name=suite.name,
        description=_hider(suite)(suite.description),
        scenarios=len(suite.scenarios),
        targets=tuple(suite.targets),
    )


def suite_answer(suite: Suite) -> SuiteAnswer:
    return SuiteAnswer(
        name=suite.name,
        description=_hider(suite)(suite.description),
        scenarios=len(suite.scenarios),
        targets=tuple(_target(suite, target) for target in suite.targets.values()),
        burn_in=tuple(_phase(phase) for phase in suite.burn_in),
        maintenance=tuple(_window(window) for window in suite.maintenance),
    )


def scenario_answers(suite: Suite, scenarios: Iterable[Scenario]) -> list[ScenarioAnswer]:
    hidden = _hider(suite)
    return [
        ScenarioAnswer(
            suite=suite.name,
            name=scenario.name,
            kind=scenario.kind,
            why=hidden(scenario.why),
            tags=scenario.tags,
            severity=scenario.severity,
            owner=hidden(scenario.owner),
            runbook=hidden(scenario.runbook),
            schedule=schedule(schedule_of(scenario)),
            timeout_s=scenario.timeout,
            retries=scenario.retries,
            needs=scenario.needs,
            targets=scenario.targets,
            formerly=scenario.formerly,
            sign_off=scenario.sign_off,
        )
        for scenario in scenarios
    ]


def _target(suite: Suite, target: Target) -> TargetAnswer:
    hidden = redactor_of(secrets_of(suite, target, ())).own
    return TargetAnswer(
        name=target.name,
        base_url=hidden(str(target.base_url)),
        environment=target.environment.value,
        description=hidden(target.description),
        grants=tuple(sorted(grant.value for grant in target.allow)),
        authenticated=target.auth is not None,
        verifies_tls=target.tls.verify,
        concurrency=target.concurrency,
        evidence=tuple(target.evidence),
        faults=tuple(target.faults),
    )


def _phase(phase: BurnInPhase) -> PhaseAnswer:
    return PhaseAnswer(
        name=phase.name,
        lasts_s=phase.lasts,
        factor=phase.factor,
        least_s=phase.least,
        pass_ratio=phase.pass_ratio,
        asked=phase.asked,
        never_fail=phase.never_fail,
    )


def _window(window: RecurringWindow) -> WindowAnswer:
    return WindowAnswer(
        name=window.name,
        cron=window.cron,
        timezone=window.timezone,
        lasts_s=window.lasts,
        why=window.why,
        targets=window.targets,
        scenarios=window.scenarios,
        tags=window.tags,
    )


def _hider(suite: Suite) -> Callable[[str], str]:
    """Return what takes the values of secrets out of a text of the suite: a variable may have put one there."""
    return redactor_of(suite.secrets).own
