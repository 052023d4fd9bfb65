"""This file is for asking a service how it is, and for showing that its answers follow the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from probes.contracts.catalogue import HealthContractName
from probes.dangers import Danger
from probes.expect import trail
from probes.fields import Duration, FaultRef
from probes.outcome import Check, check, control, note
from probes.probe import Probe
from probes.target import Grant

if TYPE_CHECKING:
    from probes.health_answer import HealthAnswer
    from probes.session import Session

Endpoint = Literal["live", "ready", "startup", "detail", "alias"]

_ROLES: dict[Endpoint, str] = {
    "live": "liveness",
    "ready": "readiness",
    "startup": "start-up",
    "detail": "detail",
    "alias": "alias",
}
_REPLICAS = 5  # further looks at a timestamp that went backwards
_SPLIT = "liveness and readiness part when a dependency fails"


class Health(Probe, kind="health", dangers={Danger.SERVER_ERRORS}):
    """Ask liveness, readiness, start-up, detail and a legacy alias, twice each and without credentials.

    Each must answer 200 with JSON that is well, fresh, not cached and shows nothing internal. Readiness names
    the `dependencies`, each one up, and the alias agrees with it. With `fault` (grant `faults`, optional) the
    dependency is taken down: readiness must say so while liveness stays 200, and recover afterwards.
    The control: an address that cannot exist is not answered like health.
    """

    live: str | None = "/health/live"  # liveness: the process runs; null where there is none
    ready: str | None = "/health/ready"  # readiness: it can serve; null where there is none
    startup: str | None = None  # it has started
    detail: str | None = None  # the detailed health answer
    alias: str | None = None  # a legacy address that proxies readiness
    # what the whole body must be, at 200 and at 503: a bundled contract for any of the endpoints above, such as live: travel-live
    contracts: dict[Endpoint, HealthContractName] = Field(default_factory=dict)
    dependencies: tuple[str, ...] = ()  # that readiness must name; none: all that it names must be up
    # values of `status` that mean well, in any case
    status_values: tuple[str, ...] = Field(default=("ok", "up", "healthy", "pass", "ready", "alive", "started"), min_length=1)
    skew: Duration = 300.0  # how far a timestamp may be from our clock
    tick: Duration = 1.1  # how long to wait for a timestamp to move on that is given in whole seconds
    live_warn_above: Duration = 0.25  # soft: slower liveness is degraded
    live_within: Duration = 1.0  # hard: slower liveness is a failure
    fault: FaultRef | None = None  # what takes a dependency down, to see readiness follow
    fault_dependency: str | None = None  # the name under `checks` of what the fault takes down
    bite_within: Duration = 5.0  # how soon readiness must say so
    recover_within: Duration = 15.0  # how soon it must be ready again after the fault is out
    poll: Duration = 0.2  # between two looks meanwhile

    @model_validator(mode="after")
    def _usable(self) -> Health:
        if self.live is None and self.ready is None:
            raise ValueError("give at least one of 'live' and 'ready'")
        if self.fault is not None and (self.live is None or self.ready is None):
            raise ValueError("'fault' needs both 'live' and 'ready'")
        if self.fault is not None and self.fault_dependency is None and len(self.dependencies) != 1:
            raise ValueError("'fault' needs 'fault_dependency', the name under 'checks' of what it takes down")
        if self.alias is not None and self.ready is None:
            raise ValueError("'alias' needs 'ready' to agree with")
        for name in self.contracts:
            if getattr(self, name) is None:
                raise ValueError(f"'contracts' names '{name}', but the scenario gives no address for '{name}'")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        visit = _Visit(self, session)
        yield await visit.control_address()
        for role, path in self._endpoints():
            async for made in visit.endpoint(role, path):
                yield made
        if self.alias is not None and self.ready is not None:
            yield await visit.alias_agrees(self.ready, self.alias)
        missing = self._why_passive(session)
        if missing:
            yield note(_SPLIT, f"the split of liveness and readiness was not exercised: {missing}")
            return
        async for made in visit.break_and_mend():
            yield made

    def _endpoints(self) -> list[tuple[str, str]]:
        places = [(role, getattr(self, name)) for name, role in _ROLES.items()]
        return [(role, path) for role, path in places if path is not None]

    def _why_passive(self, session: Session) -> str:
        if self.fault is None:
            return "the scenario names no 'fault'"
        if not session.has_fault(self.fault):
            return f"target '{session.target.name}' has no fault '{self.fault}'"
        if not session.allows(Grant.FAULTS):
            return f"target '{session.target.name}' does not grant faults (allow: [faults])"
        return ""


@dataclass
class _Visit:
    """One run of the probe: what was asked last, by role."""

    probe: Health
    session: Session
    seen: dict[str, HealthAnswer] = field(default_factory=dict)

    async def get(self, role: str, path: str) -> HealthAnswer:
        from probes.health_answer import HealthAnswer, question

        answer = await self.session.send(question(path))
        return HealthAnswer(role, answer)

    async def control_address(self) -> Check:
        self.session.doing = "asking an address that cannot exist"
        path = f"{self.probe.live or self.probe.ready}-{self.session.nonce}"
        made_up = await self.get("an address that cannot exist", path)
        status = made_up.answer.status
        return control(
            "an address that cannot exist is not answered like health",
            holds=not made_up.answer.ok,
            expected="404",
            observed=status,
            say="an address that cannot exist is answered like health, so that a 200 of health proves nothing "
            + trail(made_up.answer),
            evidence=() if not made_up.answer.ok else made_up.evidence,
        )

    async def endpoint(self, role: str, path: str) -> AsyncIterator[Check]:
        self.session.doing = f"asking {role}"
        first = await self.get(role, path)
        self.seen[role] = first
        self.session.measure(f"{role} duration", first.answer.duration_s, "s")
        for made in first.checks(accepted=self.probe.status_values, skew_s=self.probe.skew):
            yield made
        for name, contract in self.probe.contracts.items():
            if _ROLES[name] == role and first.answer.status in (200, 503):
                yield first.fits(contract)
        if role == "liveness":
            for made in self._quick(first):
                yield made
        if first.answer.status != 200:
            return
        if role == "readiness":
            for made in first.names(self.probe.dependencies):
                yield made
        if first.at is not None:
            yield await self._moves_on(first, path)

    async def _moves_on(self, first: HealthAnswer, path: str) -> Check:
        """Ask again at once, and only where the timestamp has not moved, once more after a tick.

        One that went backwards may be of another replica, whose clock is behind: then the first one comes again.
        """
        second = await self.get(first.role, path)
        if not second.moved_on_from(first):
            self.session.doing = f"waiting for the timestamp of {first.role} to move on"
            await self.session.sleep(self.probe.tick)
            second = await self.get(first.role, path)
            for _ in range(_REPLICAS):
                if not second.is_older_than(first):
                    break
                second = await self.get(first.role, path)
        return second.frozen(first)

    def _quick(self, live: HealthAnswer) -> list[Check]:
        took, probe = live.answer.duration_s, self.probe
        say = f"liveness took {took * 1000:.0f} ms {trail(live.answer)}"
        seen = f"{took * 1000:.0f} ms"
        hard = check("liveness is quick", holds=took <= probe.live_within, expected=f"within {probe.live_within:g} s",
                     observed=seen, say=say)  # fmt: skip
        soft = check("liveness is quick (soft bound)", holds=took <= probe.live_warn_above, soft=True,
                     expected=f"within {probe.live_warn_above * 1000:g} ms", observed=seen, say=say)  # fmt: skip
        return [hard, soft]

    async def alias_agrees(self, ready_path: str, alias_path: str) -> Check:
        from probes.health_answer import disagreement

        self.session.doing = "comparing the alias with readiness"
        ready, alias = self.seen["readiness"], self.seen["alias"]
        if disagreement(ready, alias):  # something may have changed in between: ask both once more
            ready, alias = await self.get("readiness", ready_path), await self.get("alias", alias_path)
        trouble = disagreement(ready, alias)
        return check(
            "alias agrees with readiness",
            holds=not trouble,
            expected=f"{ready.answer.status} and the same verdicts",
            observed=trouble or "agrees",
            say=f"alias {trouble} {trail(alias.answer)}",
            evidence=() if not trouble else (*ready.evidence, *alias.evidence),
        )

    async def break_and_mend(self) -> AsyncIterator[Check]:
        from probes.health_fault import break_and_mend

        before = self.seen["readiness"]
        was_ready = before.answer.status == 200 and before.dependencies.get(self.dependency) == "up"
        yield control(
            "readiness was 200 before the fault",
            holds=was_ready,
            expected=f"200, with {self.dependency} up",
            observed=before.answer.status,
            say=f"readiness was not well before the fault, so what a fault changes was not tried {trail(before.answer)}",
        )
        if was_ready:
            async for made in break_and_mend(self.probe, self.session, self.dependency):
                yield made

    @property
    def dependency(self) -> str:
        return self.probe.fault_dependency or self.probe.dependencies[0]
