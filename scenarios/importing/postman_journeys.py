"""This file is for requests of a collection that belong together: a script of one keeps a value for another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scenarios.importing.draft import Draft, Question
from scenarios.importing.language import capture_name, names_in, seconds
from scenarios.importing.postman_scripts import Script
from scenarios.importing.postman_variables import Variables
from scenarios.importing.requesting import Asked, Made, request_of, writes
from scenarios.importing.vault import secret_name

_HOPS = 10  # Postman's own default


@dataclass(slots=True)
class Asking:
    """One request of the collection, before it is written."""

    question: Question
    asked: Asked
    script: Script
    follows: bool = True
    uses: set[str] = field(default_factory=set)


def lay(draft: Draft, found: list[Asking], variables: Variables) -> None:
    """Write every request as a scenario of its own, or as a step of one where values go from one to the next."""
    for group in _groups(found):
        _journey(draft, group, variables) if len(group) > 1 else _alone(draft, group[0])
    for question in draft.questions:
        spot = question.spot
        names = {name.removeprefix("vars.") for name in names_in(question.keys) if name.startswith("vars.")}
        if spot is not None and (own := {n: variables.plain[n] for n in sorted(names & set(variables.plain))}):
            spot.keys["vars"] = {
                **spot.keys.get("vars", {}),
                **{name: draft.vault.swept(_plain(value)) for name, value in own.items()},
            }


def captured_in(found: list[Asking]) -> set[str]:
    """Return the variables that a script keeps for a later request."""
    return {name for group in _groups(found) if len(group) > 1 for asking in group for name in asking.script.captures}


def _plain(value: str) -> str:
    return value.replace("${", "$${")


def _groups(found: list[Asking]) -> list[list[Asking]]:
    """Return the requests in groups, in order: one that keeps a value, and those behind it that use it."""
    leader = list(range(len(found)))

    def root(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    for place, asking in enumerate(found):
        for name in asking.script.captures:
            for later in range(place + 1, len(found)):
                if name in found[later].uses:
                    first, second = sorted((root(place), root(later)))
                    leader[second] = first
    groups: dict[int, list[Asking]] = {}
    for place, asking in enumerate(found):
        groups.setdefault(root(place), []).append(asking)
    return list(groups.values())


def _alone(draft: Draft, asking: Asking) -> None:
    question = asking.question
    for name, capture in asking.script.captures.items():
        question.mention(f"pm.…set('{name}')", capture, "no later request uses it")
    made = request_of(draft.vault, question, asking.asked)
    if made is None:
        return
    question.spot = draft.spot(made.base, auth=made.auth, tls=asking.asked.tls)
    question.keys |= {"probe": "http", **_step(asking, made)}
    _writes([question], [asking], question)


def _journey(draft: Draft, group: list[Asking], variables: Variables) -> None:
    usable: list[tuple[Asking, Made]] = []
    missing: set[str] = set()  # values that a request would have kept that is left out
    for asking in group:
        made = None if asking.question.left_out else request_of(draft.vault, asking.question, asking.asked)
        if made is not None and (needed := sorted(missing & asking.uses)):
            asking.question.leave_out(f"it needs '{needed[0]}' of a request that could not be carried over")
        if made is None or asking.question.left_out:
            missing |= set(asking.script.captures)
            continue
        missing -= set(asking.script.captures)
        usable.append((asking, made))
    if not usable:
        return
    first = usable[0][0].question
    base, auth = usable[0][1].base, next((one.auth for _, one in usable if one.auth), {})
    steps: list[dict[str, Any]] = []
    for asking, one in usable:
        step = {"name": _unused(asking.question.title, steps), **_step(asking, one)}
        if one.base != base:
            step["request"]["path"] = f"{one.base}{step['request']['path']}"
            first.mention(step["name"], one.base, "another origin: it is sent neither the target's credentials nor other headers")
        if one.auth and one.auth != auth:
            first.lose(step["name"], "auth", "one scenario has one target, and a target one user")
        if auth and not one.auth and one.base == base:
            step["request"]["anonymous"] = True
        captures = {
            capture_name(n): {**c, **({"secret": True} if secret_name(n) else {})} for n, c in asking.script.captures.items()
        }
        steps.append({**step, **({"capture": captures} if captures else {})})
    first.spot = draft.spot(base, auth=auth, tls=next((a.asked.tls for a, _ in usable if a.asked.tls), {}))
    _merge(draft, first, [asking.question for asking, _ in usable[1:]])
    first.keys |= {"probe": "http", "steps": steps}
    if len(steps) > 2:
        first.keys["timeout"] = seconds(10 * len(steps) + 5)
    _writes([a.question for a, _ in usable], [a for a, _ in usable], first)


def _merge(draft: Draft, first: Question, others: list[Question]) -> None:
    """Let the first request's question stand for all: its name says how many more there are."""
    for other in others:
        first.remarks += other.remarks
        draft.questions.remove(other)
    first.title = f"{first.title}, and {len(others)} more" if others else first.title


def _unused(title: str, steps: list[dict[str, Any]]) -> str:
    taken, name, number = {step["name"] for step in steps}, title, 1
    while name in taken:
        number += 1
        name = f"{title} ({number})"
    return name


def _step(asking: Asking, made: Made) -> dict[str, Any]:
    request = dict(made.request)
    if asking.follows:
        request["follow_redirects"] = _HOPS
    return {"request": request, "expect": {"status": "2xx", **asking.script.expecting.done()}}


def _writes(questions: list[Question], askings: list[Asking], first: Question) -> None:
    for asking in askings:
        wrote = writes(asking.asked.method, asking.asked.url, asking.asked.body)
        if wrote is not None:
            first.keys["writes"] = wrote
