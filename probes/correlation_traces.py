"""This file is for targets that are followed by W3C traces alone, without a header of their own for a correlation id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from probes import correlation_trace
from probes.correlation_trace import Trace
from probes.expect import trail
from probes.log_promise import first
from probes.log_records import Record, records
from probes.outcome import Check, check, control
from probes.session import Answer, TargetError

if TYPE_CHECKING:
    from probes.correlation_asking import Asking

_POLL_S = (0.1, 1.0)  # between two looks at the logs: first, at most


async def traces_alone(asking: Asking) -> AsyncIterator[Check]:
    """Send traces, several at once, none, and invalid ones, and follow each into its answer and into the log."""
    for part in (_sent, _together, _made, _invalid):
        async for made in part(asking):
            yield made
    if asking.watch is not None:
        async for made in _logged(asking):
            yield made


async def _send(asking: Asking, header: str | None) -> Answer:
    filled = asking.probe.request.filled(asking.session.values)
    return asking.unlimited(await asking.session.send(filled.exactly(headers={**filled.headers, "traceparent": header})))


async def _sent(asking: Asking) -> AsyncIterator[Check]:
    asking.session.doing = "asking with a trace of ours"
    seen: list[Trace | str] = []
    for _ in range(2):
        trace = correlation_trace.fresh()
        answer = await _send(asking, trace.header)
        asking.traced.append((trace, answer.correlation_id))
        for made in asking.is_served(answer):
            yield made
        if asking.probe.trace_in is not None:
            seen.append(asking.seen_trace(answer))
            for made in asking.goes_on(trace, answer):
                yield made
    if seen:
        own = [isinstance(one, Trace) and one.trace == trace.trace for one, (trace, _) in zip(seen, asking.traced, strict=True)]
        what = "the traces that were sent did not come back each in its own answer, so no answer's trace proves anything"
        say = f"{what} {trail(answer)}"
        yield control("a trace comes back with its own request only", holds=all(own), expected="each in its own", say=say)


async def _together(asking: Asking) -> AsyncIterator[Check]:
    """Ask several at once: a trace that is kept beside the request, and not in it, gets mixed up only then."""
    if not asking.probe.together or asking.probe.trace_in is None:
        return
    asking.session.doing = f"asking {asking.probe.together} at once"
    filled = asking.probe.request.filled(asking.session.values)
    traces = [correlation_trace.fresh() for _ in range(asking.probe.together)]
    requests = [filled.exactly(headers={**filled.headers, "traceparent": one.header}) for one in traces]
    answers = await asking.session.burst([(one, {}) for one in requests])
    mixed = []
    for trace, answer in zip(traces, answers, strict=True):
        if isinstance(answer, TargetError):
            yield answer.as_check()
        elif not isinstance(seen := asking.seen_trace(asking.unlimited(answer)), Trace) or seen.trace != trace.trace:
            mixed.append(answer)
    say = f"{len(mixed)} of {len(traces)} requests at once got another trace than their own {trail(mixed[0])}" if mixed else ""
    name = f"of {len(traces)} requests at once each goes on with its own trace"
    yield check(name, holds=not mixed, expected="its own trace", observed=f"{len(mixed)} wrong", say=say)


async def _made(asking: Asking) -> AsyncIterator[Check]:
    """Ask twice without a trace."""
    if asking.probe.trace_in is None:
        return
    asking.session.doing = "asking without a trace"
    answers = [await _send(asking, None) for _ in range(2)]
    seen = [asking.seen_trace(answer) for answer in answers]
    known = {trace.trace for trace, _ in asking.traced}
    trouble = next((one for one in seen if isinstance(one, str)), "")
    ids = [one.trace for one in seen if isinstance(one, Trace)]
    if not trouble and (len(set(ids)) < len(ids) or known & set(ids)):
        trouble = "shows a trace that was there before"
    say = f"of a request without a trace the answer {trouble} {trail(answers[-1])}"
    yield check("each request without a trace begins one of its own", holds=not trouble, expected="two new traces", say=say)


async def _invalid(asking: Asking) -> AsyncIterator[Check]:
    for name, header, known in correlation_trace.invalid() if asking.probe.trace_in is not None else ():
        yield asking.begins_anew(name, known, await _send(asking, header))


async def _logged(asking: Asking) -> AsyncIterator[Check]:
    """Wait for the lines of the traces that were sent, and look at their ids."""
    watch, session, path = asking.watch, asking.session, asking.probe.trace_field
    assert watch is not None
    wanted = [trace.trace for trace, _ in asking.traced]
    session.doing = f"waiting for the log lines of our requests ({watch.names})"
    until, pause = session.monotonic() + asking.probe.wait, _POLL_S[0]
    await watch.read()
    while not all(any(one in line.text for line in watch.lines) for one in wanted):
        if (left := until - session.monotonic()) <= 0:
            break
        await session.sleep(min(pause, left))
        pause = min(pause * 1.5, _POLL_S[1])
        await watch.read()
    await session.sleep(asking.probe.settle)
    await watch.read()
    say = f"nothing at all was logged meanwhile, so traces could not be looked for ({watch.names})"
    yield control("something was logged for our requests", holds=bool(watch.lines), expected="a line", say=say)
    for made in watch.spoke():
        yield made
    read = [one for one in records(watch.lines, asking.probe.wrapped) if not one.trouble] if watch.lines else []
    for trace, correlation_id in asking.traced if watch.lines else ():
        mine = [one for one in read if (first(path, one.data) == trace.trace if path else trace.trace in one.text)]
        where = f"{watch.names}, {len(watch.lines)} lines, trace id {trace.trace}, correlation id {correlation_id}"
        at = f" at {path}" if path else ""
        say = f"no line of the log carries the trace of our request{at} ({where})"
        yield check("the trace goes on in the log", holds=bool(mine), expected="a line", say=say)
        for made in _spans(asking, mine, trace, where):
            yield made


def _spans(asking: Asking, mine: list[Record], trace: Trace, where: str) -> Iterator[Check]:
    path = asking.probe.span_field
    if path is None or not mine:
        return
    wrong = [one for one in mine if not correlation_trace.is_own_span(first(path, one.data), trace.span)]
    say = f"{wrong[0].place} carries no span of the target's own at {path} ({where})" if wrong else ""
    yield check("spans in the log are the target's own", holds=not wrong, expected="another span id than ours", say=say)
