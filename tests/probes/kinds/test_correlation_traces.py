"""This file is for the kind `correlation` where only W3C traces lead from request to log, and no header of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.correlation_trace import Trace, fresh, read
from probes.evidence.log_file import LogFile
from probes.kinds.correlation import Correlation
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, outcome_of

OPTIONS: dict[str, Any] = {
    "request": {"path": "/things"},
    "header": None,
    "traceparent": "continued",
    "logs": ["app"],
    "trace_field": "$.traceId",
    "span_field": "$.spanId",
    "wait": "100ms",
    "settle": "10ms",
}


@dataclass
class Service:
    """Goes on with valid traces and logs them, but for one bug."""

    log: Path
    bug: str = ""
    last: Trace = field(default_factory=fresh)

    def __call__(self, asked: Asked) -> Reply:
        seen = read(asked.headers.get("traceparent", ""))
        trace = Trace(seen.trace, fresh().span) if isinstance(seen, Trace) else fresh()
        if self.bug == "constant" or (self.bug == "made once" and not isinstance(seen, Trace)):
            trace = Trace(self.last.trace, fresh().span)
        if self.bug == "own":
            trace = fresh()
        if self.bug == "span kept" and isinstance(seen, Trace):
            trace = seen
        if self.bug == "invalid taken" and "traceparent" in asked.headers:
            parts = asked.headers["traceparent"].split("-")
            trace = Trace(parts[1].replace("g", "0"), fresh().span)
        line = {"traceId": fresh().trace if self.bug == "other in the log" else trace.trace, "spanId": trace.span, "msg": "done"}
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write("" if self.bug == "silent" else json.dumps(line) + "\n")
        headers = () if self.bug == "not shown" else (("traceparent", trace.header),)
        return Reply(500 if self.bug == "broken" else 200, b"{}", headers)


async def outcome(folder: Path, bug: str = "", **options: Any) -> Outcome:
    log = folder / "app.log"
    log.touch()
    async with Loopback(Service(log, bug)).running() as server:
        evidence = {"app": LogFile(path=str(log))}
        return await outcome_of(Correlation.model_validate(OPTIONS | options), server.url, evidence=evidence)


@pytest.mark.anyio
@pytest.mark.parametrize("options", [{}, {"trace_in": None}, {"logs": [], "trace_field": None, "span_field": None}], ids=str)
async def test_a_sound_service_passes_without_a_header_for_ids(tmp_path: Path, options: dict[str, Any]) -> None:
    made = await outcome(tmp_path, **options)
    assert made.verdict is Verdict.PASS, made.sentence


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("bug", "words"),
    [
        ("own", "shows another trace than the request was sent with"),
        ("constant", "shows another trace than the request was sent with"),
        ("span kept", "shows the span of the request as if it were the target's own"),
        ("made once", "shows a trace that was there before"),
        ("invalid taken", "after an invalid traceparent"),
        ("not shown", "shows no header traceparent"),
        ("other in the log", "no line of the log carries the trace of our request at $.traceId"),
        ("broken", "was not answered as expected"),
    ],
)
async def test_each_bug_is_named(tmp_path: Path, bug: str, words: str) -> None:
    made = await outcome(tmp_path, bug)
    assert made.verdict is Verdict.FAIL
    assert words in " ".join(one.say for one in made.checks if one.verdict is Verdict.FAIL)


@pytest.mark.anyio
async def test_a_log_that_says_nothing_proves_nothing(tmp_path: Path) -> None:
    made = await outcome(tmp_path, "silent")
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "nothing at all was logged" in made.sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"traceparent": "not_checked"}, "needs 'traceparent: continued'"),
        ({"trace_in": None, "logs": [], "trace_field": None, "span_field": None}, "needs"),
        ({"sent": "x-{{unique}}"}, "about the id that 'header' carries"),
        ({"refused": {"path": "/no"}}, "about the id that 'header' carries"),
    ],
)
def test_what_nothing_could_show_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Correlation.model_validate(OPTIONS | options)
