"""This file is for the report page as data: everything the template shows, computed by pure functions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probes.outcome import Check, Evidence, Exchange, Outcome, Verdict
from reports.formats.reporter import History
from reports.laid_out import as_json, transcript
from reports.overall import overall, unproven, worst_first
from reports.sign_off import Filled, fill_in, unknown_ids
from reports.store.answers import Point
from scenarios.events import Ended, RunResult

ROWS_SHOWN = 40
PAST_SHOWN = 40
EVIDENCE_SHOWN = 4000  # characters of one piece
AMISS_SHOWN = 6  # checks that did not hold; more are folded, as one cause often makes dozens
UNMADE_SHOWN = 2
MARKS = {"fail": "✖", "error": "!", "inconclusive": "?", "degraded": "▲", "pass": "✔", "skipped": "–"}
DID = {"fail": "failed", "error": "could not be judged", "inconclusive": "proved nothing", "degraded": "degraded"}
WORDS = {"fail": "Failed", "error": "Error", "inconclusive": "Not proven", "degraded": "Passed, degraded", "pass": "Passed"}


@dataclass(frozen=True, slots=True)
class Part:
    """One coloured stretch of a request's bar, in percent of the scenario's time."""

    name: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One request of the waterfall."""

    method: str
    path: str
    result: str
    correlation_id: str
    ms: str
    spoken: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Square:
    """One square of the timeline."""

    verdict: str
    title: str
    now: bool


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """`link` is the address of a file that was kept, such as a picture."""

    kind: str
    summary: str
    data: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class ShownCheck:
    name: str
    verdict: str
    expected: str
    observed: str
    say: str
    control: bool
    evidence: tuple[ShownEvidence, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Checks that are folded away under a line, so that what matters is not lost among them."""

    title: str
    tone: str
    checks: tuple[ShownCheck, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One scenario."""

    outcome: Outcome
    open: bool
    took: str
    checks: tuple[ShownCheck, ...]
    checks_caption: str
    folds: tuple[Fold, ...]
    rows: tuple[Row, ...]
    rows_left_out: int
    past: tuple[Square, ...]
    past_words: str
    runbook_is_link: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The banner."""

    word: str
    tone: str
    sentence: str
    counts: tuple[tuple[str, int], ...]
    took: str
    chain: str
    remarks: tuple[str, ...]


def head_of(result: RunResult) -> Head:
    """Return the banner: the run's word, the worst scenario's sentence, and what a reader must know besides."""
    tone = str(overall(result))
    counts = tuple((str(v), n) for v in Verdict if (n := sum(o.verdict is v for o in result.outcomes)))
    return Head(WORDS.get(tone, tone), tone, _sentence(result), counts, seconds(result.wall_s),
                seconds(result.critical_path_s), _remarks(result))  # fmt: skip


def cards_of(result: RunResult, history: History) -> list[Card]:
    """Return one card a scenario, the worst first; what did not pass stands open."""
    return [card_of(o, history(o.subject.scenario, o.subject.target)) for o in worst_first(result.outcomes)]


def sign_off_of(result: RunResult) -> list[tuple[str, list[Filled]]]:
    """Return the sign-off lines by section, filled in."""
    sections: dict[str, list[Filled]] = {}
    for filled in fill_in(result.outcomes, result.run.environment):
        sections.setdefault(filled.line.section, []).append(filled)
    return list(sections.items())


def seconds(value: float) -> str:
    """Return a duration for people: `812 µs`, `35 ms`, `4.2 s`, `3 min 20 s`."""
    if value < 0.001:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.0f} ms"
    if value < 100:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def _sentence(result: RunResult) -> str:
    asked = [o for o in result.outcomes if o.verdict is not Verdict.SKIPPED]
    if not asked:
        return "Nothing was asked, so nothing was proven"
    if unproven(result) and result.verdict.rank > Verdict.INCONCLUSIVE.rank:
        return unproven(result)
    worst = min(asked, key=lambda o: (o.verdict.rank, o.subject.severity))
    if worst.verdict is Verdict.PASS:
        return f"{len(asked)} of {len(asked)} scenarios that were asked passed, each with its proof"
    same = sum(o.verdict is worst.verdict for o in asked)
    more = f" (and {same - 1} more {DID[worst.verdict]})" if same > 1 else ""
    return f"{worst.subject.scenario}: {worst.sentence}{more}"


def _remarks(result: RunResult) -> tuple[str, ...]:
    ended = {
        Ended.DEADLINE: "The run's time was over before all scenarios were finished.",
        Ended.INTERRUPTED: "The run was interrupted; what was seen until then is shown.",
        Ended.FAIL_FAST: "The run stopped at its first failure, as asked.",
    }
    unknown = unknown_ids(result.outcomes)
    about_ids = (f"The sign-off page has no line named {', '.join(unknown)}.",) if unknown else ()
    first = (ended[result.ended],) if result.ended in ended else ()
    return first + result.run.remarks + result.trouble + about_ids


def card_of(outcome: Outcome, earlier: Sequence[Point] = ()) -> Card:
    """Return one scenario's card: its checks with what failed first, its requests as a waterfall, its earlier runs."""
    controls = len(outcome.controls)
    held = sum(c.verdict is Verdict.PASS for c in outcome.controls)
    made = f"{len(outcome.checks)} check{'s' * (len(outcome.checks) != 1)}"
    caption = f"{made}, {held} of {controls} control{'s' * (controls != 1)} held" if controls else made
    checks = tuple(_check(c) for c in sorted(outcome.checks, key=lambda c: c.verdict.rank))
    shown, folds = _folded(checks)
    past = _past(outcome, earlier)
    sent = [e for e in outcome.exchanges if e.method != "BROWSER" or e.trouble]  # looking up its host is nothing that it sent
    return Card(
        outcome=outcome,
        open=outcome.verdict not in (Verdict.PASS, Verdict.SKIPPED),
        took=seconds(outcome.duration_s),
        checks=shown,
        checks_caption=caption,
        folds=folds,
        rows=tuple(_row(e, outcome.duration_s) for e in sent[:ROWS_SHOWN]),
        rows_left_out=max(0, len(sent) - ROWS_SHOWN) + outcome.exchanges_left_out,
        past=past,
        past_words=_past_words(earlier),
        runbook_is_link=outcome.subject.runbook.startswith(("http://", "https://")),
    )


def _folded(checks: tuple[ShownCheck, ...]) -> tuple[tuple[ShownCheck, ...], tuple[Fold, ...]]:
    """Return the checks to be shown at once, and the others folded: further ones like them, what was not made, what held."""
    held = tuple(c for c in checks if c.verdict == Verdict.PASS)
    unmade = tuple(c for c in checks if c.verdict == Verdict.SKIPPED and not c.evidence)
    aside = tuple(c for c in checks if c.verdict == Verdict.SKIPPED and c.evidence)  # such as files that were kept
    amiss = tuple(c for c in checks if c.verdict not in (Verdict.PASS, Verdict.SKIPPED))
    shown, rest = (amiss[:AMISS_SHOWN], amiss[AMISS_SHOWN:]) if amiss else (held, ())
    if len(unmade) <= UNMADE_SHOWN or not shown:
        shown, unmade = shown + unmade, ()
    folds = (
        Fold(f"{len(rest)} more that did not hold", "amiss", rest),
        Fold(f"{len(unmade)} checks were not made", "unmade", unmade),
        Fold(f"{len(held)} check{'s' * (len(held) != 1)} held", "held", held if amiss else ()),
    )
    return shown + aside, tuple(fold for fold in folds if fold.checks)


def _check(c: Check) -> ShownCheck:
    evidence = tuple(_evidence(e) for e in c.evidence)
    return ShownCheck(c.name, str(c.verdict), c.expected, c.observed, c.say, c.control, evidence)


def _evidence(item: Evidence) -> ShownEvidence:
    if item.kind == "artifact":  # its summary has the path, and there is nothing else in it
        path = str(item.data.get("path", ""))
        return ShownEvidence(item.kind, item.summary, "", Path(path).as_uri() if os.path.isabs(path) else "")
    text = transcript(item.data) if "headers" in item.data and "status" in item.data else as_json(item.data)
    return ShownEvidence(item.kind, item.summary, text if len(text) <= EVIDENCE_SHOWN else text[:EVIDENCE_SHOWN] + "\n… cut")


def _row(exchange: Exchange, whole_s: float) -> Row:
    whole = max(whole_s, exchange.offset_s + exchange.duration_s, 1e-9)
    parts, at = [], exchange.offset_s
    for name, length in _phases(exchange):
        parts.append(Part(name, round(100 * at / whole, 2), round(100 * length / whole, 2)))
        at += length
    spoken = ", ".join(f"{name.replace('_', ' ')} {seconds(length)}" for name, length in _phases(exchange))
    path = _path_of(exchange.url)
    result = str(exchange.status) if exchange.status is not None else exchange.trouble or "done"
    return Row(exchange.method, path, result, exchange.correlation_id, seconds(exchange.duration_s),
               f"{seconds(exchange.duration_s)}: {spoken}", tuple(parts))  # fmt: skip


def _path_of(url: str) -> str:
    """Return path and query, or all of what is no HTTP; a host may have been redacted, so no parser is asked."""
    scheme, slashes, rest = url.partition("://")
    if slashes and scheme not in ("http", "https"):
        return url
    return (f"/{rest.partition('/')[2]}" if slashes else url) or "/"


def _phases(exchange: Exchange) -> list[tuple[str, float]]:
    p = exchange.phases
    named: Mapping[str, float | None] = {
        "dns": p.dns_s, "connect": p.connect_s, "tls": p.tls_s, "first_byte": p.first_byte_s, "body": p.body_s,
    }  # fmt: skip
    known = [(name, length) for name, length in named.items() if length is not None]
    if exchange.trouble:
        known.append(("trouble", max(0.0, exchange.duration_s - sum(length for _, length in known))))
    return known


def _past(outcome: Outcome, earlier: Sequence[Point]) -> tuple[Square, ...]:
    if not earlier:
        return ()
    points = [Square(str(p.verdict), f"{p.started_at:%Y-%m-%d %H:%M} UTC: {p.verdict}, {seconds(p.duration_s)}", False)
              for p in list(earlier)[:PAST_SHOWN]]  # fmt: skip
    now = Square(str(outcome.verdict), f"this run: {outcome.verdict}, {seconds(outcome.duration_s)}", True)
    return (*reversed(points), now)


def _past_words(earlier: Sequence[Point]) -> str:
    asked = [p for p in earlier if p.verdict is not Verdict.SKIPPED]
    good = sum(p.verdict in (Verdict.PASS, Verdict.DEGRADED) for p in asked)
    if not asked:
        return "never asked before"
    last_bad = next((p for p in asked if p.verdict not in (Verdict.PASS, Verdict.DEGRADED)), None)
    tail = f"; last not passed on {last_bad.started_at:%Y-%m-%d %H:%M} UTC ({last_bad.verdict})" if last_bad else ""
    return f"passed in {good} of the last {len(asked)} runs{tail}"
