"""This file is for evidence from rounds of many scenarios: of the round as a whole, and of each scenario by itself.

A round is bad where any scenario was. If one scenario often fails on both sides, that drowns another that fails only on the
canary; its own evidence does not. E-values may be averaged however they depend on each other, so both are, with weights that
are fixed when the gate opens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports.judgement.e_values import BadState, log_sum, shown
from reports.judgement.independence import Unit
from reports.judgement.pair_process import PairProcess

WHOLE = 0.8  # weight of the round as a whole; the rest is shared by its scenarios


@dataclass(frozen=True, slots=True)
class RoundsProcess:
    """Evidence that rounds fail more often on the canary. The names of its scenarios are fixed."""

    whole: PairProcess
    scenarios: Mapping[str, PairProcess]

    @classmethod
    def new(cls, names: Iterable[str]) -> RoundsProcess:
        """Begin, with the names of all scenarios that a round may ask. With one of them, it is the round."""
        return cls(PairProcess.new(), {name: PairProcess.new() for name in names})

    @property
    def e(self) -> float:
        """The evidence: roll back at 1/alpha. Finite, at most `e_values.CAP`."""
        if len(self.scenarios) < 2:
            return self.whole.e
        share = math.log((1 - WHOLE) / len(self.scenarios))
        return shown(log_sum([math.log(WHOLE) + self.whole.log_e, *(share + one.log_e for one in self.scenarios.values())]))

    @property
    def worst(self) -> tuple[str, float] | None:
        """The scenario with the most evidence of its own, and that evidence; None where there is no scenario."""
        return max(((name, one.e) for name, one in self.scenarios.items()), key=lambda one: one[1], default=None)

    def updated(self, unit: Unit) -> RoundsProcess:
        """Return the evidence after an independent unit. A scenario that it has not from both sides says nothing.

        Where both sides were bad by different scenarios, nothing is said of these: something may be wrong with what both
        stand on. It costs the canary's evidence at least as much as the baseline's, so the mean is still 1 at most.
        """
        scenarios = self.scenarios
        if len(scenarios) > 1:  # a single one is the round
            scenarios = dict(scenarios)
            for name, (canary_bad, baseline_bad) in unit.scenarios.items():
                elsewhere = unit.canary_bad and unit.baseline_bad and canary_bad != baseline_bad
                if name in scenarios and not elsewhere:
                    scenarios[name] = scenarios[name].updated(1, int(baseline_bad), 1, int(canary_bad))
        return RoundsProcess(self.whole.updated(1, int(unit.baseline_bad), 1, int(unit.canary_bad)), scenarios)

    def at_new_stage(self) -> RoundsProcess:
        """Return the evidence where a stage begins: a part of the capital is laid anew, as in `PairProcess`."""
        return RoundsProcess(self.whole.at_new_stage(), {name: one.at_new_stage() for name, one in self.scenarios.items()})

    def as_json(self) -> dict[str, object]:
        return {"whole": self.whole.as_json(), "scenarios": {name: one.as_json() for name, one in self.scenarios.items()}}

    @classmethod
    def read(cls, told: Mapping[str, object]) -> RoundsProcess:
        """Return the evidence that `as_json` told of, bit for bit. Raises: BadState."""
        whole, scenarios = told.get("whole"), told.get("scenarios")
        if not isinstance(whole, Mapping) or not isinstance(scenarios, Mapping):
            raise BadState("'whole' or 'scenarios' is no state of evidence")
        if not all(isinstance(one, Mapping) for one in scenarios.values()):
            raise BadState("'scenarios' holds something that is no state of evidence")
        return cls(PairProcess.read(whole), {str(name): PairProcess.read(one) for name, one in scenarios.items()})
