"""This file is for a service with gates whose sides answer what a test says, round by round, by a clock turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from reports.gates import Gate
from reports.judgement.gate import GENESIS, Decision, GateState, replay
from reports.store.errors import StoreError
from reports.store.ledger.gates import GateLedger
from scenarios.gates.records import Record, RoundSeen, SideSeen, TrafficSeen
from tests.reports.judgement.gate_making import side as any_side
from tests.scenarios.gates.policy_making import SUITE
from tests.vedette.service.deploys import HandClock
from vedette.service.gate_opening import Opener
from vedette.service.gate_policies import Policies, load_policies
from vedette.service.gates import Gates
from vedette.service.gating import Asking, CannotAsk, Wanted

NAMES = ("shelves are shown", "health is told", "health follows redis")
EVERY_S = 10.0
KEY = "a-key-of-the-canary"
POLICY = """\
name: {name}
service: {service}
suite: suite.yaml
target: staging
tags: [smoke]
canary: {{version: "2", headers: {{X-Canary: "${{CANARY_KEY}}"}}}}
baseline: {{version: "1"}}
identity: {{header: X-Version}}
every: 0.05
gap: 0
stages:
  - {{weight: 5, margin: 30, min_rounds: 5, max_rounds: 60, max_time: 1h}}
  - {{weight: 50, margin: 20, min_rounds: 5, max_rounds: 60, max_time: 1h}}
  - {{name: bake, weight: 100, min_rounds: 3, max_rounds: 60, max_time: 1h}}
triggers:
  - {{id: critical_errors, scenarios: [health is told], times: 2}}
{more}"""


def side(*bad: str, **given: Any) -> SideSeen:
    """Return one side in a round: all was good but for these."""
    return any_side(*bad, names=NAMES, **given)


class HandAsking:
    """Answers each round with what waits in `turns`; a text there is what cannot be asked, an exception breaks it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counters: Mapping[int, float] = {}
        self.moves = 0
        self.closed = False

    def moved(self) -> None:
        self.moves += 1

    async def round(self, at: float) -> RoundSeen:
        self.world.waiting += 1
        try:
            turn = await self.world.turns.get()
        finally:
            self.world.waiting -= 1
        self.world.asked += 1
        if isinstance(turn, Exception):
            raise turn
        self.world.clock.go(EVERY_S)
        return RoundSeen(self.world.clock.now.timestamp(), *turn)

    async def traffic(self, metric: int, at: float) -> TrafficSeen:
        raise AssertionError("no counters are read here")

    async def close(self) -> None:
        self.closed = True


class HandOpener(Opener):
    """Opens as it should, and asks by hand."""

    world: World

    async def asking(self, gate: Gate) -> Asking:
        if self.world.cannot_ask:
            raise CannotAsk(self.world.cannot_ask)
        self.world.askings.append(HandAsking(self.world))
        return self.world.askings[-1]


class FlakyLedger(GateLedger):
    """Takes what it is given, unless a test says that it is away, or that nobody hears that it took something."""

    away = False
    deaf = 0  # so often it takes a line and breaks then

    def append(self, gate_id: str, after: int, step: Any) -> bool:
        if self.away:
            raise StoreError("the store 'x' is locked by another process (waited 5 s)")
        taken = super().append(gate_id, after, step)
        if self.deaf:
            self.deaf -= 1
            raise StoreError("the store 'x' went away")
        return taken


class NoHistory:
    """Nobody watched these scenarios."""

    def recent(self, *given: Any, **more: Any) -> list[Any]:
        return []


class World:
    """One service with its store and its folder. `restarted` is the same with a new service, as after `kill -9`."""

    def __init__(self, folder: Path, where: Path, clock: HandClock | None = None, *, location: str = "local") -> None:
        self.folder, self.where, self.clock, self.location = folder, where, clock or HandClock(), location
        self.ledger = FlakyLedger(where)
        self.turns: asyncio.Queue[Any] = asyncio.Queue()
        self.waiting, self.asked, self.cannot_ask = 0, 0, ""
        self.askings: list[HandAsking] = []
        self.heard: list[Gate] = []
        self.policies = Policies(self.loaded())
        self.opener = HandOpener(self.ledger, self.policies, NoHistory(), location=location)
        self.opener.world = self
        self.gates = Gates(
            self.ledger, self.policies, self.opener, location=location, tell=[self.heard.append], clock=lambda: self.clock.now
        )

    def write(self, name: str = "shop", service: str = "shop/checkout", more: str = "", text: str = POLICY) -> None:
        """Write a policy's file, and that of its suite."""
        (self.folder / "suite.yaml").write_text(SUITE, encoding="utf-8")
        (self.folder / f"{name}.yaml").write_text(text.format(name=name, service=service, more=more), encoding="utf-8")

    def loaded(self) -> Any:
        if not (self.folder / "suite.yaml").exists():
            self.write()
        files = sorted(str(one) for one in self.folder.glob("*.yaml") if one.name != "suite.yaml")
        return load_policies(files, {"CANARY_KEY": KEY})

    def reload(self) -> None:
        """Take the policies in as their files are now."""
        self.policies.take(self.loaded())

    @asynccontextmanager
    async def going(self) -> AsyncIterator[Gates]:
        """Let the service go on until the block ends."""
        async with self.gates.at_work():
            assert await self.gates.resume()
            yield self.gates

    async def open(self, name: str = "shop@2", **keys: Any) -> Gate:
        wanted = {"policy": "shop", "name": name, **keys}
        return (await self.gates.open(Wanted(**wanted), "ci"))[0]

    async def rounds(self, many: int, canary: SideSeen | None = None, baseline: SideSeen | None = None) -> None:
        """Let so many rounds be asked and kept."""
        wanted = self.lines() + many
        for _ in range(many):
            self.turns.put_nowait((canary or side(), baseline or side()))
        await until(lambda: self.lines() >= wanted or not self.gates.active)

    def lines(self) -> int:
        """Return how many lines all gates have."""
        return sum(gate.seq for gate in self.ledger.list())

    def kept(self, name: str = "shop@2") -> Gate:
        found = self.ledger.get(name)
        assert found is not None
        return found

    def records(self, name: str = "shop@2") -> list[Record]:
        return [record for record, _ in replay(self.ledger.evidence(self.kept(name).id))]

    def kinds(self, name: str = "shop@2") -> list[str]:
        return [record.kind for record in self.records(name)]

    def replayed(self, name: str = "shop@2") -> Decision:
        """Return the newest decision of a replay of what is stored, having seen that it is what is told."""
        gate = self.kept(name)
        decision = [made for _, made in replay(self.ledger.evidence(gate.id))][-1]
        told = decision.as_json(
            session=gate.name, evidence_url=f"/api/v1/gates/{gate.name}/evidence", next_poll_s=gate.decision["next_poll_s"]
        )
        assert told == gate.decision and decision.phase is gate.phase
        newest = self.ledger.newest(gate.id)
        assert newest is not None and GateState.read(newest.state).as_json() == newest.state
        return decision

    def restarted(self, away_s: float = 0.0) -> World:
        self.clock.go(away_s)
        self.gates.close()
        return World(self.folder, self.where, self.clock, location=self.location)


async def until(holds: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


__all__ = ["GENESIS", "KEY", "POLICY", "World", "side", "until"]
