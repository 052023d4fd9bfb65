"""This file is for the run: order, exclusiveness, stops, retries and sinks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from probes.evidence.source import EvidenceSource
from probes.fields import Secret
from probes.outcome import Check, Outcome, Subject, Verdict, check
from probes.session import Session
from scenarios.asking import Asking
from scenarios.attempts import joined
from scenarios.events import Ended, Event, OutcomeReady, RunFinished, RunStarted, ScenarioStarted
from scenarios.runner import Runner, run, spoken_duration
from scenarios.selection import parse_selection
from tests.scenarios.making import Flaky, Gate, Granted, Keeper, Says, scenario, suite

pytestmark = pytest.mark.anyio


async def _within(awaitable: Any) -> Any:
    """Await, but let no mistake of ours hang the tests."""
    return await asyncio.wait_for(awaitable, 10)


async def test_every_scenario_has_exactly_one_outcome_in_the_suites_order() -> None:
    verdicts = ("pass", "fail", "error", "inconclusive", "degraded")
    keeper = Keeper()
    result = await _within(run(suite(*(scenario(v, Says(says=v)) for v in verdicts)), "staging", sinks=[keeper]))
    assert [o.subject.scenario for o in result.outcomes] == list(verdicts)
    assert [o.verdict.value for o in result.outcomes] == list(verdicts)
    assert sorted(keeper.told) == sorted(verdicts)
    assert result.ended is Ended.COMPLETED and result.verdict is Verdict.FAIL


async def test_a_probe_that_raises_is_an_error_and_the_others_go_on() -> None:
    result = await _within(run(suite(scenario("broken", Says(says="error")), scenario("fine")), "staging"))
    broken, fine = result.outcomes
    assert broken.verdict is Verdict.ERROR and "RuntimeError: a bug" in broken.sentence
    assert fine.verdict is Verdict.PASS


async def test_a_probe_that_leaves_the_process_is_an_error_and_the_others_go_on() -> None:
    class Leaves(Says):
        async def ask(self, session: Session) -> AsyncIterator[Check]:
            yield check("something", holds=True)
            raise SystemExit(0)

    leaving, fine = (await _within(run(suite(scenario("leaving", Leaves()), scenario("fine")), "staging"))).outcomes
    assert leaving.verdict is Verdict.ERROR and "SystemExit: 0" in leaving.sentence
    assert fine.verdict is Verdict.PASS


async def test_sinks_are_told_in_order_from_the_start_to_the_finish() -> None:
    keeper = Keeper()
    result = await _within(run(suite(scenario("one"), scenario("two", needs=("one",))), "staging", sinks=[keeper]))
    kinds = [type(e) for e in keeper.events]
    assert kinds == [RunStarted, ScenarioStarted, OutcomeReady, ScenarioStarted, OutcomeReady, RunFinished]
    assert isinstance(keeper.events[0], RunStarted) and [s.scenario for s in keeper.events[0].planned] == ["one", "two"]
    assert {o.run_id for o in result.outcomes} == {result.run.id}


async def test_a_sink_that_raises_is_dropped_and_named_once() -> None:
    class Raising:
        calls = 0

        def take(self, event: Event) -> None:
            self.calls += 1
            raise OSError("no space left on device")

    raising, keeper = Raising(), Keeper()
    result = await _within(run(suite(scenario("one"), scenario("two")), "staging", sinks=[raising, keeper]))
    assert raising.calls == 1
    assert result.trouble == ("Raising failed and was told nothing more: no space left on device",)
    assert len(keeper.told) == 2


async def test_a_sink_that_raises_at_the_finish_is_trouble_too() -> None:
    class Late:
        def take(self, event: Event) -> None:
            if isinstance(event, RunFinished):
                raise OSError("too late")

    assert "too late" in (await _within(run(suite(scenario("one")), "staging", sinks=[Late()]))).trouble[0]


@pytest.mark.parametrize(
    ("says", "word"), [("fail", "failed"), ("error", "could not be asked"), ("inconclusive", "was inconclusive")]
)
async def test_dependants_of_what_is_not_proven_are_skipped_with_the_reason(says: str, word: str) -> None:
    chain = (scenario("first", Says(says=says)), scenario("second", needs=("first",)), scenario("third", needs=("second",)))
    _, second, third = (await _within(run(suite(*chain), "staging"))).outcomes
    assert (second.verdict, second.sentence) == (Verdict.SKIPPED, f"needs 'first', which {word}")
    assert (third.verdict, third.sentence) == (Verdict.SKIPPED, "needs 'second', which was skipped")


async def test_dependants_of_what_is_degraded_run() -> None:
    chain = (scenario("first", Says(says="degraded")), scenario("second", needs=("first",)))
    assert (await _within(run(suite(*chain), "staging"))).outcomes[1].verdict is Verdict.PASS


async def test_a_need_that_is_not_for_this_target_is_a_reason_to_skip() -> None:
    pair = (scenario("elsewhere", targets=("production",)), scenario("here", needs=("elsewhere",)))
    (here,) = (await _within(run(suite(*pair), "staging"))).outcomes
    assert here.sentence == "needs 'elsewhere', which is not for target 'staging'"


async def test_needs_outside_the_selection_are_pulled_in() -> None:
    chain = (scenario("login"), scenario("book", needs=("login",), tags=("smoke",)), scenario("other"))
    result = await _within(run(suite(*chain), "staging", parse_selection(["smoke"])))
    assert [o.subject.scenario for o in result.outcomes] == ["login", "book"]
    assert result.run.selection == "-t smoke"


async def test_scenarios_run_at_the_same_time_up_to_the_jobs() -> None:
    gate = Gate()
    running = asyncio.create_task(run(suite(*(scenario(f"s{n}", Says(gate=gate)) for n in range(5))), "staging", jobs=3))
    await _within(gate.until(3))
    assert len(gate.at_work) == 3
    gate.open.set()
    result = await _within(running)
    assert max(len(names) for names in gate.seen_together) == 3
    assert [o.verdict for o in result.outcomes] == [Verdict.PASS] * 5


@pytest.mark.parametrize("exclusive", [Says(fault="db_down"), Granted()], ids=["names a lever", "needs the grant"])
async def test_a_scenario_that_breaks_things_has_the_target_to_itself(exclusive: Says) -> None:
    gate = Gate()
    gate.open.set()
    breaking = exclusive.model_copy(update={"gate": gate, "turns": 5})
    others = [scenario(f"s{n}", Says(gate=gate, turns=5)) for n in range(3)]
    after = scenario("after", Says(gate=gate), needs=("break",))
    two = [scenario("break", breaking), scenario("break again", breaking), *others, after]
    result = await _within(run(suite(*two, allow=["faults"]), "staging"))
    assert {o.verdict for o in result.outcomes} == {Verdict.PASS}
    shared = [names for names in gate.seen_together if names & {"break", "break again"} and len(names) > 1]
    assert shared == []
    assert any(len(names) == 3 for names in gate.seen_together), "the others do run together"


async def test_without_the_grant_nothing_is_broken_and_so_nothing_waits() -> None:
    gate = Gate()
    pair = [scenario("passive", Says(gate=gate, fault="db_down")), scenario("other", Says(gate=gate))]
    running = asyncio.create_task(run(suite(*pair), "staging"))
    await _within(gate.until(2))
    gate.open.set()
    await _within(running)


async def test_when_the_runs_time_is_over_what_runs_is_cancelled_and_the_rest_is_skipped() -> None:
    gate = Gate()
    held = [scenario("slow", Says(gate=gate)), scenario("late", needs=("slow",))]
    result = await _within(run(suite(*held), "staging", run_deadline_s=0.05))
    slow, late = result.outcomes
    assert result.ended is Ended.DEADLINE
    assert slow.verdict is Verdict.INCONCLUSIVE
    assert slow.sentence == "stopped before it was finished: the run's time (0.05 s) was over"
    assert (late.verdict, late.sentence) == (Verdict.SKIPPED, "not run: the run's time (0.05 s) was over")


async def test_a_stop_by_signal_keeps_what_was_seen_and_undoes_what_was_done() -> None:
    gate, undone = Gate(), []

    class Breaking(Says, kind="test_breaking"):
        async def ask(self, session: Any) -> Any:
            async def undo() -> None:
                undone.append(session.subject.scenario)

            session.undo_later("the test data", undo)
            async for made in super().ask(session):
                yield made

    keeper = Keeper()
    tiny = suite(scenario("quick"), scenario("held", Breaking(gate=gate), needs=("quick",)), scenario("next", needs=("held",)))
    runner = Runner(tiny, "staging", sinks=[keeper])
    running = asyncio.create_task(runner.run())
    await _within(gate.until(1))
    runner.request_stop("SIGTERM was received", 15)
    runner.request_stop("SIGINT was received", 2)
    result = await _within(running)
    assert [o.verdict.value for o in result.outcomes] == ["pass", "inconclusive", "skipped"]
    assert result.outcomes[1].sentence == "stopped before it was finished: SIGTERM was received"
    assert (result.ended, result.signal) == (Ended.INTERRUPTED, 15)
    assert undone == ["held"]
    assert sorted(keeper.told) == ["held", "next", "quick"] and isinstance(keeper.events[-1], RunFinished)


async def test_what_is_stopped_before_its_first_step_still_has_an_outcome() -> None:
    class StopsAtOnce:
        def take(self, event: Event) -> None:
            if isinstance(event, ScenarioStarted):
                asyncio.get_running_loop().call_soon(runner.request_stop, "SIGINT was received", 2)

    keeper = Keeper()
    runner = Runner(suite(scenario("one", Says(turns=3)), scenario("two")), "staging", sinks=[StopsAtOnce(), keeper])
    result = await _within(runner.run())
    assert len(result.outcomes) == 2 and sorted(keeper.told) == ["one", "two"]
    assert Verdict.PASS not in {o.verdict for o in result.outcomes}


async def test_a_stop_before_the_run_skips_all() -> None:
    runner = Runner(suite(scenario("one")), "staging")
    runner.request_stop("SIGTERM was received", 15)
    (one,) = (await _within(runner.run())).outcomes
    assert one.sentence == "not run: SIGTERM was received"


async def test_fail_fast_stops_at_the_first_failure() -> None:
    gate = Gate()
    three = [scenario("held", Says(gate=gate)), scenario("bad", Says(says="fail")), scenario("later", needs=("held",))]
    result = await _within(run(suite(*three), "staging", fail_fast=True))
    reason = "'bad' failed, and the run stops at the first failure"
    assert result.ended is Ended.FAIL_FAST
    assert [o.sentence for o in result.outcomes] == [
        f"stopped before it was finished: {reason}",
        "it said fail",
        f"not run: {reason}",
    ]


async def test_a_pass_on_a_retry_is_degraded_and_each_attempt_has_its_own_session() -> None:
    sessions: list[str] = []
    probe = Flaky.model_construct(failures=1, sessions=sessions)
    (outcome,) = (await _within(run(suite(scenario("flaky", probe, retries=3)), "staging"))).outcomes
    assert (outcome.verdict, outcome.attempts) == (Verdict.DEGRADED, 2)
    assert outcome.sentence == "flaky: passed at attempt 2 of 4; before: no, attempt 1"
    assert len(set(sessions)) == 2


async def test_a_failure_stands_when_the_last_attempt_is_cut_short_by_the_end_of_the_run() -> None:
    about, now = Subject("s", "one", "http", "staging", "staging"), datetime.now(UTC)
    failing = Outcome("1", "r", about, Verdict.FAIL, "tenant 20 saw tenant 15", now, 1.0)
    cut = Outcome("2", "r", about, Verdict.INCONCLUSIVE, "stopped before it was finished", now, 1.0)
    outcome = joined(cut, [failing], 1)
    assert (outcome.verdict, outcome.attempts) == (Verdict.FAIL, 2)
    said = "tenant 20 saw tenant 15 (attempt 1; the last attempt: stopped before it was finished)"
    assert outcome.sentence == said == outcome.checks[0].say


async def test_a_failure_at_all_attempts_is_a_failure_that_tells_of_them() -> None:
    probe = Flaky.model_construct(failures=9, sessions=[])
    (outcome,) = (await _within(run(suite(scenario("bad", probe, retries=2)), "staging"))).outcomes
    assert (outcome.verdict, outcome.attempts, outcome.sentence) == (Verdict.FAIL, 3, "no, attempt 3")
    told = [e.summary for e in outcome.checks[-1].evidence]
    assert told == ["attempt 1: fail: no, attempt 1", "attempt 2: fail: no, attempt 2"]


async def test_a_failure_without_retries_is_asked_once() -> None:
    probe = Flaky.model_construct(failures=1, sessions=[])
    (outcome,) = (await _within(run(suite(scenario("bad", probe)), "staging"))).outcomes
    assert (outcome.verdict, outcome.attempts, len(probe.sessions)) == (Verdict.FAIL, 1, 1)


async def test_a_secret_of_the_environment_does_not_reach_an_outcome() -> None:
    tiny = suite(scenario("leaky", Says(says="fail", secret="correct-horse-battery")))
    tiny._secrets = (("correct-horse-battery", "api_token"),)
    (outcome,) = (await _within(run(tiny, "staging"))).outcomes
    assert outcome.sentence == "it said fail [api_token]"


async def test_a_secret_of_the_targets_evidence_does_not_reach_an_outcome() -> None:
    class Vault(EvidenceSource, source="test_vault"):
        dsn: Secret

    vault = Vault(dsn=Secret("redis://:hunter2@host", "${REDIS_DSN}"))  # type: ignore[arg-type]
    tiny = suite(scenario("leaky", Says(says="fail", secret="redis://:hunter2@host")), evidence={"vault": vault})
    (outcome,) = (await _within(run(tiny, "staging"))).outcomes
    assert outcome.sentence == "it said fail [redis_dsn]"


async def test_a_circle_of_needs_does_not_hang_the_run() -> None:
    result = await _within(run(suite(scenario("a", needs=("b",)), scenario("b", needs=("a",))), "staging"))
    assert [o.verdict for o in result.outcomes] == [Verdict.ERROR] * 2


async def test_a_session_that_cannot_be_opened_is_that_scenarios_error(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Asking.session

    def unlucky(self: Asking, subject: Subject, run_id: str) -> Session:
        if subject.scenario == "bad":
            raise OSError("no such certificate file")
        return opened(self, subject, run_id)

    monkeypatch.setattr(Asking, "session", unlucky)
    bad, good = (await _within(run(suite(scenario("bad"), scenario("good")), "staging"))).outcomes
    assert (bad.verdict, good.verdict) == (Verdict.ERROR, Verdict.PASS)
    assert "no such certificate file" in bad.sentence


async def test_certificates_that_are_not_verified_are_remarked() -> None:
    result = await _within(run(suite(scenario("one"), tls={"verify": False}), "staging"))
    assert result.run.remarks == ("certificates are not verified",)


async def test_the_critical_path_is_no_longer_than_the_run() -> None:
    chain = (scenario("a", Says(turns=20)), scenario("b", Says(turns=20), needs=("a",)), scenario("c", Says(turns=20)))
    result = await _within(run(suite(*chain), "staging"))
    assert 0 < result.critical_path_s <= result.wall_s


def test_an_unknown_target_or_no_job_is_refused() -> None:
    with pytest.raises(ValueError, match="no target 'prod'"):
        Runner(suite(scenario("one")), "prod")
    with pytest.raises(ValueError, match="at least one job"):
        Runner(suite(scenario("one")), "staging", jobs=0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (30, "30 s"), (300, "5 min"), (90, "1 min 30 s"), (5400, "1 h 30 min")]
)
def test_durations_are_spoken(seconds: float, text: str) -> None:
    assert spoken_duration(seconds) == text


async def test_ten_times_the_scenarios_take_about_ten_times_as_long() -> None:
    took = []
    for count in (150, 1500):
        many = suite(*(scenario(f"s{n}") for n in range(count)))
        began = time.process_time()
        result = await _within(run(many, "staging"))
        took.append(time.process_time() - began)
        assert len(result.outcomes) == count
    assert took[1] < 40 * took[0], "each scenario looked at each other one"
