"""This file is for the suite as the rest of the house sees it: frozen, checked, nothing left to look up."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, SerializeAsAny, WithJsonSchema, field_validator

from probes.fields import Configured, Duration
from probes.outcome import Severity, Subject
from probes.probe import Probe
from probes.target import Target
from scenarios.burn_in import DEFAULT_PHASES, BurnInPhase
from scenarios.maintenance import RecurringWindow
from scenarios.schedule_spec import ScheduleSpec
from scenarios.statement import Statement


def _one_word(value: str) -> str:
    if not value.isprintable() or not value or set(value) & {" ", ","}:
        raise ValueError("should be one word without spaces and commas")
    return value


# A word and no more, because `-t a,b` parts tags at commas
Word = Annotated[str, AfterValidator(_one_word), WithJsonSchema({"type": "string", "pattern": r"^[^\s,]+$"})]


class ScenarioKeys(Configured):
    """What every scenario may say, whatever its probe; the probe's own options stand beside these keys."""

    name: str = Field(min_length=1, max_length=200)  # a sentence that should be true
    why: str = ""  # what would happen to whom if it were not true
    tags: tuple[Word, ...] = ()  # for `-t`
    severity: Severity = Severity.P2  # how much a failure matters; P0 pages a person at once
    owner: str = ""  # who is told when it fails
    runbook: str = ""  # where it says what to do then
    schedule: ScheduleSpec | None = (
        None  # how often it is due under `vedette serve`; default: every minute, every 15 minutes if it needs a grant
    )
    timeout: Annotated[Duration, Field(gt=0, le=86_400)] = 30.0  # of one attempt, undo not counted
    retries: int = Field(0, ge=0, le=10)  # a pass on a retry is `degraded` (flaky)
    alone: bool = False  # true: nothing else is asked of the target meanwhile, as what counts requests needs it
    needs: tuple[str, ...] = ()  # names of scenarios that must pass before
    targets: tuple[str, ...] = ()  # names of targets; none means all
    formerly: tuple[str, ...] = ()  # names it had before, so that its history goes on under the new one
    sign_off: tuple[str, ...] = ()  # lines of the sign-off page that this proves
    covers: tuple[str, ...] = ()  # ids of the suite's `statements` that this looks at, for `vedette coverage`

    @field_validator("name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("should be one line of text without spaces around it")
        return value


class Scenario(ScenarioKeys):
    """One named question with the probe that asks it."""

    probe: SerializeAsAny[Probe]

    @property
    def kind(self) -> str:
        return self.probe.kind

    def is_for(self, target_name: str) -> bool:
        """Return whether the scenario applies to the target of that name."""
        return not self.targets or target_name in self.targets

    def subject(self, suite_name: str, target: Target) -> Subject:
        """Return what an outcome of this scenario at that target is about."""
        return Subject(
            suite=suite_name,
            scenario=self.name,
            kind=self.kind,
            target=target.name,
            environment=target.environment.value,
            severity=self.severity,
            tags=self.tags,
            owner=self.owner,
            runbook=self.runbook,
            why=self.why,
            sign_off=self.sign_off,
        )


class Suite(Configured):
    """One suite file, checked. `targets` holds those whose variables all have values; `target_names` holds all."""

    name: str
    path: str
    description: str = ""
    targets: dict[str, Target]
    target_names: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    burn_in: tuple[BurnInPhase, ...] = DEFAULT_PHASES  # how a new version is watched
    maintenance: tuple[RecurringWindow, ...] = ()
    statements: dict[str, Statement] = Field(default_factory=dict)  # what the contract states that the suite checks

    _secrets: tuple[tuple[str, str], ...] = PrivateAttr(())

    @property
    def secrets(self) -> tuple[tuple[str, str], ...]:
        """Return (value, label) of each environment value whose name says that it is a secret, for redaction."""
        return self._secrets

    def scenario(self, name: str) -> Scenario | None:
        return next((s for s in self.scenarios if s.name == name), None)
