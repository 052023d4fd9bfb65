"""This file is for what Prometheus is told of gates: of those that are open, and of the few that ended last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from reports.gates import Gate, is_fresh
from reports.judgement.gate_decision import Phase
from reports.metrics import names
from reports.metrics.labels import number, pairs
from reports.metrics.names import Metric

ENDED_KEPT = 10  # gates that are over and still shown, so that an alert can see how they ended


class GateLines:
    """What is shown of gates. To be told on the event loop's thread."""

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}  # those that changed last come last

    def take(self, gate: Gate) -> None:
        """Take note of where a gate stands."""
        self._gates.pop(gate.id, None)
        self._gates[gate.id] = gate
        ended = [one.id for one in self._gates.values() if one.phase.is_over]
        for old in ended[:-ENDED_KEPT]:
            del self._gates[old]

    def families(self, now: datetime) -> Iterator[tuple[Metric, str]]:
        """Yield each metric with its lines."""
        gates = sorted(self._gates.values(), key=lambda one: one.name)
        yield names.GATE_PHASE, _lines(names.GATE_PHASE, ((g, (g.service, g.phase.value), 1) for g in gates))
        decided = ((g, (_text(g, "decision"), _text(g, "reason_code")), 1) for g in gates)
        yield names.GATE_DECISION, _lines(names.GATE_DECISION, decided)
        for metric, part, key in (
            (names.GATE_E, "rollback", "e"),
            (names.GATE_K, "promote", "k"),
            (names.GATE_WEIGHT, "stage", "weight"),
        ):
            yield metric, _lines(metric, ((g, (), value) for g in gates if (value := _figure(g, part, key)) is not None))
        yield (
            names.GATE_FRESH,
            _lines(names.GATE_FRESH, ((g, (), int(is_fresh(g, now))) for g in gates if g.phase is not Phase.PENDING)),
        )


def _lines(metric: Metric, rows: Any) -> str:
    return "".join(f"{metric.name}{{{pairs(metric.labels, (gate.name, *more))}}} {number(value)}\n" for gate, more, value in rows)


def _text(gate: Gate, key: str) -> str:
    return str(gate.decision.get(key, ""))


def _figure(gate: Gate, part: str, key: str) -> float | None:
    inner = gate.decision.get(part)
    value = inner.get(key) if isinstance(inner, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
