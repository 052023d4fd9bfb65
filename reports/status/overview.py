"""This file is for the overview as data: what is broken, since when, for whom; then every scenario, fifty a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reports.line import PROBLEMS, Line, Mark
from reports.status.lines import BROKEN, Seen
from reports.status.strip import RANGES_S, USUAL
from reports.status.watching import Trouble
from reports.status.words import COUNTED, clipped, count, number, since
from scenarios.watch.events import SeriesKey

PER_PAGE = 50
PROBLEMS_SHOWN = 12
GROUPS_SHOWN = 200
TARGETS_NAMED = 4
QUERY_MOST = 200
_ORDER = (Mark.FAIL, Mark.ERROR, Mark.INCONCLUSIVE, Mark.STALE, Mark.DEGRADED, Mark.MAINTENANCE, Mark.UNASKED,
          Mark.SKIPPED, Mark.PASS)  # fmt: skip
_TURN = {Mark.FAIL: 0, Mark.STALE: 2}  # what is broken before what we could not prove, before what nobody asks
_RANK = {mark: place for place, mark in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asked the overview for."""

    q: str = ""
    range: str = USUAL
    page: int = 1
    suite: str = ""
    target: str = ""
    only: str = ""  # `problems`: what is not good

    @property
    def filtered(self) -> bool:
        return bool(self.q or self.suite or self.target or self.only)

    def but(self, **changes: object) -> dict[str, str]:
        """Return the query of a link that changes these."""
        other = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        usual = Asked()
        return {name: str(value) for name in ("q", "range", "page", "suite", "target", "only")
                if (value := getattr(other, name)) != getattr(usual, name)}  # fmt: skip


def asked(q: str = "", range_: str = "", page: int = 1, suite: str = "", target: str = "", only: str = "") -> Asked:
    """Return what was asked for, what cannot be put right."""
    return Asked(clipped(q.strip(), QUERY_MOST), range_ if range_ in RANGES_S else USUAL, max(1, min(page, 1_000_000)),
                 suite, target, "problems" if only == "problems" else "")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """The scenarios of one suite at one target. `tone` is that of its worst."""

    suite: str
    target: str
    environment: str
    total: int
    bad: int
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which lines the page shows, before they are read whole."""

    rows: tuple[Line, ...]
    problems: tuple[Line, ...]
    problems_left_out: int
    groups: Mapping[tuple[str, str], Group]
    totals: Mapping[Mark, int]
    newest_at: datetime | None
    whom: str
    found: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Headline:
    """The banner: one sentence, its colour, and the words of the page's title."""

    tone: str
    sentence: str
    more: str
    title: str


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the visitor is in the list."""

    first: int
    last: int
    of: int
    page: int
    pages: int


def choose(lines: Sequence[Line], problems: Sequence[Line], wish: Asked, now: datetime) -> Chosen:
    """Return what the page shows of all lines, in one pass; `problems` are those of the board, the worst first."""
    members: dict[tuple[str, str], Counter[Mark]] = {}
    about: dict[tuple[str, str], str] = {}
    newest: datetime | None = None
    for line in lines:
        group = line.key.suite, line.key.target
        counted = members.get(group)
        if counted is None:
            counted = members[group] = Counter()
            about[group] = line.subject.environment
        counted[line.mark] += 1
        if line.last_at is not None and (newest is None or line.last_at > newest):
            newest = line.last_at
    wanted = sorted(filter(_wanted(wish), lines), key=lambda line: (line.key.suite, line.key.target, line.key.scenario))
    pages = max(1, -(-len(wanted) // PER_PAGE))
    page = min(wish.page, pages)
    ordered = sorted(problems, key=lambda line: _TURN.get(line.mark, 1))
    return Chosen(
        rows=tuple(wanted[(page - 1) * PER_PAGE : page * PER_PAGE]),
        problems=tuple(ordered[:PROBLEMS_SHOWN]),
        problems_left_out=max(0, len(ordered) - PROBLEMS_SHOWN),
        groups={key: _group(key, about[key], counted) for key, counted in sorted(members.items())},
        totals=sum(members.values(), Counter()),
        newest_at=newest, whom=_whom(ordered, _asked(members), now), found=len(wanted), page=page, pages=pages,
    )  # fmt: skip


def headline(chosen: Chosen, troubles: Sequence[Trouble], now: datetime) -> Headline:
    """Return the page's one sentence. It is green only where something was proven lately and nothing is amiss."""
    totals = chosen.totals
    total = sum(totals.values())
    newest = f"newest proof {since(chosen.newest_at, now)} ago" if chosen.newest_at else "nothing was proven yet"
    if not total:
        return Headline("skipped", "Nothing is watched", "no suite has a scenario for the chosen targets", "Nothing watched")
    failed, unproven = totals.get(Mark.FAIL, 0), totals.get(Mark.ERROR, 0) + totals.get(Mark.INCONCLUSIVE, 0)
    if failed or unproven:
        told = ((failed, "broken"), (unproven, "not proven"))
        title = ", ".join(f"{number(many)} {word}" for many, word in told if many)
        return Headline(str(_worst(totals)), _broken(failed, unproven, total), chosen.whom, title)
    blind = next((trouble for trouble in troubles if trouble.blind), None)
    if blind is not None:
        return Headline("error", _capital(blind.sentence), newest, "Not watching")
    more = "; ".join(filter(None, (newest, _others(totals))))
    stale = totals.get(Mark.STALE, 0)
    if stale:
        say = f"{number(stale)} of {count(total, 'scenario')} {'is' if stale == 1 else 'are'} not being asked"
        return Headline("stale", say, more, f"{number(stale)} not asked")
    good = totals.get(Mark.PASS, 0) + totals.get(Mark.DEGRADED, 0)
    if not good:
        return Headline("inconclusive", "Nothing is proven yet", more, "Nothing proven")
    if good == total:
        whole, title = "The one scenario passes" if total == 1 else f"All {number(total)} scenarios pass", "All pass"
    else:
        whole = f"{number(good)} of {count(total, 'scenario')} {'passes' if good == 1 else 'pass'}, none is broken"
        title = "None broken"
    return Headline("degraded" if totals.get(Mark.DEGRADED) else "pass", whole, more, title)


def _broken(failed: int, unproven: int, total: int) -> str:
    """Tell what the target broke apart from what we could not prove: at night that decides who is woken."""
    if not failed:
        return f"{number(unproven)} of {count(total, 'scenario')} could not be proven"
    more = f", {number(unproven)} could not be proven" if unproven else ""
    return f"{number(failed)} of {count(total, 'scenario')} {'is' if failed == 1 else 'are'} broken{more}"


def _asked(members: Mapping[tuple[str, str], Counter[Mark]]) -> Counter[str]:
    """Return how many scenarios of each target are asked: those that are left out say nothing of it."""
    asked: Counter[str] = Counter()
    for (_, target), counted in members.items():
        asked[target] += counted.total() - counted[Mark.SKIPPED]
    return asked


def _whom(problems: Sequence[Line], asked: Counter[str], now: datetime) -> str:
    """Return whom the open problems concern and for how long: the name of a single one, else the targets."""
    broken = [line for line in problems if line.mark in BROKEN]
    began = min((line.since_at for line in broken if line.since_at is not None), default=None)
    if not broken:
        return ""
    if len(broken) == 1:
        return f"{broken[0].key.scenario} at {broken[0].key.target}, for {since(began, now)}"
    targets = Counter(line.key.target for line in broken)
    named = ", ".join(
        f"{target} ({'all ' if many == asked[target] > 1 else ''}{number(many)})"
        for target, many in targets.most_common(TARGETS_NAMED)
    )
    more = f" and {number(len(targets) - TARGETS_NAMED)} more targets" if len(targets) > TARGETS_NAMED else ""
    return f"at {named}{more}; the longest for {since(began, now)}"


def pager(chosen: Chosen) -> Pager:
    first = (chosen.page - 1) * PER_PAGE + 1
    return Pager(first if chosen.found else 0, min(chosen.found, chosen.page * PER_PAGE), chosen.found, chosen.page, chosen.pages)


def grouped(rows: Sequence[Seen], groups: Mapping[tuple[str, str], Group]) -> list[tuple[Group, list[Seen]]]:
    """Return the rows by suite and target, in the order they come."""
    parted: dict[tuple[str, str], list[Seen]] = {}
    for row in rows:
        parted.setdefault((row.key.suite, row.key.target), []).append(row)
    return [(groups[key], members) for key, members in parted.items()]


def nav_groups(chosen: Chosen) -> tuple[Group, ...]:
    """Return the groups to jump to, the worst first; of very many the worst only."""
    return tuple(sorted(chosen.groups.values(), key=lambda g: (_RANK[Mark(g.tone)], g.suite, g.target))[:GROUPS_SHOWN])


def keys_of(rows: Sequence[Seen]) -> list[SeriesKey]:
    return [row.key for row in rows]


def _wanted(wish: Asked) -> Callable[[Line], bool]:
    words = wish.q.casefold().split()

    def fits(line: Line) -> bool:
        if wish.suite not in ("", line.key.suite) or wish.target not in ("", line.key.target):
            return False
        if wish.only and line.mark not in PROBLEMS:
            return False
        if not words:
            return True
        subject = line.subject
        text = " ".join((*line.key[:3], subject.kind, subject.owner, subject.severity, *subject.tags)).casefold()
        return all(word in text for word in words)

    return fits


def _group(key: tuple[str, str], environment: str, counted: Mapping[Mark, int]) -> Group:
    total, bad = sum(counted.values()), sum(counted.get(mark, 0) for mark in PROBLEMS)
    words = ", ".join(
        f"{number(counted[mark])} {COUNTED[mark]}" for mark in _ORDER if counted.get(mark) and mark is not Mark.PASS
    )
    return Group(*key, environment, total, bad, str(min(counted, key=_RANK.__getitem__)), words)


def _worst(totals: Mapping[Mark, int]) -> Mark:
    return next(mark for mark in _ORDER if totals.get(mark))


def _others(totals: Mapping[Mark, int]) -> str:
    told = (Mark.DEGRADED, Mark.MAINTENANCE, Mark.UNASKED, Mark.SKIPPED, Mark.STALE)
    return ", ".join(f"{number(totals[mark])} {COUNTED[mark]}" for mark in told if totals.get(mark))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
