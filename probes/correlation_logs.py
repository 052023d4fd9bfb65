"""This file is for the ids of `correlation` in the logs: those of our requests are there, and nothing hostile is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

from probes.correlation_ids import Hostile
from probes.correlation_trace import is_own_span
from probes.log_promise import first
from probes.log_records import Record, place, records
from probes.log_watch import LogWatch
from probes.outcome import Check, check, control, note
from probes.session import Session

if TYPE_CHECKING:
    from probes.correlation_asking import Asking

_POLL_S = (0.1, 1.0)  # between two looks at the logs: first, at most


async def logged(asking: Asking, watch: LogWatch) -> AsyncIterator[Check]:
    """Yield that each id is in the logs, of sent ones and made ones, with the trace where that is looked for."""
    wanted = [value for value, _ in (*asking.sent, *asking.made) if value] + [value for _, value in asking.traced]
    await _read(asking, watch, wanted)
    yield control(
        "something was logged for our requests",
        holds=bool(watch.lines),
        expected="a line",
        say=f"nothing at all was logged meanwhile, so ids could not be looked for ({watch.names})",
    )
    say = f"what was logged could not all be read, and what was not read cannot be cleared ({'; '.join(watch.remarks)})"
    yield control("all that was logged meanwhile was read", holds=not watch.cut_short, say=say, evidence=watch.evidence())
    for made in watch.spoke():
        yield made
    if not watch.lines:
        return
    read = records(watch.lines, asking.probe.wrapped)
    for what, ids in (("sent", asking.sent), ("made by the target", asking.made)):
        yield _stand_in(asking, watch, read, what, [value for value, _ in ids if value])
    for made in _traces(asking, watch, read):
        yield made
    yield _nothing_hostile(asking.bad, watch)


async def _read(asking: Asking, watch: LogWatch, wanted: Sequence[str]) -> None:
    """Read until a line with each id was found, or the time is over; then on for the settling time."""
    session: Session = asking.session
    session.doing = f"waiting for the log lines of our requests ({watch.names})"
    until, pause = session.monotonic() + asking.probe.wait, _POLL_S[0]
    await watch.read()
    while not _all_there(wanted, watch) and (left := until - session.monotonic()) > 0:
        await session.sleep(min(pause, left))
        pause = min(pause * 1.5, _POLL_S[1])
        await watch.read()
    await session.sleep(asking.probe.settle)
    await watch.read()
    await watch.read()  # a last line without an end is given out when it stands still


def _all_there(wanted: Sequence[str], watch: LogWatch) -> bool:
    return all(any(value in line.text for line in watch.lines) for value in wanted)


def _stand_in(asking: Asking, watch: LogWatch, read: Sequence[Record], what: str, ids: Sequence[str]) -> Check:
    path = asking.probe.log_field
    missing = [value for value in ids if not _lines_of(value, read, path)]
    where = f" at {path}" if path else ""
    return check(
        f"the ids that were {what} are in the log{where}",
        holds=bool(ids) and not missing,
        expected="a line for each",
        observed=f"{len(ids) - len(missing)} of {len(ids)} are",
        say=f"no line of the log carries the id of our request{where}, of {len(missing)} of {len(ids)} ids that were {what} "
        f"({watch.names}, {len(watch.lines)} lines, correlation id {missing[0] if missing else 'none'})",
    )


def _lines_of(value: str, read: Sequence[Record], path: str | None) -> list[Record]:
    if path is None:
        return [record for record in read if value in record.text]
    return [record for record in read if not record.trouble and first(path, record.data) == value]


def _traces(asking: Asking, watch: LogWatch, read: Sequence[Record]) -> Iterator[Check]:
    path, span = asking.probe.trace_field, asking.probe.span_field
    for trace, value in asking.traced if path else ():
        mine = [r for r in _lines_of(value, read, asking.probe.log_field) if not r.trouble]
        known = f"{watch.names}, correlation id {value}"
        if not mine:
            yield check(
                "the trace goes on in the log", holds=False, say=f"no line with the id of our traced request was found ({known})"
            )
            continue
        strange = [r for r in mine if first(path, r.data) != trace.trace]  # type: ignore[arg-type]
        say = f"{strange[0].place} does not carry the trace that our request was sent with at {path} ({known})" if strange else ""
        yield check("the trace goes on in the log", holds=not strange, expected="the same trace id", say=say)
        if span is None:
            yield note("spans in the log are the target's own", "spans were not looked at: no 'span_field' is given")
            continue
        wrong = [r for r in mine if not is_own_span(first(span, r.data), trace.span)]
        say = f"{wrong[0].place} carries no span of the target's own at {span} ({known})" if wrong else ""
        yield check("spans in the log are the target's own", holds=not wrong, expected="another span id than ours", say=say)


def _nothing_hostile(bad: Sequence[Hostile], watch: LogWatch) -> Check:
    """Return that no hostile id stands in the log as it was sent, and that none of them made a line of its own."""
    for one in (each for each in bad if each.token):
        for line in watch.lines:
            forged = bool(one.forged) and line.text.lstrip().startswith(one.forged) and one.token in line.text
            if forged or one.begins in line.text:
                how = "made a line of its own in the log" if forged else "stands in the log as it was sent"
                return check("no hostile id is in the log as it was sent", holds=False, expected="none",
                             observed=one.name, say=f"a hostile id ({one.name}) {how} ({place(line)})")  # fmt: skip
    return check("no hostile id is in the log as it was sent", holds=True, expected="none", observed="none")
