"""This file is for a Rollout of Argo in a world: its steps one after another, each analysis run to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.deploy.argo_providers import Providers
from tests.deploy.argo_rules import End, Phase, Run, end_of, refused, with_args
from tests.deploy.shipped import documents, named
from tests.deploy.world import World

TEMPLATES = "argo/analysis-templates.yaml"
(ROLLOUT,) = documents("argo/rollout.yaml")
LOOK_S = 5.0  # the controller comes by


@dataclass
class Rollout:
    """Our Rollout. `template` takes the place of the one it names, `given` the place of the template's defaults."""

    world: World
    template: str = "vedette-gate"
    given: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=lambda: {"Latest": "7f6d9c5b8d", "Stable": "5c4b3a"})
    job: Callable[[list[str]], int] = lambda args: 70
    patience_s: float = 40 * 3600.0
    before_step: Callable[[int], None] = lambda place: None
    weights: list[int] = field(default_factory=list)
    ended: Phase = Phase.PENDING
    run: Run | None = None
    providers: Providers | None = None

    def go(self) -> str:
        """Do all steps; return `promoted`, `paused` or `aborted`."""
        for place, step in enumerate(ROLLOUT["spec"]["strategy"]["canary"]["steps"]):
            self.before_step(place)
            if "setWeight" in step:
                self.world.weight = step["setWeight"]
                self.weights.append(step["setWeight"])
            if "analysis" not in step:
                continue
            end = end_of(self.analysed(step["analysis"]))
            if end is not End.NEXT:
                if end is End.ABORTED:
                    self.world.weight = 0
                return end.value
        return "promoted"

    def analysed(self, analysis: Mapping[str, Any]) -> Phase:
        """Run one step's analysis to its end."""
        spec = named(TEMPLATES, "AnalysisTemplate", self.template)["spec"]
        args = {**self._defaults(spec), **self._from_rollout(analysis["args"], spec), **self.given}
        metrics = [with_args(one, args) for one in spec["metrics"]]
        assert [refused(one) for one in metrics] == [""] * len(metrics)
        dry = tuple(one["metricName"] for one in spec.get("dryRun", ()))
        self.providers = Providers(self.world.ask, self.job)
        self.run = Run(metrics, dry, self.providers.take, self.world.now)
        while self.world.now - self.run.began_at < self.patience_s:
            self.ended = self.run.reconcile(self.world.now)
            if self.ended.is_end:
                return self.ended
            self.world.go(LOOK_S)
        raise AssertionError("the analysis never ends")

    def _defaults(self, spec: Mapping[str, Any]) -> dict[str, str]:
        values = {one["name"]: one["value"] for one in spec["args"] if "value" in one}
        return {**values, "token": "unused"}

    def _from_rollout(self, args: list[dict[str, Any]], spec: Mapping[str, Any]) -> dict[str, str]:
        known = {one["name"] for one in spec["args"]}
        return {
            one["name"]: one["value"] if "value" in one else self.hashes[one["valueFrom"]["podTemplateHashValue"]]
            for one in args
            if one["name"] in known
        }
