"""This file is for burn-ins and maintenance with the real watcher and the real store: what they count is what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from probes.outcome import Verdict
from probes.target import Target
from reports.deployments import Deployment, DeploymentState, DeploymentTold
from reports.store.ledger.deployments import Deployments
from reports.store.ledger.maintenance import MaintenanceBook
from reports.store.sink import StoreSink
from reports.store.store import Store
from reports.store.watch.history import WatchHistory
from reports.store.watch.sink import TickSink
from scenarios.burn_in import BurnInPhase
from scenarios.model import Suite
from scenarios.runner import utc_now
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.series import Watched, watched
from scenarios.watch.watcher import Watcher
from tests.scenarios.making import Says, scenario
from vedette.service.burn_in import BurnIns
from vedette.service.calendar import Calendar, NewWindow
from vedette.service.deploying import Wanted
from vedette.service.phase_evidence import Evidence
from vedette.service.versions import Versions

pytestmark = pytest.mark.anyio


@dataclass
class Joined:
    """The parts of a service that a burn-in needs, as a service joins them."""

    where: Path
    suite: Suite
    told: list[DeploymentTold] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def series(self) -> list[Watched]:
        return watched([self.suite], "local")

    @asynccontextmanager
    async def going(self) -> AsyncIterator[Joined]:
        self.ledger, self.history = Deployments(self.where), WatchHistory(self.where)
        self.versions = Versions(self.ledger.versions("local"))
        self.calendar = Calendar(MaintenanceBook(self.where), [self.suite])
        self.calendar.load()
        self.sink = TickSink(self.where, spool=self.where.parent / "spool")
        self.watcher = Watcher(
            self.series, sinks=[self.sink], version_of=self.versions.of, maintenance_of=self.calendar.maintenance_of
        )
        self.burn_ins = BurnIns(
            self.ledger, self.watcher, Evidence(self.history, "local", self.sink.flush), self.versions,
            make_run_sink=lambda: StoreSink(self.where), tell=[self._hear],
        )  # fmt: skip
        watching = asyncio.create_task(self.watcher.run())
        burning_in = asyncio.create_task(self.burn_ins.run())
        try:
            yield self
        finally:
            await self.watcher.stop(5)
            burning_in.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(watching, burning_in)
            await asyncio.to_thread(self.sink.close)
            for part in (self.ledger, self.history, self.calendar):
                part.close()

    def _hear(self, told: DeploymentTold) -> None:
        self.told.append(told)
        self.heard.set()

    async def judged(self) -> DeploymentTold:
        """Wait until a phase has its verdict."""
        async with asyncio.timeout(60):
            while not (phases := [one for one in self.told if one.phase]):
                self.heard.clear()
                await self.heard.wait()
        return phases[-1]

    async def deploy(self, version: str = "1.4.2") -> Deployment:
        (made,) = await self.burn_ins.start(Wanted("production", version), "ci")
        return made


def joined(where: Path, *, says: str = "pass", lasts: float = 2.0) -> Joined:
    rarely = ScheduleSpec(every=3600)
    scenarios = (scenario("checkout", schedule=rarely), scenario("search", Says(says=says), schedule=rarely))
    target = Target(name="production", base_url="http://127.0.0.1:9")
    phases = (BurnInPhase(name="first", lasts=lasts, factor=0.0001, least=1), BurnInPhase(name="second", lasts=3600))
    made = Suite(
        name="shop", path="x.yaml", targets={"production": target}, target_names=("production",), scenarios=scenarios,
        burn_in=phases,
    )  # fmt: skip
    return Joined(where, made)


@pytest.fixture
def where(empty_store: Path, tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    path.write_bytes(empty_store.read_bytes())
    return path


async def test_a_phase_is_judged_by_what_was_really_asked_and_stored(where: Path) -> None:
    async with joined(where).going() as service:
        made = await service.deploy()
        judged = (await service.judged()).phase
        assert judged is not None and judged.verdict is Verdict.PASS, judged
        total = judged.figures["total"]
        assert total["asked"] == total["passed"] >= 4  # the run, and at least once a second each
        kept = service.ledger.get(made.id)
        assert kept is not None and kept.run is not None and kept.run.verdict is Verdict.PASS
        ticks = service.history.recent(service.series[0].key, 10)
        assert {tick.version for tick in ticks if tick.at >= made.deployed_at} == {"1.4.2"}
    store = Store(where)
    run = store.run(kept.run.id)
    store.close()
    assert (run.run.kind, len(run.outcomes), run.verdict) == ("deploy", 2, Verdict.PASS)


async def test_a_broken_version_is_told_at_once(where: Path) -> None:
    async with joined(where, says="fail", lasts=3600).going() as service:
        await service.deploy()
        told = await service.judged()
    assert told.phase is not None and told.phase.verdict is Verdict.FAIL
    assert told.phase.sentence == "the run after the deployment failed: 'search' failed: it said fail; 1 scenario failed"
    assert told.deployment.state is DeploymentState.FAILED


async def test_a_restart_in_the_midst_takes_up_version_pace_and_phase(where: Path) -> None:
    first = joined(where, lasts=3600)
    async with first.going():
        made = await first.deploy()
        while not any("run after" in one.sentence for one in first.told):
            first.heard.clear()
            await asyncio.wait_for(first.heard.wait(), 60)
    after = joined(where, lasts=3600)
    async with after.going():
        assert await after.burn_ins.resume()
        assert [one.id for one in after.burn_ins.active] == [made.id]
        assert after.versions.of("shop", "production") == "1.4.2"
        due = [after.watcher.next_due(one.key) for one in after.series]
        assert all(at is not None and at < utc_now() + timedelta(seconds=5) for at in due)  # once an hour without a burn-in
        assert after.told == []


async def test_ticks_in_a_window_are_kept_and_do_not_count(where: Path) -> None:
    async with joined(where, says="fail").going() as service:
        checkout, search = (one.key for one in service.series)
        since = utc_now() - timedelta(seconds=1)
        window = await asyncio.to_thread(service.calendar.start, NewWindow(1800, "we move", scenarios=("search",)), "jo")
        ticks = [await service.watcher.ask_now(key) for key in (checkout, search)]
        assert [tick.maintenance for tick in ticks] == ["", window.id]
        await asyncio.to_thread(service.calendar.end, window.id, "jo")
        assert (await service.watcher.ask_now(search)).maintenance == ""
        assert await asyncio.to_thread(service.sink.flush)
        counts = service.history.counts_between([checkout, search], since, utc_now() + timedelta(seconds=1))
        assert (counts[search].maintained, counts[search].failed) == (1, counts[search].asked)
        assert counts[search].failed >= 1 and counts[checkout].maintained == 0
