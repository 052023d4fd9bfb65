"""This file is for triggers that mean nothing here, or that no scenario of a round can arm: they would guard nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probes.registry import KINDS
from probes.target import Target
from scenarios.gates.dangers import known_dangers
from scenarios.gates.policy import Policy, Trigger
from scenarios.gates.profiles import arms
from scenarios.gates.round_choice import RoundChoice
from scenarios.gates.told_at import PolicyText
from scenarios.mistakes import Mistake, near_or_known
from scenarios.model import Suite


def wrong_triggers(policy: Policy, suite: Suite, target: Target, choice: RoundChoice, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake for each trigger of the file that is named twice, names what is not there, or guards nothing."""
    if not text.has("triggers"):
        return
    first: dict[str, int] = {}
    for number, trigger in enumerate(policy.triggers or ()):
        before = first.setdefault(trigger.id, number)
        if before != number:
            say, remedy = f"two triggers have the id '{trigger.id}'", f"the first is item {before + 1}"
            yield text.wrong(say, remedy, ("triggers", number, "id"))
        unknown = list(_unknown(trigger, number, suite, target, text))
        yield from unknown
        if not unknown:
            yield from _unarmed(trigger, number, suite, choice, text)


def _unknown(trigger: Trigger, number: int, suite: Suite, target: Target, text: PolicyText) -> Iterator[Mistake]:
    here = [s for s in suite.scenarios if s.is_for(target.name)]
    dangers = known_dangers(suite.scenarios)
    if trigger.danger and trigger.danger not in dangers:
        remedy = near_or_known(trigger.danger, dangers)
        yield text.wrong(f"nobody knows the danger '{trigger.danger}'", remedy, ("triggers", number, "danger"))
    known: tuple[tuple[str, Iterable[str], set[str], str], ...] = (
        ("kinds", trigger.kinds, set(KINDS.names()), "there is no probe kind '{}'"),
        ("tags", trigger.tags, {tag for s in here for tag in s.tags}, "no scenario has the tag '{}'"),
        ("scenarios", trigger.scenarios, {s.name for s in here}, "there is no scenario '{}'"),
    )
    for key, given, names, sentence in known:
        for place, name in enumerate(given):
            if name not in names:
                way = ("triggers", number, key, place)
                yield text.wrong(f"{sentence.format(name)} for target '{target.name}'", near_or_known(name, names), way)


def _unarmed(trigger: Trigger, number: int, suite: Suite, choice: RoundChoice, text: PolicyText) -> Iterator[Mistake]:
    way = ("triggers", number, "id")
    if not (trigger.danger or trigger.kinds or trigger.tags or trigger.scenarios):
        remedy = "give a 'danger', or 'kinds', 'tags' or 'scenarios' whose failing counts"
        yield text.wrong(f"the trigger '{trigger.id}' names nothing that could set it off", remedy, way)
        return
    if any(arms(trigger, s) for s in choice.scenarios):
        return
    could = {s.name for s in suite.scenarios if arms(trigger, s)}
    reason = next((f"'{o.scenario}' could, but is left out: {o.why}" for o in choice.left_out if o.scenario in could), "")
    if not reason and could:
        reason = f"'{sorted(could)[0]}' could, but 'tags' does not name it"
    say = f"no scenario of a round can arm the trigger '{trigger.id}'"
    yield text.wrong(say, reason or "no scenario of the suite could tell of it", way)
