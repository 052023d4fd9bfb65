"""This file is for the difference that a reload makes: which series are new, gone, changed or renamed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probes.target import Target
from scenarios.watch.events import SeriesKey
from scenarios.watch.series import Watched

_SHOWN = 5  # names in a sentence


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of the series. A renamed one is neither added nor removed, and may have changed as well."""

    added: tuple[SeriesKey, ...] = ()
    removed: tuple[SeriesKey, ...] = ()
    changed: tuple[SeriesKey, ...] = ()  # by their new keys
    renamed: tuple[tuple[SeriesKey, SeriesKey], ...] = ()  # old and new
    unchanged: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.renamed)

    def sentences(self) -> list[str]:
        """Return the difference in words, nothing for what did not happen."""
        said = []
        for keys, one, many in ((self.added, "is new", "are new"), (self.removed, "is gone", "are gone")):
            if keys:
                said.append(_sentence(keys, one, many))
        if self.changed:
            said.append(_sentence(self.changed, "has changed", "have changed"))
        for old, new in self.renamed[:_SHOWN]:
            said.append(f"'{old.scenario}' is now called '{new.scenario}' (suite '{new.suite}', target '{new.target}')")
        if len(self.renamed) > _SHOWN:
            said.append(f"{len(self.renamed) - _SHOWN} more have another name")
        if not said:
            return ["nothing has changed"]
        return [*said, f"{self.unchanged} unchanged"]


def changes(before: Sequence[Watched], after: Sequence[Watched]) -> Changes:
    """Return what `after` does to `before`.

    A new key takes over the timeline of a key that is gone where its scenario says so in `formerly`; one that is still
    there keeps its own, and of several former names that are gone the first counts.
    """
    old, new = {w.key: w for w in before}, {w.key: w for w in after}
    gone = {key: None for key in old if key not in new}
    renamed, added, changed, unchanged = [], [], [], 0
    same_target = _Same()
    for key, watched in new.items():
        was = old.get(key)
        if was is None:
            former = (SeriesKey(key.suite, name, key.target, key.location) for name in watched.scenario.formerly)
            heir_of = next((name for name in former if name in gone), None)
            if heir_of is None:
                added.append(key)
                continue
            del gone[heir_of]
            renamed.append((heir_of, key))
            was = old[heir_of]
        if _is_same(was, watched, same_target):
            unchanged += was.key == key
        elif was.key == key:
            changed.append(key)
    return Changes(tuple(added), tuple(gone), tuple(changed), tuple(renamed), unchanged)


class _Same:
    """Whether two targets are alike: thousands of series share a few of them, so each pair is compared once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}

    def __call__(self, one: Target, other: Target) -> bool:
        pair = (id(one), id(other))
        if pair not in self._known:
            self._known[pair] = one is other or one == other
        return self._known[pair]


def _is_same(was: Watched, now: Watched, same_target: _Same) -> bool:
    return (was.scenario is now.scenario or was.scenario == now.scenario) and same_target(was.target, now.target)


def _sentence(keys: Sequence[SeriesKey], one: str, many: str) -> str:
    names = list(dict.fromkeys(f"'{key.scenario}' at '{key.target}'" for key in keys))
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"{len(keys)} {one if len(keys) == 1 else many}: {shown}"
