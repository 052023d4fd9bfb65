"""This file is for the sign-off page: a line is ticked only by results that prove it."""

from __future__ import annotations

import pytest

from probes.outcome import check, control
from reports.sign_off import LINES, State, fill_in, unknown_ids
from tests.reports.sample_runs import HELD, LEAK, outcome


def state_of(line: str, *outcomes: object, environment: str = "staging") -> State:
    return next(f.state for f in fill_in(outcomes, environment) if f.line.id == line)  # type: ignore[arg-type]


def test_a_line_that_no_scenario_can_see_is_left_to_a_person() -> None:
    assert state_of("backup", outcome("health is live", sign_off=("staging_tests",))) is State.BY_HAND


def test_a_line_is_proven_when_every_scenario_that_bears_it_passed() -> None:
    both = (outcome("a", sign_off=("staging_tests",)), outcome("b", sign_off=("staging_tests",)))
    assert state_of("staging_tests", *both) is State.PROVEN


@pytest.mark.parametrize(
    ("second", "state"),
    [
        (outcome("b", (check("c", holds=False, say=LEAK),), sign_off=("staging_tests",)), State.BROKEN),
        (outcome("b", (*HELD, control("seen", holds=False)), sign_off=("staging_tests",)), State.OPEN),
        (outcome("b", skipped=True, sign_off=("staging_tests",)), State.OPEN),
    ],
    ids=["failed", "inconclusive", "skipped"],
)
def test_one_scenario_that_did_not_pass_takes_the_tick_away(second: object, state: State) -> None:
    assert state_of("staging_tests", outcome("a", sign_off=("staging_tests",)), second) is state


def test_the_immediate_verification_cannot_be_proven_on_staging() -> None:
    one = outcome("a", sign_off=("immediate_verification",))
    assert state_of("immediate_verification", one, environment="staging") is State.BY_HAND
    assert state_of("immediate_verification", one, environment="production") is State.PROVEN


def test_an_id_that_the_page_does_not_have_is_named() -> None:
    assert unknown_ids([outcome("a", sign_off=("staging_tests", "stagingtests"))]) == ["stagingtests"]


def test_line_ids_are_unique() -> None:
    assert len({line.id for line in LINES}) == len(LINES)
