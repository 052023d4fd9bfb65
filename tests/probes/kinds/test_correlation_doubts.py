"""This file is for services that seem to follow ids and do not, or the other way round: what `correlation` says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes.correlation_trace import Trace, fresh, read
from probes.evidence.log_file import LogFile
from probes.kinds.correlation import Correlation
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, outcome_of
from tests.probes.kinds.test_correlation import Service, is_hostile, log, raw, with_id

pytestmark = pytest.mark.anyio

__all__ = ["log"]
CONSTANT = "0d9a8a51-5c1e-4b8e-9d3b-0f6f4b1c2d3e"
PLAIN: dict[str, Any] = {"request": {"path": "/things"}}


async def asked_of(serve: Callable[[Asked], Reply], **options: Any) -> Outcome:
    async with Loopback(serve).running() as server:
        return await outcome_of(Correlation.model_validate({**PLAIN, **options}), server.url)


async def test_a_door_that_shuts_after_the_first_attack_has_not_refused_the_others(log: Path) -> None:
    service, banned = Service(log), list[str]()

    def serve(asked: Asked) -> Reply:
        banned.extend([raw(asked)] if is_hostile(asked) else [])
        reply = service(asked)
        return replace(with_id(reply), status=403) if banned else reply

    outcome = await asked_of(serve)
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "an id of ours was not taken any more after the hostile ones" in outcome.sentence


async def test_one_id_for_all_that_is_hostile_is_not_a_fresh_one(log: Path) -> None:
    service = Service(log)
    outcome = await asked_of(lambda asked: with_id(service(asked), CONSTANT) if is_hostile(asked) else service(asked))
    assert outcome.verdict is Verdict.FAIL
    assert "was replaced by an id that was there before" in outcome.sentence


@pytest.mark.parametrize("how", [str.upper, str.swapcase], ids=["upper", "swapped"])
async def test_a_hostile_id_comes_through_in_another_case_too(log: Path, how: Callable[[str], str]) -> None:
    service = Service(log)

    def serve(asked: Asked) -> Reply:
        reply = service(asked)
        return with_id(reply, how(raw(asked))) if "<script>" in raw(asked) else reply

    outcome = await asked_of(serve, generated="any")
    assert outcome.verdict is Verdict.FAIL
    assert "a hostile id (a script) comes through" in outcome.sentence


@pytest.mark.parametrize("limited", range(1, 17))
async def test_a_rate_limit_is_never_the_targets_fault(log: Path, limited: int) -> None:
    """Whichever request meets it: what was answered 429 says nothing about ids."""
    service, seen = Service(log), list[str]()

    def serve(asked: Asked) -> Reply:
        seen.append(raw(asked))
        reply = service(asked)
        return replace(with_id(reply), status=429) if len(seen) == limited else reply

    outcome = await asked_of(serve, traceparent="continued")
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "429" in outcome.sentence and "rate limit" in outcome.sentence


async def test_a_refused_answer_without_a_trace_does_not_show_that_traces_are_kept_back(log: Path) -> None:
    service = Service(log)

    def serve(asked: Asked) -> Reply:
        reply = service(asked)
        reply = replace(reply, headers=tuple(pair for pair in reply.headers if pair[0] != "traceparent"))
        return replace(reply, status=400) if "traceparent" in asked.headers else reply

    outcome = await asked_of(serve, traceparent="absent", hostile="not_checked")
    assert outcome.verdict is Verdict.FAIL
    assert "not answered as expected" in outcome.sentence


async def test_no_answers_id_proves_anything_where_ids_do_not_follow_their_requests(log: Path) -> None:
    service = Service(log)
    outcome = await asked_of(lambda asked: with_id(service(asked), CONSTANT), hostile="not_checked")
    [made] = [one for one in outcome.controls if one.name == "an id comes back with its own request only"]
    assert (outcome.verdict, made.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)


TRACES = {"header": None, "traceparent": "continued", "together": 4}


async def test_traces_that_are_mixed_up_at_once_are_seen() -> None:
    seen: list[Trace] = []

    def serve(asked: Asked) -> Reply:
        given = read(asked.headers.get("traceparent", ""))
        trace = given if isinstance(given, Trace) else fresh()
        seen.append(trace)
        shown = seen[2] if 3 <= len(seen) <= 6 else trace  # the four that are sent at once
        return Reply(200, b"{}", (("traceparent", Trace(shown.trace, fresh().span).header),))

    outcome = await asked_of(serve, **TRACES)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith("3 of 4 requests at once got another trace than their own (GET /things answered")


async def test_a_span_of_ours_in_the_log_is_no_span_of_the_targets(log: Path) -> None:
    def serve(asked: Asked) -> Reply:
        given = read(asked.headers.get("traceparent", ""))
        trace = given if isinstance(given, Trace) else fresh()
        with log.open("a") as stream:
            stream.write(f'{{"trace": "{trace.trace}", "span": "{trace.span}"}}\n')
        return Reply(200, b"{}", (("traceparent", Trace(trace.trace, fresh().span).header),))

    logged = {"logs": ["app"], "trace_field": "$.trace", "span_field": "$.span", "wait": "50ms", "settle": "10ms"}
    async with Loopback(serve).running() as server:
        probe = Correlation.model_validate({**PLAIN, **TRACES, **logged})
        outcome = await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log))})
    assert outcome.verdict is Verdict.FAIL and "carries no span of the target's own at $.span" in outcome.sentence


async def test_a_line_that_comes_after_the_others_is_waited_for(log: Path) -> None:
    service, held = Service(log), list[str]()

    def serve(asked: Asked) -> Reply:
        reply = service(asked)
        if not held:  # the line of the very first request
            held.append(log.read_text())
            log.write_text("")
            asyncio.get_running_loop().call_later(1.0, lambda: _append(log, held[0]))
        return reply

    logged = {"logs": ["app"], "log_field": "$.correlation_id", "wait": "20s", "settle": "10ms", "together": 0}
    async with Loopback(serve).running() as server:
        probe = Correlation.model_validate({**PLAIN, **logged, "hostile": "not_checked"})
        outcome = await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log))})
    assert outcome.verdict is Verdict.PASS, outcome.sentence


def _append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)
