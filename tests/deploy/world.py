"""This file is for a world to roll out in: the real gates and routes of a service, and a clock and two sides that obey a test.

Rounds are not asked but told, each kept as the service keeps them: so an hour passes in a second, and what is decided is
decided by the real fold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from reports.gates import Gate
from reports.judgement.gate import GateState, Phase
from reports.store.ledger.gates import GateLedger
from scenarios.gates.records import Record, RoundSeen, ScenarioSeen, Seat, SideSeen
from tests.vedette.service.conftest import BASE
from vedette.service.app import build_app, close_app
from vedette.service.gate_answers import STALE_AFTER
from vedette.service.gate_keeping import Keeper
from vedette.service.gate_opening import Opener
from vedette.service.gate_policies import Policies, load_policies
from vedette.service.gates import Gates
from vedette.service.scopes import Scope
from vedette.service.state import Service

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ASKED = "health is told"
SUITE = """\
suite: checkout
targets: {cluster: {base_url: "http://127.0.0.1:9", private_networks: true}}
defaults: {timeout: 5s, severity: P1, owner: shop}
scenarios:
  - name: health is told
    probe: http
    why: A canary that is not well must not be given more.
    request: {path: /health}
    expect: {status: 200, json: {$.status: ok}}
"""
POLICY = """\
service: shop/checkout
suite: checkout-suite.yaml
target: cluster
canary: {base_url: "http://127.0.0.1:9", version: checkout}
baseline: {base_url: "http://127.0.0.1:9/stable", version: checkout-primary}
identity: {header: X-Version}
every: 10s
gap: 0s
triggers: [{id: canary_unreachable, danger: unreachable, times: 5}]
stages:
  - {name: smoke, weight: 0, min_rounds: 3, max_rounds: 30, max_time: 10m}
  - {weight: 5, margin: 40, min_rounds: 5, max_rounds: 60, max_time: 20m}
  - {weight: 25, margin: 30, min_rounds: 5, max_rounds: 60, max_time: 20m}
  - {weight: 50, margin: 25, min_rounds: 5, max_rounds: 90, max_time: 1h}
  - {name: bake, weight: 100, min_rounds: 3, max_rounds: 400, min_time: 60s, max_time: 1h}
"""

Sides = tuple[Seat, Seat]
SOUND, BROKEN, BOTH_BROKEN, BLIND = (
    (Seat.GOOD, Seat.GOOD),
    (Seat.BAD, Seat.GOOD),
    (Seat.BAD, Seat.BAD),
    (Seat.NONE, Seat.NONE),
)


@dataclass
class World:
    """A service with gates, and what a test says of the sides. `canary_at` says how they are at each weight."""

    service: Service
    runner: asyncio.Runner
    clock: list[datetime]
    sides_at: Callable[[float], Sides] = lambda weight: SOUND
    weight: float = 0.0
    is_down: bool = False  # nobody answers
    is_deaf: bool = False  # it answers, and asks no rounds
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def gates(self) -> Gates:
        return self.service.gates

    @property
    def now(self) -> float:
        return self.clock[0].timestamp()

    def go(self, seconds: float) -> None:
        """Let time pass, and every ten seconds a round be asked."""
        for _ in range(int(seconds / 5)):
            self.clock[0] += timedelta(seconds=5)
            if self.now % 10 == 0 and not (self.is_down or self.is_deaf):
                self._rounds()

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> tuple[int, str]:
        """Ask the service. Raises: OSError where it is down."""
        if self.is_down:
            raise OSError("connection refused")
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = self.runner.run(self._client.request(method, path, headers=dict(headers), content=body))
        self.asked.append((method, path, answer.status_code))
        return answer.status_code, answer.text

    def post(self, url: str, body: str) -> tuple[int, str]:
        """Post as Flagger does."""
        return self.ask("POST", url, {"Content-Type": "application/json"}, body)

    def gate(self) -> Gate:
        """Return the newest gate."""
        return self.gates.ledger.list(1)[0]

    def tell(self, action: str, reason: str = "so it was wanted") -> None:
        """Let a person decide."""
        self.runner.run(self.gates.tell(self.gate().name, action, "alex", reason))

    def token(self, *scopes: Scope) -> str:
        """Return a new token."""
        return self.service.tokens.create(f"t{len(self.service.tokens.list())}", scopes, at=self.clock[0])[1]

    def open(self) -> None:
        self.app = build_app(self.service)
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 50000))
        self._client = httpx.AsyncClient(transport=transport, base_url=BASE)

    def close(self) -> None:
        self.runner.run(self._client.aclose())
        self.runner.run(close_app(self.app))
        self.gates.ledger.close()

    def _rounds(self) -> None:
        keeper = Keeper(self.gates.ledger)
        for gate in self.gates.ledger.list(10, is_open=True):
            if gate.phase is Phase.RUNNING:
                keeper.keep(gate.id, self._round, fresh_s=STALE_AFTER * gate.every_s)

    def _round(self, gate: Gate, state: GateState) -> Record:
        canary, baseline = self.sides_at(self.weight)
        return RoundSeen(at=self.now, canary=_side(canary), baseline=_side(baseline))


def world_of(make_service: Callable[..., Service], folder: Path, *, policy: str = POLICY, **settings: Any) -> World:
    """Return a world with one policy, `checkout`."""
    (folder / "checkout-suite.yaml").write_text(SUITE)
    (folder / "checkout.yaml").write_text(policy)
    clock = [AT]
    service = make_service(settings=settings)
    service.clock = lambda: clock[0]
    ledger, policies = GateLedger(service.settings.store), Policies(load_policies([str(folder / "checkout.yaml")], {}))
    opener = Opener(ledger, policies, service.history, location="local")
    service.gates = Gates(ledger, policies, opener, clock=service.clock)
    world = World(service, asyncio.Runner(), clock)
    world.open()
    return world


def _side(seat: Seat) -> SideSeen:
    one = ScenarioSeen(seat, say="" if seat is Seat.GOOD else "it said no", seconds=0.05, armed=seat is Seat.GOOD)
    return SideSeen({ASKED: one}, right=1, wrong=0, unmarked=0)
