"""This file is for stages that cannot succeed, so that nobody waits for hours to hear that they could not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise

from scenarios.gates.policy import Policy, Stage
from scenarios.gates.told_at import PolicyText
from scenarios.mistakes import Mistake

Fewest = Callable[[float, float], int]  # margin in points and beta -> rounds without any failure that show it


def wrong_stages(policy: Policy, text: PolicyText, fewest: Fewest) -> Iterator[Mistake]:
    """Yield a mistake for each bound of a stage that another makes impossible.

    Rounds of earlier stages count for a margin, too: it is impossible only where all up to its stage are too few.
    """
    possible = accumulate(rounds_within(policy, stage) for stage in policy.stages)
    for number, (stage, rounds) in enumerate(zip(policy.stages, possible, strict=True)):
        wrong = list(_bounds(policy, stage, number, text))
        yield from wrong or _margin(policy, stage, number, rounds, text, fewest)
    yield from _order(policy, text)


def rounds_within(policy: Policy, stage: Stage) -> int:
    """Return how many rounds that count as independent can be had in a stage at most."""
    spacing = max(policy.every, policy.gap or 0.0)
    return min(stage.max_rounds, int(stage.max_time / spacing + 1e-9) + 1)


def fewest_by_law(margin: float, beta: float) -> int:
    """Return the rounds without which nobody can show a margin (points), with the chance `beta` to be wrong.

    A side that fails with the probability of the margin shows no failure in n rounds with probability (1 - margin)^n.
    As long as that is more than beta, not even a spotless record tells them apart. Whoever may look at any time needs more.
    """
    return math.ceil(math.log(beta) / math.log1p(-margin / 100) - 1e-9)


def _bounds(policy: Policy, stage: Stage, number: int, text: PolicyText) -> Iterator[Mistake]:
    called, spacing = f"the stage '{stage.name}'", max(policy.every, policy.gap or 0.0)
    needed_s = (stage.min_rounds - 1) * spacing
    if stage.min_rounds > stage.max_rounds:
        say = f"{called} wants at least {stage.min_rounds} rounds, and at most {stage.max_rounds}"
        remedy = "'min_rounds' should not be above 'max_rounds'"
        yield text.wrong(say, remedy, *_ways(number, "min_rounds", "max_rounds"))
    elif stage.min_time > stage.max_time:
        say = f"{called} should last at least {_time(stage.min_time)}, and at most {_time(stage.max_time)}"
        yield text.wrong(say, "'min_time' should not be above 'max_time'", *_ways(number, "min_time", "max_time"))
    elif needed_s > stage.max_time:
        say = f"{called} ends after {_time(stage.max_time)}, and its {stage.min_rounds} rounds take {_time(needed_s)}"
        remedy = f"a round begins every {_time(spacing)}: at least {_time(needed_s)}"
        yield text.wrong(say, remedy, *_ways(number, "max_time", "min_rounds"))


def _margin(policy: Policy, stage: Stage, number: int, possible: int, text: PolicyText, fewest: Fewest) -> Iterator[Mistake]:
    if stage.margin is None or (needed := fewest(stage.margin, policy.beta)) <= possible:
        return
    many = f"{possible} rounds" if not number else f"the {possible} rounds up to its end"
    say = f"the stage '{stage.name}' cannot show a margin of {stage.margin:g} points in {many}, not even where none fails"
    within = _within(possible, policy.beta, fewest)
    remedy = f"that takes at least {needed} rounds" + (f"; {possible} can show {within:g} points" if within <= 50 else "")
    yield text.wrong(say, remedy, *_ways(number, "margin"))


def _within(rounds: int, beta: float, fewest: Fewest) -> float:
    """Return the smallest margin, in tenths of a point, that so many rounds can show; above 50: none."""
    return next((tenths / 10 for tenths in range(1, 501) if fewest(tenths / 10, beta) <= rounds), math.inf)


def _ways(number: int, *keys: str) -> list[tuple[str | int, ...]]:
    """Return where a mistake of a stage may stand; the stages of a profile stand nowhere, and what asks too much of them may."""
    return [*(("stages", number, key) for key in keys), ("stages", number), ("every",), ("gap",), ("beta",), ("profile",)]


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
