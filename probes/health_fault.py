"""This file is for taking a dependency down and watching that readiness follows while liveness stays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.expect import trail
from probes.health_answer import HealthAnswer, disagreement, question
from probes.outcome import Check, check, control
from probes.session import Session, TargetError

if TYPE_CHECKING:
    from probes.kinds.health import Health


@dataclass
class _Watch:
    """What both endpoints answered while we watched, and how long it took until readiness was as wanted."""

    ready: list[HealthAnswer] = field(default_factory=list)
    live_trouble: str = ""  # of the first liveness answer that was not 200
    took_s: float | None = None  # None: it did not happen in time
    silence: str = ""  # why the last look brought no answer

    def last(self, wanted_up: str = "") -> str:
        if self.silence or not self.ready:
            return self.silence or "it was not asked"
        if wanted_up and self.ready[-1].answer.status == 200:
            return f"it answers 200 but says that {wanted_up} is down {trail(self.ready[-1].answer)}"
        return f"it says {self.ready[-1].answer.status} {trail(self.ready[-1].answer)}"


async def break_and_mend(probe: Health, session: Session, dependency: str) -> AsyncIterator[Check]:
    """Take the dependency down and up again, and yield what readiness and liveness made of it."""
    fault = str(probe.fault)
    async with session.fault(fault):
        session.doing = f"waiting for readiness to notice that {dependency} is down"
        down = await _watch(probe, session, probe.bite_within, lambda seen: seen.says_down(dependency))
        alias = [await _alias_follows(probe, session, dependency)] if probe.alias and down.took_s is not None else []
        if down.took_s is not None:  # a liveness that remembers what it saw a moment ago goes down only now
            await session.sleep(probe.tick)
            await _look_live(down, session, str(probe.live))
    session.doing = f"waiting for readiness to recover after {dependency} came back"
    up = await _watch(probe, session, probe.recover_within, lambda seen: seen.is_ready_with(dependency))
    live_trouble = down.live_trouble or up.live_trouble
    changed = any(seen.answer.status != 200 or seen.dependencies.get(dependency) != "up" for seen in down.ready)
    yield _noticed(probe, dependency, down, changed)
    yield control(
        "readiness changed after the fault",
        holds=changed or bool(down.silence),
        expected="another answer than before",
        observed=down.last(),
        say=f"readiness did not change for {probe.bite_within:g} s after {dependency} was taken down (fault '{fault}'): "
        f"either it does not look at {dependency}, or the fault did not bite",
    )
    yield check(
        f"liveness stays 200 while {dependency} is down",
        holds=not live_trouble,
        expected="200",
        observed=live_trouble or "200",
        say=f"liveness went down with {dependency}, so an orchestrator would restart healthy processes: {live_trouble}",
    )
    yield check(
        f"readiness recovers once {dependency} is back",
        holds=up.took_s is not None,
        expected=f"200 within {probe.recover_within:g} s",
        observed=up.last(dependency),
        say=f"readiness did not recover within {probe.recover_within:g} s after {dependency} came back: {up.last(dependency)}",
    )
    for made in alias:
        yield made
    for name, took in (("time to notice", down.took_s), ("time to recover", up.took_s)):
        if took is not None:
            session.measure(name, took, "s")


async def _alias_follows(probe: Health, session: Session, dependency: str) -> Check:
    """Ask the alias while the dependency is down: one that is a constant agrees as long as all is well."""
    session.doing = f"comparing the alias with readiness while {dependency} is down"
    ready = HealthAnswer("readiness", await session.send(question(str(probe.ready))))
    alias = HealthAnswer("alias", await session.send(question(str(probe.alias))))
    trouble = disagreement(ready, alias)
    return check(
        f"alias agrees with readiness while {dependency} is down",
        holds=not trouble,
        expected=f"{ready.answer.status} and the same verdicts",
        observed=trouble or "agrees",
        say=f"while {dependency} was down the alias {trouble} {trail(alias.answer)}",
        evidence=() if not trouble else (*ready.evidence, *alias.evidence),
    )


async def _watch(probe: Health, session: Session, limit_s: float, enough: Callable[[HealthAnswer], bool]) -> _Watch:
    """Ask readiness, then liveness, again and again until readiness is as wanted or the time is over."""
    watch, began = _Watch(), session.monotonic()
    while True:
        ready = await _look(watch, session, "readiness", str(probe.ready))
        # Liveness is asked after readiness noticed too: that is when a wrong one goes down.
        await _look_live(watch, session, str(probe.live))
        if ready is not None and enough(ready):
            watch.took_s = session.monotonic() - began
            return watch
        if session.monotonic() - began >= limit_s:
            return watch
        await session.sleep(probe.poll)


async def _look_live(watch: _Watch, session: Session, path: str) -> None:
    live = await _look(watch, session, "liveness", path)
    if live is not None and live.answer.status != 200 and not watch.live_trouble:
        watch.live_trouble = f"it answered {live.answer.status} {trail(live.answer)}"


async def _look(watch: _Watch, session: Session, role: str, path: str) -> HealthAnswer | None:
    """Ask once. No answer at all is an observation here, not the end: the fault may bring it about."""
    try:
        seen = HealthAnswer(role, await session.send(question(path)))
    except TargetError as problem:
        if role == "liveness":
            watch.live_trouble = watch.live_trouble or f"it did not answer: {problem}"
        watch.silence = f"it did not answer: {problem}" if role == "readiness" else watch.silence
        return None
    if role == "readiness":
        watch.silence = ""
        watch.ready.append(seen)
    return seen


def _noticed(probe: Health, dependency: str, down: _Watch, changed: bool) -> Check:
    last = down.ready[-1] if down.ready else None
    if not changed and not down.silence:
        trouble = f"still says all is well {probe.bite_within:g} s after {dependency} was taken down (fault '{probe.fault}')"
        trouble += f": it does not look at {dependency}, or the fault did not bite"
    elif last is not None and not down.silence and last.answer.status == 503:
        trouble = f"answers 503 but does not name {dependency} as down"
    elif last is not None and not down.silence and last.answer.status == 200:
        trouble = f"answers 200 although it says that {dependency} is down, so traffic would still be sent there"
    else:
        trouble = f"did not become 503 when {dependency} was taken down"
    return check(
        f"readiness says {dependency} is down",
        holds=down.took_s is not None,
        expected=f"503 that names {dependency}, within {probe.bite_within:g} s",
        observed=down.last(),
        say=f"readiness {trouble}; {down.last()}",
        evidence=last.evidence if last is not None else (),
    )
