"""This file is for choosing scenarios: `-t a,b -t c` means (a and b) or c, `-k text` is a part of the name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.mistakes import near, near_or_known
from scenarios.model import Scenario, Suite


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for. `tags` are alternatives, each a set of tags that must all be there."""

    tags: tuple[frozenset[str], ...] = ()
    text: str = ""
    typed: str = ""  # as a person typed it, for reports


@dataclass(frozen=True, slots=True)
class Chosen:
    """The scenarios to run, in the suite's order. `pulled_in` names those that are there only because others need them."""

    scenarios: tuple[Scenario, ...]
    pulled_in: frozenset[str] = frozenset()


def parse_selection(tags: Sequence[str] = (), text: str = "") -> Selection:
    """Return the selection that options `-t TAGS` (repeatable) and `-k TEXT` ask for."""
    alternatives = [frozenset(t.strip() for t in given.split(",") if t.strip()) for given in tags]
    typed = [f"-t {given}" for given in tags] + ([f"-k '{text}'" if " " in text else f"-k {text}"] if text else [])
    return Selection(tuple(a for a in alternatives if a), text, " ".join(typed))


def choose(suite: Suite, target_name: str, selection: Selection) -> Chosen:
    """Return the scenarios of the target that match, with all that they need, however indirectly."""
    here = {s.name: s for s in suite.scenarios if s.is_for(target_name)}
    matching = {name for name, scenario in here.items() if _matches(scenario, selection)}
    wanted, queue = set(matching), list(matching)
    while queue:
        for need in here[queue.pop()].needs:
            if need in here and need not in wanted:
                wanted.add(need)
                queue.append(need)
    return Chosen(tuple(s for s in here.values() if s.name in wanted), frozenset(wanted - matching))


def why_nothing(suite: Suite, target_name: str, selection: Selection) -> str:
    """Return the sentence for a selection that chose nothing, with near misses."""
    here = [s for s in suite.scenarios if s.is_for(target_name)]
    if not here:
        return f"no scenario of suite '{suite.name}' is for target '{target_name}'"
    known = {tag for s in here for tag in s.tags}
    unknown = sorted({tag for alternative in selection.tags for tag in alternative} - known)
    if unknown:
        hint = near_or_known(unknown[0], known) or ("no scenario has tags" if not known else "")
        return f"no scenario has the tag '{unknown[0]}'" + (f"; {hint}" if hint else "")
    if selection.text and not any(_has(s, selection.text) for s in here):
        words = {word for s in here for word in [s.name, *s.name.split(), s.kind]}
        hint = near(selection.text, words)
        return f"no scenario has '{selection.text}' in its name" + (f"; {hint}" if hint else "")
    return f"no scenario matches {selection.typed or 'the selection'}"


def _matches(scenario: Scenario, selection: Selection) -> bool:
    tagged = not selection.tags or any(alternative <= set(scenario.tags) for alternative in selection.tags)
    return tagged and _has(scenario, selection.text)


def _has(scenario: Scenario, text: str) -> bool:
    return text.lower() in scenario.name.lower()
