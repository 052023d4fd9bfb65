"""This file is for stages that cannot succeed, so that nobody waits for hours to hear that they could not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from scenarios.gates.policy import Policy, Stage
from scenarios.gates.told_at import PolicyText
from scenarios.mistakes import Mistake


def wrong_stages(policy: Policy, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake for each bound of a stage that another makes impossible."""
    for number, stage in enumerate(policy.stages):
        yield from _bounds(policy, stage, number, text)
    yield from _order(policy, text)


def rounds_within(policy: Policy, stage: Stage) -> int:
    """Return how many rounds that count as independent can be had in a stage at most."""
    spacing = max(policy.every, policy.gap or 0.0)
    return min(stage.max_rounds, int(stage.max_time / spacing + 1e-9) + 1)


def fewest_rounds(margin: float, beta: float) -> int:
    """Return the rounds without which nobody can show a margin (points), with the chance `beta` to be wrong.

    A side that fails with the probability of the margin shows no failure in n rounds with probability (1 - margin)^n.
    As long as that is more than beta, not even a spotless record tells them apart.
    """
    return math.ceil(math.log(beta) / math.log1p(-margin / 100) - 1e-9)


def _bounds(policy: Policy, stage: Stage, number: int, text: PolicyText) -> Iterator[Mistake]:
    def wrong(sentence: str, remedy: str, *keys: str) -> Mistake:
        ways = [("stages", number, key) for key in keys]
        return text.wrong(sentence, remedy, *ways, ("stages", number), ("every",), ("gap",), ("beta",), ("profile",))

    called, spacing = f"the stage '{stage.name}'", max(policy.every, policy.gap or 0.0)
    if stage.min_rounds > stage.max_rounds:
        say = f"{called} wants at least {stage.min_rounds} rounds, and at most {stage.max_rounds}"
        yield wrong(say, "'min_rounds' should not be above 'max_rounds'", "min_rounds", "max_rounds")
        return
    if stage.min_time > stage.max_time:
        say = f"{called} should last at least {_time(stage.min_time)}, and at most {_time(stage.max_time)}"
        yield wrong(say, "'min_time' should not be above 'max_time'", "min_time", "max_time")
        return
    needed_s = (stage.min_rounds - 1) * spacing
    if needed_s > stage.max_time:
        say = f"{called} ends after {_time(stage.max_time)}, and its {stage.min_rounds} rounds take {_time(needed_s)}"
        yield wrong(say, f"a round begins every {_time(spacing)}: at least {_time(needed_s)}", "max_time", "min_rounds")
        return
    possible = rounds_within(policy, stage)
    if stage.margin is not None and (fewest := fewest_rounds(stage.margin, policy.beta)) > possible:
        say = f"{called} cannot show a margin of {stage.margin:g} points in {possible} rounds, not even where none fails"
        within = math.floor(-math.expm1(math.log(policy.beta) / possible) * 10_000 + 1) / 100
        remedy = f"that takes at least {fewest} rounds" + (f"; {possible} can show {within:g} points" if within < 50 else "")
        yield wrong(say, remedy, "margin")


def _order(policy: Policy, text: PolicyText) -> Iterator[Mistake]:
    for number, (before, stage) in enumerate(pairwise(policy.stages), start=1):
        if stage.weight <= before.weight:
            how = "the same weight" if stage.weight == before.weight else "a smaller weight"
            say = f"the stage '{stage.name}' has {how} as the one before it: {stage.weight:g} after {before.weight:g}"
            say = say if stage.weight == before.weight else say.replace(" as the one", " than the one")
            yield text.wrong(say, "the canary is given more and more of the traffic", ("stages", number, "weight"))
    first: dict[str, int] = {}
    for number, stage in enumerate(policy.stages):
        if first.setdefault(stage.name, number) != number:
            say = f"two stages are named '{stage.name}'"
            yield text.wrong(say, f"the first is item {first[stage.name] + 1}", ("stages", number, "name"), ("stages", number))


def _time(seconds: float) -> str:
    """Return a time as a person writes it into a policy: `90s`, `15m`, `2.5h`."""
    for size, unit in ((3600.0, "h"), (60.0, "m")):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.3g}{unit}"
    return f"{seconds:g}s"
