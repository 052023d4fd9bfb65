"""This file is for what Prometheus is told of gates: how each stands, in few lines however many there were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reports.gates import Gate
from reports.judgement.gate_decision import Phase
from reports.metrics import names
from reports.metrics.gates import ENDED_KEPT, GateLines

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def gate(name: str = "shop@2", phase: Phase = Phase.RUNNING, **keys: Any) -> Gate:
    decision = {
        "decision": "hold", "reason_code": "insufficient_evidence", "rollback": {"e": 1.7}, "promote": {"k": 6.2},
        "stage": {"index": 1, "weight": 25},
    }  # fmt: skip
    given = {
        "id": name, "name": name, "service": "shop", "policy": "shop", "policy_path": "", "location": "local",
        "canary_version": "2", "baseline_version": "1", "weights": (5.0, 25.0), "every_s": 10.0, "opened_at": AT,
        "opened_by": "ci", "phase": phase, "decision": decision, "seq": 3, "fresh_until": AT + timedelta(seconds=30),
    }  # fmt: skip
    return Gate(**given | keys)


def samples(lines: GateLines, after_s: float = 0.0) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return what Prometheus reads, by the metric's name."""
    now = AT + timedelta(seconds=after_s)
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for metric, text in lines.families(now):
        for family in text_string_to_metric_families(metric.header() + text):
            found[metric.name] = [(dict(sample.labels), sample.value) for sample in family.samples]
    return found


def test_a_gate_is_told_with_its_decision_and_the_evidence_for_it() -> None:
    lines = GateLines()
    lines.take(gate())
    own = {"gate": "shop@2"}
    assert samples(lines) == {
        names.GATE_PHASE.name: [({**own, "service": "shop", "phase": "running"}, 1)],
        names.GATE_DECISION.name: [({**own, "decision": "hold", "reason_code": "insufficient_evidence"}, 1)],
        names.GATE_E.name: [(own, 1.7)],
        names.GATE_K.name: [(own, 6.2)],
        names.GATE_WEIGHT.name: [(own, 25)],
        names.GATE_FRESH.name: [(own, 1)],
    }


def test_only_the_newest_decision_is_told() -> None:
    lines = GateLines()
    for decision in ("hold", "rollback"):
        lines.take(gate(decision={"decision": decision, "reason_code": "worse"}))
    told = samples(lines)
    assert [labels["decision"] for labels, _ in told[names.GATE_DECISION.name]] == ["rollback"]
    assert told[names.GATE_E.name] == told[names.GATE_K.name] == []  # a figure that is not there is not told as 0


@pytest.mark.parametrize(
    ("phase", "after_s", "expected"),
    [
        (Phase.RUNNING, 30, [1]),
        (Phase.RUNNING, 31, [0]),
        (Phase.ROLLED_BACK, 86_400, [1]),
        (Phase.PENDING, 0, []),
    ],
    ids=["a new round", "an old round", "the end", "not begun"],
)
def test_it_is_told_whether_a_gate_speaks_for_now(phase: Phase, after_s: float, expected: list[float]) -> None:
    lines = GateLines()
    lines.take(gate(phase=phase))
    assert [value for _, value in samples(lines, after_s)[names.GATE_FRESH.name]] == expected


def test_of_a_thousand_gates_the_open_ones_and_the_last_few_are_told() -> None:
    lines = GateLines()
    lines.take(gate("still open"))
    for number in range(1000):
        lines.take(gate(f"gate {number:04}", Phase.PROMOTED))
    shown = [labels["gate"] for labels, _ in samples(lines)[names.GATE_PHASE.name]]
    assert shown == [f"gate {number:04}" for number in range(1000 - ENDED_KEPT, 1000)] + ["still open"]


def test_a_hostile_name_stays_one_label() -> None:
    lines = GateLines()
    lines.take(gate('a"} 1\nvedette_up{x="\\'))
    ((labels, value),) = samples(lines)[names.GATE_PHASE.name]
    assert (labels["gate"], value) == ('a"} 1\nvedette_up{x="\\', 1)
