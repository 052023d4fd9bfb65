"""This file is for how Flagger decides, as rules in Python: one tick of a canary whose traffic is raised step by step.

Written from its documentation and source at commit 15bd6ad (after 1.42), github.com/fluxcd/flagger:
- one tick: pkg/controller/scheduler.go, advanceCanary, nextStepWeight, runCanary, checkCanaryStatus, rollback;
- hooks: pkg/controller/scheduler_hooks.go; docs/gitbook/usage/webhooks.md;
- what is sent, and what counts as yes: pkg/controller/webhook.go, callWebhook and canaryChecksum;
- asked again after 5xx (but 501) and 429: hashicorp/go-retryablehttp, baseRetryPolicy;
- events: pkg/controller/events.go.
The checksum is of the spec that was applied last: before `confirm-rollout` it is that of the rollout before.
Builtin metrics, mirroring, A/B tests and blue/green are left out; pods are ready at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol


class Post(Protocol):
    """Sends a POST and returns status and text. Raises: OSError where nobody answers in time."""

    def __call__(self, url: str, body: str) -> tuple[int, str]: ...


@dataclass
class Flagger:
    """A canary under Flagger. `sets_weight` hears of each weight that is set; it raises OSError where that fails."""

    spec: Mapping[str, Any]  # of the Canary
    namespace: str
    name: str
    post: Post
    sets_weight: Callable[[int], None] = lambda weight: None
    phase: str = "Succeeded"
    weight: int = 0
    failed_checks: int = 0
    applied: str = "0"  # checksum of what was applied last
    target: str = "0"  # checksum of what is wanted
    events: list[str] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    @property
    def analysis(self) -> Mapping[str, Any]:
        return self.spec["analysis"]  # type: ignore[no-any-return]

    def tick(self) -> None:
        """Do what Flagger does once each `interval`."""
        if self.phase in ("Succeeded", "Failed", "Waiting", "Initialized"):
            self._maybe_begin()
            return
        if self.target != self.applied:  # a new revision meanwhile
            self._event("New revision detected! Restarting analysis")
            self._set(0)
            self.phase, self.failed_checks, self.applied = "Progressing", 0, self.target
            return
        if self.phase in ("Progressing", "WaitingPromotion") and any(
            self._yes(hook, self.phase) for hook in self._hooks("rollback")
        ):
            self._event("Rolling back: manual webhook invoked")
            self._roll_back()
            return
        if self.phase == "Promoting":
            self._set(0)
            self.phase = "Finalising"
            return
        if self.phase == "Finalising":
            self.phase = "Succeeded"
            self._tell_the_end()
            return
        if self.failed_checks >= self.analysis["threshold"]:
            self._event(f"Rolling back: failed checks threshold reached {self.failed_checks}")
            self._roll_back()
            return
        before = "pre-rollout" if self.weight == 0 else "rollout"
        if self.weight == 0:
            self._event(f"Starting canary analysis for {self.name}.{self.namespace}")
        for hook in self._hooks(before):
            if not self._yes(hook, "Progressing"):
                self.failed_checks += 1
                return
        step = self._next_step()
        if step > 0:
            if self.phase != "WaitingPromotion" and not all(
                self._yes(hook, "Progressing") for hook in self._hooks("confirm-traffic-increase")
            ):
                return
            self._advance(step)

    def _maybe_begin(self) -> None:
        if self.target == self.applied and self.phase != "Waiting":
            return
        for hook in self._hooks("confirm-rollout"):
            if not self._yes(hook, self.phase):
                self.phase = "Waiting"
                return
        self._event(f"New revision detected! Scaling up {self.name}.{self.namespace}")
        self.phase, self.failed_checks, self.weight, self.applied = "Progressing", 0, 0, self.target

    def _next_step(self) -> int:
        steps = self.analysis["stepWeights"]
        left = 100 - self.weight
        if left == 0:
            return 1
        if self.weight == 0:
            return min(left, steps[0])
        for here, after in pairwise(steps):
            if here == self.weight:
                return min(left, after - here)
        return left

    def _advance(self, step: int) -> None:
        if self.weight < min(100, self.analysis["stepWeights"][-1]):
            if self._set(self.weight + step):
                self._event(f"Advance {self.name}.{self.namespace} canary weight {self.weight}")
            return
        for hook in self._hooks("confirm-promotion"):
            if not self._yes(hook, "Progressing"):
                self.phase = "WaitingPromotion"
                return
        self._event("Copying template spec to primary")
        self.phase = "Promoting"

    def _roll_back(self) -> None:
        self._set(0)
        self._event("Canary failed! Scaling down")
        self.phase = "Failed"
        self._tell_the_end()

    def _tell_the_end(self) -> None:
        for hook in self._hooks("post-rollout"):
            self._yes(hook, self.phase)

    def _set(self, weight: int) -> bool:
        try:
            self.sets_weight(weight)
        except OSError as problem:
            self._event(f"routes could not be set: {problem}")
            return False
        self.weight = weight
        self.weights.append(weight)
        return True

    def _event(self, message: str) -> None:
        self.events.append(message)
        for hook in self._hooks("event"):
            more = {"eventMessage": message, "eventType": "Normal", "timestamp": "1764000000000"}
            self._called(hook, self.phase, {**hook.get("metadata", {}), **more})

    def _hooks(self, kind: str) -> list[Mapping[str, Any]]:
        return [hook for hook in self.analysis["webhooks"] if hook.get("type", "rollout") == kind]

    def _yes(self, hook: Mapping[str, Any], phase: str) -> bool:
        text = self._called(hook, phase, hook.get("metadata", {}))
        if text is not None and hook["type"] in ("pre-rollout", "rollout"):  # only of these an event repeats the words
            self._event(f"Halt advancement check {hook['name']} failed {text}")
        return text is None

    def _called(self, hook: Mapping[str, Any], phase: str, metadata: Mapping[str, str]) -> str | None:
        """Return None for a yes, otherwise the words of the no."""
        asked = {"name": self.name, "namespace": self.namespace, "phase": phase, "checksum": self.applied, "metadata": metadata}
        trouble = ""
        for _ in range(hook.get("retries", 0) + 1):
            try:
                status, text = self.post(hook["url"], json.dumps(asked))
            except OSError as problem:
                trouble = str(problem)
                continue
            if status == 429 or (status >= 500 and status != 501):
                trouble = f"giving up: unexpected HTTP status {status}"
                continue
            return text if status > 202 else None
        return trouble
