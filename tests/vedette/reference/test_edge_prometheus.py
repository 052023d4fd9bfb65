"""This file is for the faces of metrics and of Prometheus: sound they pass, and each of their faults is caught."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

import pytest

from probes.outcome import Verdict
from probes.promql_syntax import parse
from scenarios.loader import load_suite
from scenarios.runner import run
from scenarios.selection import Selection
from vedette.jobs.prove import Seen, judge_fault
from vedette.reference.edge import face_metrics, face_prometheus
from vedette.reference.edge.promql_answers import CannotAnswer, Evaluation, Series
from vedette.reference.fault import Fault

LIBRARY = Path(__file__).parents[3] / "scenarios/library/edge.yaml"
FACES: dict[str, ModuleType] = {"metrics_contract": face_metrics, "promql": face_prometheus}
VARIABLES = re.findall(r"\$\{([A-Z_]+)\}", LIBRARY.read_text(encoding="utf-8"))


async def asked(kind: str, bugs: Collection[str], folder: Path) -> list[Seen]:
    async with FACES[kind].serve(bugs, folder) as environ:
        suite = load_suite("edge", target="staging", environ={**dict.fromkeys(VARIABLES, "9"), **environ})
        result = await run(suite, "staging", Selection((frozenset({kind}),)), run_deadline_s=30.0)
    return [Seen.of(outcome) for outcome in result.outcomes if outcome.verdict is not Verdict.SKIPPED]


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "many"), [("metrics_contract", 2), ("promql", 6)])
async def test_the_sound_face_passes(kind: str, many: int, tmp_path: Path) -> None:
    seen = await asked(kind, (), tmp_path)
    assert len(seen) == many and [(one.verdict, one.sentence) for one in seen if one.verdict is not Verdict.PASS] == []


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [f for face in FACES.values() for f in face.FAULTS], ids=lambda fault: fault.name)
async def test_each_fault_is_caught_by_its_owner_and_named(fault: Fault, tmp_path: Path) -> None:
    assert judge_fault(fault, await asked(fault.owner, {fault.asked_for}, tmp_path)).why_missed == ""


DATA = [
    Series("x", {"n": "1"}, 3.0),
    Series("x", {"n": "2"}, 5.0, age_s=200),
    Series("old", {}, 1.0, age_s=1000),
    Series("c_total", {}, 9.0, per_s=0.5),
]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        pytest.param("x", [3.0, 5.0], id="selector"),
        pytest.param('x{n=~"[2-9]"}', [5.0], id="matcher"),
        pytest.param("old", [], id="older than five minutes"),
        pytest.param("sum(x) / count(x)", [4.0], id="aggregations"),
        pytest.param("time() - timestamp(x)", [2.0, 200.0], id="ages"),
        pytest.param("topk(1, x * 2)", [10.0], id="topk"),
        pytest.param("x > 4", [5.0], id="filter"),
        pytest.param("rate(c_total[5m])", [0.5], id="rate"),
        pytest.param("sum(old) or vector(0)", [0.0], id="or"),
        pytest.param("absent(old)", [1.0], id="absent"),
        pytest.param("count_over_time(old[1h])", [1.0], id="was there"),
        pytest.param("time() - max_over_time(timestamp(old)[1h:15s])", [1000.0], id="was there then"),
        pytest.param("x / x", [1.0, 1.0], id="one to one"),
    ],
)
def test_the_face_computes(expression: str, values: list[float]) -> None:
    found = Evaluation(DATA, 1_700_000_000.0).of(parse(expression))
    assert isinstance(found, list) and [value for _, value in found] == pytest.approx(values)


@pytest.mark.parametrize("expression", ["stddev(x)", "abs(x)", "x and x", "sum without (n) (x)", "x[5m]"])
def test_what_it_does_not_know_it_refuses(expression: str) -> None:
    with pytest.raises(CannotAnswer):
        Evaluation(DATA).of(parse(expression))
