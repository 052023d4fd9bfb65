"""This file is for judging answers of several tenants: whose answer each one is, as functions of what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from probes.dangers import Danger, of_status
from probes.documents import difference, without
from probes.jsonpath import find
from probes.operators import same, shown
from probes.outcome import Check, Json, check, control, note
from probes.session import Answer, NotJson, TargetError

_FIRST_DAY, _LAST_DAY = 30, 400  # far enough ahead that nobody asked yet, near enough to be open for booking
_LEAK = "was served"  # begins the clause of an answer that is another tenant's
_STRIDE = 101  # prime, so that neighbouring draws lie far apart and no date comes twice


@dataclass(frozen=True, slots=True)
class Asker:
    """One tenant with one set of values; `place` tells askers of the same tenant apart."""

    tenant: str
    marker: Json
    values: Mapping[str, Any]
    place: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: to whom, to which draw of the unique values, and what its own signs say about the cache (None: nothing)."""

    asker: Asker
    draw: int
    label: str
    answer: Answer | TargetError
    document: Json = None
    trouble: str = ""
    cached: bool | None = None

    @property
    def where(self) -> str:
        """Return which request it was and where to look for it in the target's logs."""
        known = isinstance(self.answer, Answer)
        return f"({self.label}, correlation id {self.answer.correlation_id})" if known else f"({self.label})"  # type: ignore[union-attr]

    @property
    def evidence(self) -> tuple[Any, ...]:
        return (self.answer.as_evidence(),) if isinstance(self.answer, Answer) else self.answer.as_check().evidence

    @property
    def from_cache(self) -> str:
        return " from the cache" if self.cached else ""


def look(asker: Asker, draw: int, label: str, answer: Answer | TargetError, sign: Callable[[Answer, Json], bool | None]) -> Seen:
    """Return what was seen in an answer; anything but a 2xx with JSON is trouble."""
    if not isinstance(answer, Answer):
        return Seen(asker, draw, label, answer, trouble=f"got no answer: {answer}")
    if not answer.ok:
        return Seen(asker, draw, label, answer, trouble=f"was answered HTTP {answer.status}")
    try:
        document = answer.json()
    except NotJson as problem:
        return Seen(asker, draw, label, answer, trouble=f"was answered without JSON: {problem}")
    return Seen(asker, draw, label, answer, document, cached=sign(answer, document))


def unique_values(nonce: str, draw: int, today: date) -> dict[str, str]:
    """Return a date (a weekday 30 to 400 days ahead) and an id that nobody asked for before; each draw gives others."""
    days = [today + timedelta(days=n) for n in range(_FIRST_DAY, _LAST_DAY + 1)]
    weekdays = [day for day in days if day.weekday() < 5]
    chosen = weekdays[(int(nonce, 16) + draw * _STRIDE) % len(weekdays)]
    return {"date": chosen.isoformat(), "id": f"{nonce}{draw:02d}"}


def judge_served(seen: Sequence[Seen]) -> Check:
    """Return the check that every request was answered with 2xx and JSON."""
    troubled = [s for s in seen if s.trouble]
    say = f"tenant {troubled[0].asker.tenant} {troubled[0].trouble} {troubled[0].where}" if troubled else ""
    return check(
        "every request is answered with 2xx and JSON",
        holds=not troubled and bool(seen),
        expected=f"{len(seen)} answers",
        observed=f"{len(seen) - len(troubled)} answers",
        say=say,
        evidence=troubled[0].evidence if troubled else (),
        danger=of_status(troubled[0].answer.status) if troubled and isinstance(troubled[0].answer, Answer) else "",
    )


def judge_markers(seen: Sequence[Seen], askers: Sequence[Asker], path: str, what: str, how: str) -> Check:
    """Return the check that the values at `path` are the tenant's own marker in every answer."""
    wrong = [(s, say) for s in seen if not s.trouble and (say := _marker_trouble(s, askers, path, what))]
    wrong.sort(key=lambda pair: _LEAK not in pair[1])  # a leak is told before a marker that is merely odd
    looked = [s for s in seen if not s.trouble]
    return check(
        f"each tenant is served its own {what} {how}",
        holds=not wrong and bool(looked),
        expected=f"its own marker at {path}",
        observed=f"{len(looked) - len(wrong)} of {len(looked)} answers have it",
        say=wrong[0][1] if wrong else f"no tenant was served anything {how}",
        evidence=wrong[0][0].evidence if wrong else (),
        danger=Danger.CROSS_TENANT_LEAK if wrong and _LEAK in wrong[0][1] else "",
    )


def _marker_trouble(seen: Seen, askers: Sequence[Asker], path: str, what: str) -> str:
    tenant = seen.asker.tenant
    values = find(path, seen.document)
    if not values:
        return f"tenant {tenant}'s answer has no marker at {path}, so it cannot be told whose it is {seen.where}"
    for value in values:
        if same(value, seen.asker.marker):
            continue
        other = next((a.tenant for a in askers if same(value, a.marker)), None)
        if other is not None:
            return f"tenant {tenant} {_LEAK} tenant {other}'s {what}{seen.from_cache} {seen.where}"
        own = shown(seen.asker.marker)
        return f"tenant {tenant}'s answer has {shown(value)} at {path}, where the scenario says {own} {seen.where}"
    return ""


Projection = Callable[[Json], Json]


def picked(paths: Sequence[str], volatile: Sequence[str]) -> Projection:
    """Return what reduces a document to the values at `paths`, or without them to the whole less `volatile`."""
    if paths:
        return lambda document: {path: find(path, document) for path in paths}
    return lambda document: without(document, volatile)


def judge_stable(seen: Sequence[Seen], project: Projection) -> Check:
    """Return the check that one tenant gets the same answer to the same request every time."""
    firsts: dict[tuple[str, int, int], tuple[Seen, Json]] = {}
    compared, say, evidence = 0, "", ()
    for s in (s for s in seen if not s.trouble):
        mine = project(s.document)
        first, expected = firsts.setdefault((s.asker.tenant, s.asker.place, s.draw), (s, mine))
        if first is s:
            continue
        compared += 1
        place = "" if say else difference(expected, mine)
        if place:
            say = (
                f"tenant {s.asker.tenant} was given two different answers to the same request: {place} differs {s.where};"
                " if it may change by itself, name it under 'volatile'"
            )
            evidence = (*first.evidence, *s.evidence)
    return check("answers stay the same within a tenant", holds=not say, expected="the same answer each time",
                 observed=f"{compared} answers compared", say=say, evidence=evidence)  # fmt: skip


def judge_different(seen: Sequence[Seen], project: Projection, what: str) -> Iterator[Check]:
    """Yield the check that no tenant gets what another got for the same request, and the controls that it could be seen."""
    pairs = [(s, o) for i, s in enumerate(seen) for o in seen[:i] if _comparable(s, o)]
    known = {id(s): project(s.document) for s in seen if not s.trouble}
    told = [(s, o) for s, o in pairs if not (_hollow(known[id(s)]) and _hollow(known[id(o)]))]
    yield control(
        "the answers hold something that could differ",
        holds=bool(told),
        say="the tenants' answers are empty where they are compared, so a leak could not have been seen",
    )
    alike = [(s, o) for s, o in told if not difference(known[id(s)], known[id(o)])]
    say = ""
    if alike:
        s, o = alike[0]
        say = f"tenant {s.asker.tenant} was served the same {what} as tenant {o.asker.tenant}{s.from_cache} {s.where}"
    yield check(f"tenants are served different {what}", holds=not alike, expected="answers that differ",
                observed=f"{len(alike)} of {len(told)} pairs alike", say=say,
                evidence=(*alike[0][1].evidence, *alike[0][0].evidence) if alike else ())  # fmt: skip
    if not told or alike:
        return
    echoes = [(s, o) for s, o in told if not difference(_unechoed(known[id(s)], s), _unechoed(known[id(o)], o))]
    yield control(
        "the answers differ in more than what the requests said",
        holds=not echoes,
        say="the tenants' answers differ only in values that the requests themselves carried, so a leak could not have been seen",
    )


def _comparable(one: Seen, other: Seen) -> bool:
    return not one.trouble and not other.trouble and one.draw == other.draw and one.asker.tenant != other.asker.tenant


def _hollow(value: Json) -> bool:
    if isinstance(value, dict):
        return all(map(_hollow, value.values()))
    if isinstance(value, list):
        return all(map(_hollow, value))
    return value is None or value == ""


def _unechoed(value: Json, seen: Seen) -> Json:
    """Return the value less what is only the tenant's own request, said back."""
    if isinstance(value, dict):
        return {key: _unechoed(item, seen) for key, item in value.items()}
    if isinstance(value, list):
        return [_unechoed(item, seen) for item in value]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    own = [str(v) for v in seen.asker.values.values() if isinstance(v, str | int) and not isinstance(v, bool)]
    if str(value) in own:
        return None
    if isinstance(value, str):
        for text in filter(lambda text: len(text) > 3, own):  # shorter ones stand in times and dates by chance
            value = value.replace(text, "")
    return value


def judge_cold(tries: Sequence[Sequence[Seen]], *, fresh: bool) -> Iterator[Check]:
    """Yield what the first answers of each try say: the first asker's must not be from the cache, nor any other's.

    The sign of another's first answer coming from the cache is believed only when it never was otherwise in any
    try that began cold; `fresh` says that the requests are made unique.
    """
    name = "the cache was cold at the start"
    signs = [[s.cached for s in one] for one in tries]
    if all(sign is None for one in signs for sign in one):
        yield note(name, "nothing in an answer says whether it came from the cache, so this was not looked at")
        return
    if not fresh:
        yield note(name, "the request is the same in every run (no {{unique.…}}), so the cache may be warm already")
        return
    begun = [one for one in tries if one[0].cached is False]
    first = tries[-1][0]
    yield control(
        name,
        holds=bool(begun),
        expected="a first answer that is not from the cache",
        observed=f"cold in {len(begun)} of {len(tries)} tries",
        say=f"tenant {first.asker.tenant}'s first request, which nobody sent before, was answered from the cache {first.where}, "
        "so the cache was not cold or does not tell these requests apart",
    )
    if not begun:
        return
    warm = [next((s for s in one[1:] if s.cached), None) for one in begun]
    shared = warm[-1] if all(warm) else None
    say = ""
    if shared:
        before = " or ".join(dict.fromkeys(s.asker.tenant for s in begun[-1][: begun[-1].index(shared)]))
        say = (
            f"tenant {shared.asker.tenant}'s first request was served from the cache, "
            f"which only tenant {before}'s request had filled {shared.where}"
        )
    yield check("no tenant's first answer comes from another tenant's cache entry", holds=shared is None, expected="a miss",
                observed="a hit" if shared else "a miss", say=say, evidence=shared.evidence if shared else (),
                danger=Danger.CROSS_TENANT_LEAK)  # fmt: skip


def is_faster(cold_s: Sequence[float], warm_s: Sequence[float], ratio: float) -> bool:
    """Say whether warm answers are faster beyond noise: by the ratio of medians, and hardly overlapping.

    All warm samples but the slowest are below all cold ones but the fastest: with 7 and 7 samples of the same
    distribution that has a chance of 50 in 3432, and one outlier on each side does not spoil a real difference.
    """
    if len(cold_s) < 5 or len(warm_s) < 5:
        return False
    apart = sorted(warm_s)[-2] < sorted(cold_s)[1]
    return apart and median(cold_s) >= ratio * median(warm_s)
