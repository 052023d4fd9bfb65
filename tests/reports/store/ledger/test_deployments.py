"""This file is for the promises of the ledger of deployments: nothing is judged twice, nothing is lost, the newest is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.outcome import Severity, Verdict
from reports.deployments import Deployment, DeploymentState, FirstRun, Phase, planned
from reports.store.database import Database
from reports.store.ledger.deployments import Deployments
from scenarios.burn_in import BurnInPhase

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANS = (
    BurnInPhase(name="first", lasts=300, factor=0.2, never_fail=(Severity.P0, Severity.P1)),
    BurnInPhase(name="second", lasts=3600, pass_ratio=0.99),
)


@pytest.fixture
def ledger(anywhere: str) -> Iterator[Deployments]:
    database = Database(anywhere)
    database.make_ready()
    database.close()
    made = Deployments(anywhere)
    yield made
    made.close()


def deployment(name: str = "a", minutes: int = 0, **keys: Any) -> Deployment:
    at = AT + timedelta(minutes=minutes)
    given = {"suite": "shop", "target": "production", "location": "local", "version": f"1.{minutes}", "reported_by": "ci"}
    return Deployment(**{"id": name, "deployed_at": at, "phases": planned(PLANS, at), "note": "a note"} | given | keys)


def judged(phase: Phase, verdict: Verdict = Verdict.PASS) -> Phase:
    return replace(phase, judged_at=phase.ends_at, verdict=verdict, sentence=f"it is {verdict}", figures={"asked": 3})


def test_what_is_kept_comes_back_equal_in_every_field(ledger: Deployments) -> None:
    first = deployment(run=FirstRun("run", Verdict.DEGRADED, "slow"))
    assert ledger.begin([first]) == []
    assert ledger.get("a") == first
    assert ledger.get("nothing") is None


def test_a_phase_is_judged_once_however_many_try(ledger: Deployments) -> None:
    made = deployment()
    ledger.begin([made])
    verdicts = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    together, done = threading.Barrier(len(verdicts)), []

    def judge(verdict: Verdict) -> None:
        together.wait(timeout=30)
        if ledger.judge("a", judged(made.phases[0], verdict), DeploymentState.BURNING_IN, None):
            done.append(verdict)

    threads = [threading.Thread(target=judge, args=(verdict,)) for verdict in verdicts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    kept = ledger.get("a")
    assert len(done) == 1 and kept is not None and [p.verdict for p in kept.phases] == [done[0], None]


def test_the_last_verdict_and_the_end_are_kept_together(ledger: Deployments) -> None:
    made = deployment()
    ledger.begin([made])
    end = made.phases[-1].ends_at
    assert ledger.judge("a", judged(made.phases[0]), DeploymentState.BURNING_IN, None)
    assert ledger.judge("a", judged(made.phases[1]), DeploymentState.PASSED, end)
    kept = ledger.get("a")
    assert kept == replace(made, phases=tuple(map(judged, made.phases)), state=DeploymentState.PASSED, ended_at=end)
    assert ledger.unfinished("local") == []
    assert not ledger.cancel("a", end)


def test_a_newer_deployment_supersedes_what_is_unfinished_of_the_same_suite_target_and_location(ledger: Deployments) -> None:
    others = [deployment("other suite", suite="blog"), deployment("other target", target="staging")]
    ledger.begin([deployment("old"), *others, deployment("elsewhere", location="far")])
    assert ledger.begin([deployment("new", 5)]) == ["old"]
    old = ledger.get("old")
    assert old is not None and (old.state, old.ended_at) == (DeploymentState.SUPERSEDED, AT + timedelta(minutes=5))
    assert not ledger.judge("old", judged(old.phases[0]), DeploymentState.PASSED, None)
    assert {d.id for d in ledger.unfinished("local")} == {"other suite", "other target", "new"}


def test_a_failed_burn_in_stays_failed_when_it_is_cancelled_or_superseded(ledger: Deployments) -> None:
    for name, suite in (("a", "one"), ("b", "two")):
        made = deployment(name, suite=suite)
        ledger.begin([made])
        assert ledger.judge(name, judged(made.phases[0], Verdict.FAIL), DeploymentState.FAILED, None)
    assert ledger.cancel("a", AT)
    assert ledger.begin([deployment("c", 1, suite="two")]) == ["b"]
    assert [(d.state, d.ended_at is None) for d in map(ledger.get, "ab") if d] == [(DeploymentState.FAILED, False)] * 2


def test_a_cancelled_burn_in_is_over(ledger: Deployments) -> None:
    made = deployment()
    ledger.begin([made])
    assert (ledger.cancel("a", AT), ledger.cancel("a", AT), ledger.cancel("nothing", AT)) == (True, False, False)
    kept = ledger.get("a")
    assert kept is not None and (kept.state, kept.ended_at, kept.next_phase) == (DeploymentState.CANCELLED, AT, None)


def test_the_first_run_is_linked_when_it_starts_and_told_when_it_ends(ledger: Deployments) -> None:
    ledger.begin([deployment()])
    runs = []
    for step in (
        lambda: ledger.link_run("a", "one"),
        lambda: ledger.end_run("a", FirstRun("one", Verdict.FAIL, "broken")),
        lambda: ledger.link_run("a", "two"),  # after a restart
    ):
        step()
        kept = ledger.get("a")
        runs.append(kept and kept.run)
    assert runs == [FirstRun("one"), FirstRun("one", Verdict.FAIL, "broken"), FirstRun("two")]


def test_markers_are_those_of_a_stretch_of_time_the_oldest_first(ledger: Deployments) -> None:
    ledger.begin([deployment(str(minutes), minutes) for minutes in (20, 0, 10)])
    until = AT + timedelta(minutes=20)
    assert [d.id for d in ledger.between("shop", "production", AT, until)] == ["0", "10"]
    assert ledger.between("shop", "staging", AT, until) == []


def test_the_current_version_is_the_newest(ledger: Deployments) -> None:
    ledger.begin(
        [
            deployment("a", 1),
            deployment("b", 5),
            deployment("c", 3),
            deployment("d", 9, suite="blog"),
            deployment("e", 9, location="far"),
        ]
    )
    current = ledger.current("shop", "production")
    assert current is not None and current.id == "e"
    assert ledger.current("shop", "staging") is None
    assert [one.id for one in ledger.newest("local")] == ["d", "b"]
    assert ledger.versions("local") == {("shop", "production"): "1.5", ("blog", "production"): "1.9"}


def test_the_list_goes_page_by_page_also_where_two_came_at_once(ledger: Deployments) -> None:
    ledger.begin([deployment("a", 1), deployment("b", 1, suite="blog"), deployment("c", 1, suite="x"), deployment("d", 2)])
    pages, before = [], ""
    while page := ledger.list(2, before):
        pages.append([d.id for d in page])
        before = page[-1].id
    assert pages == [["d", "c"], ["b", "a"]]
    assert [d.id for d in ledger.list(suite="shop", target="production")] == ["d", "a"]


def test_phases_follow_each_other_without_a_hole() -> None:
    made = deployment()
    assert [(p.starts_at - AT).total_seconds() for p in made.phases] == [0, 300]
    assert [(p.ends_at - AT).total_seconds() for p in made.phases] == [300, 3900]
    assert made.phase_at(AT + timedelta(seconds=300)) == made.phases[1]
    assert made.phase_at(AT + timedelta(seconds=3900)) is None
    assert (made.pace(AT), made.pace(AT + timedelta(seconds=3900))) == ((0.2, 5.0), (1.0, 0.0))
    assert replace(made, state=DeploymentState.FAILED).pace(AT) == (1.0, 0.0)
