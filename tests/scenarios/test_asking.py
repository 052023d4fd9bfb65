"""This file is for asking one suite's scenarios at one target: secrets, the bound on what does not stop, and its undos."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from probes.fields import Secret
from probes.outcome import Check, Verdict, check, control
from probes.redact import Redactor
from probes.session import Session
from probes.target import Auth
from scenarios import asking
from scenarios.asking import Asking
from scenarios.events import Ended
from scenarios.runner import Runner, run, utc_now
from tests.scenarios.making import Gate, Says, scenario, suite

pytestmark = pytest.mark.anyio


class Stubborn(Says, kind="test_stubborn"):
    """Swallow every cancellation until the gate opens; with `undoes`, for the time of an undo only."""

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        self.gate.enter(session.subject.scenario)
        while not self.gate.open.is_set():
            try:
                await self.gate.open.wait()
            except asyncio.CancelledError:
                continue
        yield control("it was asked", holds=True)
        yield check("it ends at last", holds=True)


class Undoes(Says, kind="test_undoes"):
    """Break something whose undo takes longer than the scenario has time."""

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        async def undo() -> None:
            self.gate.enter("undo")
            await asyncio.sleep(0.2)

        session.undo_later("the fault", undo)
        yield control("it was asked", holds=True)
        yield check("it broke something", holds=True)


async def _within(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, 10)


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MARGIN_S", "GRACE_S", "UNDO_LOOK_S"):
        monkeypatch.setattr(asking, name, 0.02)


@pytest.mark.usefixtures("_short")
async def test_a_probe_that_does_not_stop_at_its_deadline_does_not_hold_up_the_run() -> None:
    gate = Gate()
    pair = (scenario("stuck", Stubborn(gate=gate), timeout=0.02), scenario("fine"))
    stuck, fine = (await _within(run(suite(*pair), "staging"))).outcomes
    assert (stuck.verdict, stuck.sentence) == (Verdict.ERROR, asking.LEFT_BEHIND)
    assert fine.verdict is Verdict.PASS
    gate.open.set()
    await asyncio.sleep(0)


@pytest.mark.usefixtures("_short")
async def test_a_probe_that_does_not_stop_does_not_hold_up_the_end_of_a_run() -> None:
    gate = Gate()
    runner = Runner(suite(scenario("stuck", Stubborn(gate=gate), timeout=300)), "staging")
    running = asyncio.create_task(runner.run())
    await _within(gate.until(1))
    runner.request_stop("SIGTERM was received", 15)
    result = await _within(running)
    assert (result.ended, result.outcomes[0].verdict) == (Ended.INTERRUPTED, Verdict.ERROR)
    gate.open.set()
    await asyncio.sleep(0)


@pytest.mark.usefixtures("_short")
async def test_an_undo_is_waited_for_beyond_the_time_of_its_scenario() -> None:
    gate = Gate()
    (outcome,) = (await _within(run(suite(scenario("breaks", Undoes(gate=gate), timeout=0.02)), "staging"))).outcomes
    assert (outcome.verdict, outcome.undo_failures, gate.begun) == (Verdict.PASS, (), ["undo"])


async def test_the_run_of_a_deployment_says_so() -> None:
    assert (await run(suite(scenario("one")), "staging")).run.kind == "smoke"
    assert (await run(suite(scenario("one")), "staging", kind="deploy")).run.kind == "deploy"


async def test_what_one_session_hides_is_hidden_in_its_own_outcome_only_and_the_targets_secrets_in_all() -> None:
    auth = Auth(username="vedette", password=Secret("correct-horse", "${SHOP_PASSWORD}"))  # type: ignore[arg-type]
    made = suite(scenario("one"), auth=auth)
    at = Asking(made, made.targets["staging"], [("correct-horse", "shop_password")], clock=utc_now)
    first, second = (at.session(at.subject(made.scenarios[0]), "run") for _ in range(2))
    first.plant("planted-value", "planted")
    said = "correct-horse planted-value"
    assert first.redactor.text(said) == "[shop_password] [planted]"
    assert second.redactor.text(said) == at.plain.text(said) == "[shop_password] planted-value"


def test_a_copy_of_a_redactor_hides_the_same_and_learns_by_itself() -> None:
    redactor = Redactor()
    redactor.add("hunter2-secret", "password")
    copy = redactor.copy()
    copy.add("other-secret", "token")
    redactor.add("third-secret", "key")
    said = "hunter2-secret other-secret third-secret hunter2-se…"
    assert copy.text(said) == "[password] [token] third-secret [password]…"
    assert redactor.text(said) == "[password] other-secret [key] [password]…"
