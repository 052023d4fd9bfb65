"""This file is for what lies between two scrapes: counters that moved by what we asked, and counters that fell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from probes.exposition import Exposition, Family, Sample
from probes.fields import Configured
from probes.metric_families import series_of
from probes.outcome import Check, check, control, note
from probes.promql_nodes import Selector
from probes.promql_syntax import selector
from probes.request import RequestTemplate

if TYPE_CHECKING:
    from probes.metric_rounds import Moved, Rounds

_TOO_MANY = 429
_START = "process_start_time_seconds"


def _is_selector(text: str) -> str:
    selector(text)
    return text


SelectorText = Annotated[str, AfterValidator(_is_selector)]


class Move(Configured):
    """What one counter must have moved by, over all its series that are selected; of a histogram its `_count` is meant."""

    of: SelectorText  # http_requests_total{route="/api/things", status=~"2.."}
    at_least: float | None = Field(None, gt=0)  # more may come from others; default: 1
    equals: float | None = Field(None, ge=0)  # for systems where nobody else asks

    @model_validator(mode="after")
    def _one(self) -> Move:
        if self.at_least is not None and self.equals is not None:
            raise ValueError("give either 'at_least' or 'equals'")
        return self

    @property
    def least(self) -> float:
        return self.equals if self.equals is not None else self.at_least if self.at_least is not None else 1.0

    def holds(self, delta: float) -> bool:
        return delta == self.equals if self.equals is not None else delta >= self.least

    def __str__(self) -> str:
        return f"exactly {self.least:g}" if self.equals is not None else f"at least {self.least:g}"


class Moves(Configured):
    """Requests of our own, and what they must move."""

    requests: tuple[RequestTemplate, ...] = Field(min_length=1)  # sent one after the other; `{{attempt}}` is the number of each
    times: int = Field(1, ge=1, le=500)  # how often all of them are sent
    by: tuple[Move, ...] = Field(min_length=1)  # what each counter must have moved by
    rounds: int = Field(5, ge=1, le=20)  # how often all of that is done at most: again only where others move the counters too
    meets_limit: bool = False  # true: they are to meet a rate limit, so a 429 excuses no counter

    @property
    def sent(self) -> int:
        """Return how many requests are sent in one round."""
        return len(self.requests) * self.times


def total(made: Exposition, text: str) -> float | None:
    """Return the sum over the series that a selector selects, None where there is no family of that name."""
    found = matching(made, selector(text))
    return None if found is None else sum(sample.value for sample in found)


def matching(made: Exposition, one: Selector) -> list[Sample] | None:
    """Return the samples that are selected, None where there is no family of that name."""
    family = made.owner(one.name)
    if family is None:
        return None
    name = f"{one.name}_count" if family.name == one.name and family.type in ("histogram", "summary") else one.name
    plain = Selector("", one.matchers)
    return [s for s in family.samples if s.name == name and plain.selects(s.name, dict(s.labels))]


@dataclass(slots=True)
class Between:
    """Two scrapes, and what changed from the first to the last."""

    first: Exposition
    last: Exposition
    restarts: list[str] = field(default_factory=list)

    def changed(self) -> str:
        """Return the name of a sample that is not what it was, or an empty text."""
        before = series_of(self.first)
        for key, (_, sample) in series_of(self.last).items():
            if key not in before or not _same(before[key][1].value, sample.value):
                return sample.name
        return ""

    def delta(self, text: str) -> float:
        return (total(self.last, text) or 0.0) - (total(self.first, text) or 0.0)

    def one_process(self) -> Check:
        """Return the control that both scrapes are of one process: of two, nothing can be compared."""
        name, starts = "both scrapes are of one process", [_starts(one) for one in (self.first, self.last)]
        if not any(starts):
            return note(name, f"there is no {_START}, so nothing tells whether both are of one process")
        same = starts[0] == starts[1]
        return control(
            name,
            holds=same,
            expected=f"the same {_START}",
            observed="the same" if same else "another",
            say=f"the two scrapes are of two processes, by their {_START}: it restarted meanwhile, "
            "or several replicas answer in turn, so nothing can be compared",
        )

    def never_fell(self) -> Check:
        """Return whether no counter fell; where nothing tells of a restart, one that did says nothing about the counter."""
        fallen, counted = self._fallen()
        more = f", and {len(fallen) - 1} more" if len(fallen) > 1 else ""
        name, seen = "no counter fell between the scrapes", f"{fallen[0]}{more}" if fallen else f"none of {counted}"
        if fallen and not any(map(_starts, (self.first, self.last))):
            say = (
                f"the counter {seen}: it restarted, or several replicas answer in turn, or it does not only count; "
                f"there is no {_START} to tell"
            )
            return control(name, holds=False, expected="none", observed=seen, say=say)
        say = f"the counter {seen}, though nothing restarted"
        return check(name, holds=not fallen, expected="none", observed=seen, say=say)

    def _fallen(self) -> tuple[list[str], int]:
        """Return the counters that fell or vanished, each as a clause, and how many there are."""
        now, fallen, counted = series_of(self.last), [], 0
        kept_all = self.first.all_kept and self.last.all_kept
        for key, (family, before) in series_of(self.first).items():
            if not _counts(family, before):
                continue
            counted += 1
            after = now.get(key)
            if after is None and kept_all:
                fallen.append(f"{before.shape} vanished (it was {before.value:g} in line {before.line})")
            elif after is not None and after[1].value < before.value:
                fallen.append(f"{before.shape} fell from {before.value:g} to {after[1].value:g} (line {after[1].line})")
        return fallen, counted


def judged(rounds: Rounds) -> Iterator[Check]:
    """Return what each counter moved by, and the control that it was our requests that moved it."""
    sent, statuses = rounds.moves.sent, rounds.statuses
    answered = f"{sent} request{'s' * (sent != 1)} (answered {', '.join(map(str, dict.fromkeys(statuses)))})"
    last = rounds.ours[-1].between.last
    anything = False
    for one in rounds.moves.by:
        moved = rounds.of(one)
        anything = anything or any(delta > 0 for delta in moved.ours)
        proof = _ours(one, moved, rounds.is_proven(one))
        delta = moved.ours[0]
        wrong = None if one.holds(delta) else delta
        if wrong is not None and wrong > one.least and moved.alone:  # more than there should be: others' may be among it
            yield proof
            continue
        if wrong is not None and _TOO_MANY in statuses and not rounds.moves.meets_limit:
            say = f"our {answered} met a rate limit, so it was not shown what moves {one.of}"
            yield control(f"{one.of} moved by our requests", holds=False, expected=str(one), observed=f"{wrong:g}", say=say)
            continue
        missing = " and there is no such metric" if last.owner(selector(one.of).name) is None else ""
        yield check(
            f"{one.of} moved by our requests",
            holds=wrong is None,
            expected=str(one),
            observed=f"{delta:g}",
            say=f"the counter {one.of} moved by {delta:g} instead of {one} on our {answered}{missing}",
        )
        if wrong is None:
            yield proof
    yield control(
        "our own requests moved a counter",
        holds=anything,
        say=f"none of the counters moved on our {answered}, so the exposition may be a file or another system's",
    )


def _ours(one: Move, moved: Moved, proven: bool) -> Check:
    """Return the control that others did not move a counter, or less than our requests did."""
    many = f" in {len(moved.ours)} rounds" if len(moved.ours) > 1 else ""
    say = (
        f"the counter {one.of} moves by {moved.alone:g} in {moved.alone_s:.1f} s without any request of ours, and moved by "
        f"{sum(moved.ours):g} in {moved.ours_s:.1f} s with them{many}, so it was not shown that it counts them; select fewer of "
        "its series, or send more requests"
    )
    if not moved.alone:
        say = (
            f"the counter {one.of} moved only a while after our requests, and not again when they were sent once more, "
            "so others may have moved it; put {{attempt}} into requests that have their effect only once"
        )
    return control(
        f"{one.of} does not move as much by itself",
        holds=proven,
        expected="still, or far less than with our requests",
        observed=f"{moved.alone:g} in {moved.alone_s:.1f} s without them",
        say=say,
    )


def stood_still(between: Between) -> Check:
    """Return the control of a scrape without requests of ours: something in it changes from one to the next."""
    what = between.changed()
    return control(
        "the exposition changes from scrape to scrape",
        holds=bool(what),
        expected="a value that is another one",
        observed=what or "all as before",
        say="the exposition stood still: no value of it changed between the scrapes, so it may be a file or come from a cache",
    )


def _counts(family: Family, sample: Sample) -> bool:
    if family.type == "counter":
        return not sample.name.endswith("_created")
    return family.type in ("histogram", "summary") and sample.name.endswith(("_bucket", "_count"))


def _starts(made: Exposition) -> frozenset[float]:
    return frozenset(sample.value for sample in _of(made.families.values()))


def _of(families: Iterable[Family]) -> Iterator[Sample]:
    for family in families:
        if family.name.endswith(_START):
            yield from family.samples


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)
