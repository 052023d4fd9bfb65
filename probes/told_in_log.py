"""This file is for a line in a log that must tell of what a probe saw, found by the correlation ids of our requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from probes.fields import Configured, Duration, LogRef
from probes.log_watch import LogWatch
from probes.outcome import Check, check, control

if TYPE_CHECKING:
    from probes.session import Session

_POLL_S = 0.1


class ToldInLog(Configured):
    """The log line that an event leaves, with the correlation id of a request of ours in it."""

    source: LogRef  # the log that holds the line
    message: str = Field(min_length=1)  # text that the line holds, such as Rate limit exceeded
    within: Duration = 5.0  # how long to wait for it


@dataclass(frozen=True, slots=True)
class Telling:
    """Logs that are read from before the event on, each with the line that is looked for in it."""

    watches: tuple[tuple[ToldInLog, LogWatch], ...]

    @classmethod
    async def begin(cls, session: Session, wanted: Sequence[ToldInLog]) -> Telling:
        """Set the marks. Raises: EvidenceError."""
        return cls(tuple([(one, await LogWatch.begin(session.log_sources([one.source]))) for one in wanted]))

    async def checks(self, session: Session, deed: str, *, of: Sequence[str], not_of: Sequence[str] = ()) -> list[Check]:
        """Return whether the logs tell of `deed`: each in a line of one of the requests `of`, and of none of those `not_of`."""
        made: list[Check] = []
        for wanted, watch in self.watches:
            session.doing = f"waiting for the line '{wanted.message}' in {watch.names}"
            until = session.monotonic() + wanted.within
            await watch.read()
            while not _ids(watch, of, wanted.message) and session.monotonic() < until:
                await session.sleep(_POLL_S)
                await watch.read()
            made += _judged(wanted, watch, deed, of, not_of)
        return made


def _judged(wanted: ToldInLog, watch: LogWatch, deed: str, of: Sequence[str], not_of: Sequence[str]) -> list[Check]:
    line, where = f"the line '{wanted.message}'", watch.names
    told, logged = _ids(watch, of, wanted.message), _ids(watch, (*of, *not_of), "")
    nothing = f"nothing was logged for our {len(of) + len(not_of)} requests, so {line} could not be looked for ({where})"
    unread = f"what was logged could not all be read, so {line} may be there ({'; '.join(watch.remarks)})"
    made = [
        control(f"our requests are in the log that should hold {line}", holds=bool(logged), observed=len(logged), say=nothing),
        control(f"{line} was read for", holds=bool(told) or not watch.cut_short, say=unread, evidence=watch.evidence()),
    ]
    if not logged or (watch.cut_short and not told):
        return made
    say = f"{deed}, but no line '{wanted.message}' says so in {where} within {wanted.within:g} s (correlation id {of[0]})"
    made.append(check(f"{line} was logged", holds=bool(told), expected="for a request of ours", observed=len(told), say=say))
    if not_of:
        wrong = sorted(_ids(watch, not_of, wanted.message))
        say = f"{line} stands in {where} for a request of which it is not true (correlation id {wrong[0] if wrong else ''})"
        made.append(check(f"{line} was logged for nothing else", holds=not wrong, expected="none", observed=len(wrong), say=say))
    return made


def _ids(watch: LogWatch, ids: Sequence[str], message: str) -> set[str]:
    """Return those of the ids that stand in lines with the message."""
    return {one for line in watch.lines if message in line.text for one in ids if one in line.text}
