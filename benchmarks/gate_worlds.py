"""Make the rounds of canaries that are sound or not, one by one or in bursts, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from scenarios.gates.bursts import Tick

Round = tuple[bool, bool]
BURST = 5  # probes that a burst of failures lasts, on average


def dice(seed: int, name: str, number: int) -> Random:
    """Return the randomness of one gate, the same however gates are shared out over processes."""
    return Random(f"{seed}:{name}:{number}")


def independent(random: Random, canary_rate: float, baseline_rate: float) -> Iterator[Round]:
    """Yield rounds that fail one by one, without end."""
    draw = random.random
    while True:
        yield draw() < canary_rate, draw() < baseline_rate


def in_bursts(random: Random, rate: float, every: int = 1) -> Iterator[bool]:
    """Yield each `every`-th answer of a side whose failures come in bursts, and are `rate` of all.

    A burst begins and ends by chance, so after k answers what is left of its being in one is (1 - begins - ends)^k.
    """
    ends = 1 / BURST
    begins = rate * ends / (1 - rate)
    left = (1 - begins - ends) ** every
    bad = random.random() < rate
    while True:
        yield bad
        bad = random.random() < rate + (bad - rate) * left


def history() -> list[Tick]:
    """Return what the monitor saw of a side whose failures come in bursts, a probe each second, before the gate began."""
    return [Tick(float(at), bad) for at, bad in enumerate(islice(in_bursts(Random(0), 0.02), 100_000))]
