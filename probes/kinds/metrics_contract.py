"""This file is for asking whether a target's metrics are what was agreed: there, well formed, moving, and nobody's data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import Field, PrivateAttr, model_validator

from probes.contracts.catalogue import MetricsContractName, find
from probes.expect import asked, trail
from probes.fields import Configured, Duration
from probes.metric_families import Agreed, FamilyContract, LabelName
from probes.metric_moves import Moves
from probes.metric_thresholds import Threshold
from probes.outcome import Check, check, control, note
from probes.probe import Probe
from probes.request import RequestTemplate
from probes.target import Grant

if TYPE_CHECKING:
    from probes.exposition import Exposition, Family, Sample
    from probes.metric_labels import Hygiene
    from probes.metric_moves import Between
    from probes.metric_rounds import Rounds
    from probes.session import Answer, Session

# What Prometheus itself asks for, in the same order.
_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"
_WRITING = frozenset({"PUT", "PATCH", "DELETE"})
_POLL_S = (0.05, 1.0)
_SUFFIXES = ("_bucket", "_sum", "_count", "_created", "_total", "_info")
_SCRAPE = RequestTemplate.model_validate({"path": "/metrics", "headers": {"Accept": _ACCEPT}})


class LabelRules(Configured):
    """What labels may hold. Personal data is never allowed."""

    ids: tuple[LabelName, ...] = ()  # labels that hold ids by agreement, beside those that the contract names
    ids_at_most: int = Field(20, ge=1)  # different numbers that a label may hold before it counts as an id
    values_at_most: int = Field(500, ge=1)  # different values of any label


class MetricsContract(Probe, kind="metrics_contract"):
    """Scrape the target's metrics twice, read them strictly, and hold them against a contract.

    Every family that is named must be there with its type and labels, no counter may fall, no label may hold personal data or ids
    without end, and thresholds must hold. With `moves`, requests of our own are sent between the scrapes, and counters must move
    by them: that is the control. Without, a value must change from scrape to scrape, or the exposition may be a file.
    """

    request: RequestTemplate = _SCRAPE  # that gets the exposition
    contract: MetricsContractName | None = None  # the name of a bundled contract
    families: tuple[FamilyContract, ...] = ()  # more of them, or others than the contract's of the same name
    constant_labels: tuple[LabelName, ...] = ()  # that every family may have beside its own, such as service
    moves: Moves | None = None  # requests of ours, and the counters that they move
    thresholds: tuple[Threshold, ...] = ()  # bounds on values, ratios and quantiles
    label_rules: LabelRules | None = LabelRules.model_validate({})  # what labels may hold; null: they are not looked at
    strict: bool = True  # false: mistakes of the format are noted and do not fail
    not_cacheable: bool = False  # true: no cache may keep the answer
    wait: Duration = 2.0  # how long what we moved may take to show
    writes: bool | None = None  # true needs the grant `write`; default: PUT, PATCH and DELETE in `moves` make it true

    _wanted: tuple[FamilyContract, ...] = PrivateAttr(default=())
    _ids: frozenset[str] = PrivateAttr(default=frozenset())
    _kept: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="after")
    def _something(self) -> MetricsContract:
        bundled = Agreed.model_validate(dict(find(self.contract).body)) if self.contract is not None else None
        own = {one.name for one in self.families}
        if len(own) != len(self.families):
            raise ValueError("'families' names one family twice")
        self._wanted = (*(one for one in (bundled.families if bundled else ()) if one.name not in own), *self.families)
        self._ids = frozenset((*(bundled.ids if bundled else ()), *(self.label_rules.ids if self.label_rules else ())))
        if not self._wanted and not self.thresholds and self.moves is None:
            raise ValueError("give at least one of 'contract', 'families', 'moves' and 'thresholds'")
        named = {one.name for one in self._wanted} | {name for one in self.thresholds for name in one.names()}
        named |= {one.of.partition("{")[0].strip() for one in (self.moves.by if self.moves else ())}
        self._kept = frozenset(named | {name.removesuffix(end) for name in named for end in _SUFFIXES})
        return self

    def needs(self) -> frozenset[Grant]:
        writing = self.moves is not None and any(one.method.upper() in _WRITING for one in self.moves.requests)
        return self.grants | ({Grant.WRITE} if (writing if self.writes is None else self.writes) else frozenset())

    def variables(self) -> frozenset[str]:
        """Return the names that this kind fills."""
        return frozenset({"attempt"})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        visit = _Visit(self, session)
        first = await visit.scrape()
        for made in visit.served:
            yield made
        if first is None:
            return
        between = await visit.look_again(first)
        if between is None:  # the second scrape did not go as well
            for made in visit.served:
                yield made
            return
        for made in visit.judged(between):
            yield made


@dataclass
class _Visit:
    """One run of the probe: what was scraped, and what came of our requests."""

    probe: MetricsContract
    session: Session
    served: list[Check] = field(default_factory=list)  # of the last scrape: whether it is an exposition at all
    hygiene: Hygiene | None = None
    rounds: Rounds | None = None

    async def scrape(self) -> Exposition | None:
        """Return what was scraped; None, with `served` telling why, where it is no exposition."""
        from probes.exposition import PIECE_BYTES, Reader

        self.session.doing = "scraping"
        answer = await self.session.send(self.probe.request)
        self.served = list(self._is_exposition(answer))
        if any(made.say for made in self.served):
            return None
        openmetrics = answer.content_type == "application/openmetrics-text"
        self.session.doing = f"reading {len(answer.body)} bytes of metrics"
        reader = Reader(openmetrics=openmetrics, keep=self.probe._kept.__contains__, watch=self._hygiene())
        for start in range(0, len(answer.body), PIECE_BYTES):
            reader.feed(answer.body[start : start + PIECE_BYTES])
            await asyncio.sleep(0)  # a long exposition does not hold up what else is asked
        made = reader.close()
        self.served.append(self._well_formed(made, answer))
        return made

    async def look_again(self, first: Exposition) -> Between | None:
        """Send our requests, where there are any, and scrape until they show, or until something has changed."""
        from probes.metric_moves import Between
        from probes.metric_rounds import Rounds

        if self.probe.moves is not None:
            self.rounds = Rounds(self.probe.moves, self.session, self.probe.wait, self.scrape)
            return await self.rounds.run(first)
        ends, pause = self.session.monotonic() + self.probe.wait, _POLL_S[0]
        while True:
            last = await self.scrape()
            if last is None:
                return None
            between = Between(first, last)
            if between.changed() or self.session.monotonic() + pause > ends:
                return between
            await self.session.sleep(pause)
            pause = min(2 * pause, _POLL_S[1])

    def judged(self, between: Between) -> list[Check]:
        from probes import metric_families, metric_moves, metric_thresholds

        probe, made = self.probe, list(self.served)
        made += metric_families.judged(probe._wanted, probe.constant_labels, between.last)
        made += metric_families.of_now(between.last, self.session.now().timestamp())
        if self.hygiene is not None:
            made += self.hygiene.checks()
        same = between.one_process()
        made.append(same)
        if same.verdict != "inconclusive":
            made.append(between.never_fell())
            made += metric_moves.judged(self.rounds) if self.rounds is not None else [metric_moves.stood_still(between)]
        made += metric_thresholds.judged(probe.thresholds, between.first, between.last)
        self.session.measure("series", between.last.samples_total, "")
        return made

    def _hygiene(self) -> Callable[[Family, Sample], None] | None:
        from probes.metric_labels import Hygiene

        rules = self.probe.label_rules
        if rules is None:
            return None
        self.hygiene = Hygiene(self.probe._ids, rules.ids_at_most, rules.values_at_most)
        return self.hygiene.look

    def _is_exposition(self, answer: Answer) -> list[Check]:
        from probes.staleness import came_from_cache, may_be_kept

        if answer.status == 429:
            say = f"the look at the metrics met a rate limit, so they were not seen {trail(answer)}"
            return [control("looking at the metrics meets no rate limit", holds=False, observed="429", say=say)]
        made = [
            check("the metrics are served", holds=answer.status == 200, expected="200", observed=answer.status,
                  say=f"the metrics are not served: {asked(answer)} answered {answer.status} instead of 200 "
                  f"(correlation id {answer.correlation_id})",
                  evidence=() if answer.status == 200 else answer.as_evidence())
        ]  # fmt: skip
        if answer.status != 200:
            return made
        trouble = _other_type(answer)
        made.append(
            check("the content type is that of metrics", holds=not trouble, expected="text/plain or application/openmetrics-text",
                  observed=trouble or answer.content_type, say=f"the metrics come as {trouble} {trail(answer)}")
        )  # fmt: skip
        cached = came_from_cache(answer) or (may_be_kept(answer) if self.probe.not_cacheable else "")
        made.append(
            check("the metrics come from no cache", holds=not cached, expected="fresh", observed=cached or "fresh",
                  say=f"the metrics come out of a cache, or may be kept in one ({cached}) {trail(answer)}")
        )  # fmt: skip
        return made

    def _well_formed(self, made: Exposition, answer: Answer) -> Check:
        first = made.mistakes[0] if made.mistakes else None
        more = f", and {made.mistakes_total - 1} more mistakes" if made.mistakes_total > 1 else ""
        what = "OpenMetrics 1.0" if made.openmetrics else "the text format 0.0.4"
        if first is not None and not self.probe.strict:
            return note(f"the metrics are well formed by {what}", f"{first}{more}")
        holds = first is None and made.samples_total + len(made.families) > 0
        return check(
            f"the metrics are well formed by {what}",
            holds=holds,
            expected="no mistake",
            observed=f"{first}{more}" if first else f"{made.samples_total} samples in {made.lines} lines",
            say=f"the metrics are not well formed: {first or 'there is no metric in them'}{more} {trail(answer)}",
        )


def _other_type(answer: Answer) -> str:
    """Return what the answer says it is, where that is no exposition."""
    kind, rest = answer.content_type, (answer.header("content-type") or "").lower().partition(";")[2].replace(" ", "")
    start = answer.body[:200].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return f"HTML ({kind or 'no content type'})"
    version = next((part.partition("=")[2].strip('"') for part in rest.split(";") if part.startswith("version=")), "")
    if kind == "text/plain":
        return "" if version in ("", "0.0.4", "1.0.0") else f"text/plain of the version {version[:20]}"
    if kind == "application/openmetrics-text":
        return "" if version in ("", "1.0.0", "0.0.1") else f"OpenMetrics of the version {version[:20]}"
    return kind[:60] or "something without a content type"
