"""This file is for the curves of evidence: bounded however long a gate lasts, on a scale that holds every value."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from reports.status.gate_curve import HEIGHT, POINTS_KEPT, ROWS_SHOWN, WIDTH, Curve, Drawn, Point, drawn, figure
from tests.reports.status.gates import AT, curve, decision

NAMES = ("0 %", "5 %", "25 %", "50 %", "100 %")


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def made(points: Curve, **more: object) -> Drawn:
    found = drawn(points.points, decision(**more), NAMES)
    assert found is not None
    return found


def test_before_the_first_round_there_is_nothing_to_draw() -> None:
    assert drawn([], decision(), NAMES) is None


@pytest.mark.parametrize("rounds", [1, 2, 240, 241, 5000])
def test_points_stay_few_and_hold_the_first_of_each_stage_and_the_newest(rounds: int) -> None:
    points = curve({1: 3, 2: rounds}).points
    assert len(points) <= POINTS_KEPT + 2
    assert [points[0].round, points[-1].round] == [1, rounds + 3]
    assert next(p.round for p in points if p.stage == 2) == 4
    assert [p.round for p in points] == sorted({p.round for p in points})


def test_thinned_points_are_spread_evenly() -> None:
    rounds = [p.round for p in curve({1: 5000}).points]
    steps = {later - sooner for sooner, later in pairwise(rounds[1:-1])}
    assert len(steps) == 1


@pytest.mark.parametrize("e", [0.0, 1e-300, 1e-12, 1.0, 19.9, 1e5, 1e12])
def test_every_value_stays_inside_the_box(e: float) -> None:
    points = Curve()
    for number, value in enumerate((1.0, e), start=1):
        points.grow(Point(number, AT, 2, value, value))
    found = made(points, e=e, k=e)
    for plot in (found.e, found.k):
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places(plot.path))
        assert 0 < plot.threshold_y < 100
        assert 2 <= len(plot.steps) <= 7 and [one.y for one in plot.steps] == sorted(one.y for one in plot.steps)


def test_evidence_above_its_threshold_is_drawn_above_it() -> None:
    points = Curve()
    points.grow(Point(1, AT, 2, 1.0, 1.0))
    points.grow(Point(2, AT, 2, 20.5, 19.5))
    found = made(points, e=20.5, k=19.5)
    assert found.e.last is not None and found.e.last[1] < found.e.threshold_y
    assert found.k.last is not None and found.k.last[1] > found.k.threshold_y
    assert found.e.words == "E, evidence against the canary: 20.5, rolls back at 20"


def test_each_stage_begins_its_own_line_of_k_and_the_line_of_e_goes_on() -> None:
    found = made(curve({1: 20, 2: 20, 3: 20}))
    assert (found.e.path.count("M"), found.k.path.count("M")) == (1, 3)
    assert [one.label for one in found.borders] == ["5 %", "25 %", "50 %"]


def test_a_stage_that_only_must_not_be_worse_has_no_line_of_k() -> None:
    found = made(curve({0: 3, 1: 20}))
    assert found.k.path.count("M") == 1 and places(found.k.path)[0][0] > 0
    assert made(curve({0: 3}), margin=None).k.last is None


def test_labels_of_stages_do_not_stand_on_each_other() -> None:
    assert [one.label for one in made(curve({0: 3, 1: 122, 2: 212})).borders] == ["", "5 %", "25 %"]


def test_the_table_is_short_and_its_first_row_is_the_newest() -> None:
    rows = made(curve({1: 3000})).rows
    assert len(rows) <= ROWS_SHOWN and rows[0].point.round == 3000


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (1.0, "1"), (6.234, "6.23"), (123.4, "123"), (99_999, "99,999"), (1e5, "10⁵"), (4.12e5, "4.1 × 10⁵"),
     (1e12, "10¹²"), (0.0004, "4.0 × 10⁻⁴"), (0.05, "0.05"), (9.99e5, "9.9 × 10⁵"), (19.97, "19.9"),
     (20.0, "20"), (6.2, "6.2"), (0.1, "0.1"), (1234.9, "1,234")],
)  # fmt: skip
def test_evidence_is_said_as_people_read_it(value: float, said: str) -> None:
    assert figure(value) == said
