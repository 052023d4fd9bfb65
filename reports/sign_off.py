"""This file is for the deployment sign-off: its lines, and which of them the results of a run prove.

Source: the sign-off section of AskPro's deployment checklist (seed 004), in our own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from probes.outcome import Outcome, Verdict


class State(StrEnum):
    """What the results say of a line."""

    PROVEN = "proven"
    BROKEN = "broken"
    OPEN = "open"  # asked, but not proven
    BY_HAND = "by hand"  # nothing in this run can tell


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the page. `environment` is where it can be proven, empty for anywhere."""

    id: str
    section: str
    text: str
    environment: str = ""


LINES = (
    Line("code_review", "Before production", "All code changes are reviewed"),
    Line("staging_tests", "Before production", "All staging tests passed", "staging"),
    Line("security_verification", "Before production", "The security verification is complete"),
    Line("performance", "Before production", "The performance figures are acceptable"),
    Line("rollback_plan", "Before production", "The way back was tried out"),
    Line("deployment_window", "Production deployment", "The off-peak window is confirmed"),
    Line("backup", "Production deployment", "The backup was completed"),
    Line("deployment", "Production deployment", "The deployment went through without errors"),
    Line("immediate_verification", "Production deployment", "The immediate verification passed", "production"),
    Line("two_hour_monitoring", "Production deployment", "Two hours of close monitoring are over", "production"),
    Line("week_one", "After the deployment", "The figures of the first week are within their targets", "production"),
    Line("no_incidents", "After the deployment", "There was no critical incident"),
    Line("stakeholders", "After the deployment", "Everybody concerned was told"),
    Line("documentation", "After the deployment", "The documentation is up to date"),
)
SIGNERS = ("Developer", "Tech lead", "Operations")


@dataclass(frozen=True, slots=True)
class Filled:
    """A line with what this run says of it, and in which words."""

    line: Line
    state: State
    because: str


def fill_in(outcomes: Sequence[Outcome], environment: str, lines: Sequence[Line] = LINES) -> list[Filled]:
    """Return every line with its state. A line is proven only if each scenario that bears its id passed, here."""
    return [_fill(line, [o for o in outcomes if line.id in o.subject.sign_off], environment) for line in lines]


def unknown_ids(outcomes: Sequence[Outcome], lines: Sequence[Line] = LINES) -> list[str]:
    """Return the sign-off ids that scenarios name and the page does not have, sorted."""
    return sorted({name for o in outcomes for name in o.subject.sign_off} - {line.id for line in lines})


def _fill(line: Line, asked: Sequence[Outcome], environment: str) -> Filled:
    if not asked:
        return Filled(line, State.BY_HAND, "")
    if line.environment and environment != line.environment:
        return Filled(line, State.BY_HAND, f"only a run against {line.environment} can tell, this one asked {environment}")
    failed = [o for o in asked if o.verdict is Verdict.FAIL]
    proven = [o for o in asked if o.verdict in (Verdict.PASS, Verdict.DEGRADED)]
    if failed:
        names = ", ".join(f"“{o.subject.scenario}”" for o in failed)
        return Filled(line, State.BROKEN, f"{len(failed)} of {len(asked)} scenarios failed: {names}")
    if len(proven) == len(asked):
        return Filled(line, State.PROVEN, f"{len(asked)} of {len(asked)} scenarios passed")
    left = ", ".join(f"“{o.subject.scenario}” is {o.verdict}" for o in asked if o not in proven)
    return Filled(line, State.OPEN, f"{len(proven)} of {len(asked)} scenarios passed; {left}")
