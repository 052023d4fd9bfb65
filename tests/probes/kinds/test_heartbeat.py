"""The kind `heartbeat`: its options, and that asking it proves nothing."""

from __future__ import annotations

import pytest

from probes.kinds.heartbeat import ASKED, Heartbeat
from probes.outcome import Verdict
from scenarios.asking import REPORTS_ITSELF
from scenarios.runner import run
from tests.probes.kinds.loopback import outcome_of
from tests.scenarios.making import scenario, suite


@pytest.mark.anyio
async def test_a_run_skips_a_heartbeat_and_says_who_judges_it() -> None:
    result = await run(suite(scenario("nightly backup", Heartbeat())), "staging")
    assert (result.outcomes[0].verdict, result.outcomes[0].sentence) == (Verdict.SKIPPED, REPORTS_ITSELF)


@pytest.mark.anyio
async def test_a_heartbeat_that_is_asked_all_the_same_proves_nothing() -> None:
    outcome = await outcome_of(Heartbeat(), "http://127.0.0.1:9")
    assert (outcome.verdict, outcome.sentence) == (Verdict.INCONCLUSIVE, ASKED)


@pytest.mark.parametrize(
    "options",
    [{"grace": "500ms"}, {"longest": 0}, {"success_codes": [256]}, {"success_codes": []}, {"generation": 0}, {"every": "5m"}],
    ids=lambda options: next(iter(options)),
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Heartbeat(**options)  # type: ignore[arg-type]


def test_it_waits_to_be_told() -> None:
    assert Heartbeat.awaits
