"""This file is for e-values: evidence against a claim that may be looked at after every sample.

An e-value's mean is at most 1 while the claim holds, whatever was seen before. So whoever lays 1 on the claim's being
wrong, and goes on with all they have, ever holds 1/alpha with a chance of at most alpha (Ville's inequality). Such capital is
kept here as shares laid on several alternatives, in natural logarithms, so that 10^5 samples neither overflow nor vanish.

Source: Ville 1939; Grünwald, de Heide, Koolen: Safe testing (JRSS B 2024).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

CAP = 1e12  # of an e-value that is shown: finite, and more than any threshold asks for
LOG_CAP = math.log(CAP)


class BadState(ValueError):
    """What was read is no state that `as_json` made; the text says what is wrong with it."""


def log_sum(logs: Sequence[float]) -> float:
    """Return the logarithm of the sum of what `logs` are the logarithms of."""
    top = max(logs)
    return top + math.log(sum(math.exp(one - top) for one in logs))


def shown(log_e: float) -> float:
    """Return the e-value of a logarithm, at most `CAP`."""
    return math.exp(log_e) if log_e < LOG_CAP else CAP


def weighted_mean(parts: Iterable[tuple[float, float]]) -> float:
    """Return the mean of e-values, as (weight, e). It is one again, however they depend on each other.

    Weights are 0 or above; what they lack of 1 counts as an e-value of 1, which says nothing.
    Raises: ValueError where weights sum to more than 1, or a value is below 0 or not finite.
    """
    laid, total = 0.0, 0.0
    for weight, e in parts:
        if not (weight >= 0 and 0 <= e < math.inf):
            raise ValueError(f"weight {weight} of an e-value {e}: neither is below 0, both are finite")
        laid += weight
        total += weight * min(e, CAP)
    if laid > 1 + 1e-9:
        raise ValueError(f"weights of e-values sum to {laid:g}, and 1 is the most")
    return min(CAP, total + max(0.0, 1 - laid))


def laid_anew(log_shares: Sequence[float], prior: Sequence[float], part: float) -> tuple[float, ...]:
    """Take `part` of all capital, of each share the same, and lay it as at the beginning. The sum stays as it is."""
    again = log_sum(log_shares) + math.log(part)
    kept = math.log1p(-part)
    return tuple(log_sum((share + kept, again + math.log(weight))) for share, weight in zip(log_shares, prior, strict=True))


def checked_counts(canary_asked: int, canary_failed: int, baseline_asked: int, baseline_failed: int) -> None:
    """Refuse counts that cannot be. Raises: ValueError where more failed than there were, or a count is below 0."""
    if 0 <= canary_failed <= canary_asked and 0 <= baseline_failed <= baseline_asked:
        return
    raise ValueError(
        f"{canary_failed} of the canary's {canary_asked} failed, {baseline_failed} of the baseline's {baseline_asked}: "
        "counts are 0 or above, and no more fail than there are"
    )


def read_shares(told: Mapping[str, object], wanted: int) -> tuple[float, ...]:
    """Return the shares of a state, finite and as many as wanted. Raises: BadState."""
    shares = told.get("log_shares")
    if not isinstance(shares, list | tuple) or len(shares) != wanted:
        raise BadState(f"'log_shares' is no list of {wanted} numbers")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in shares):
        raise BadState("'log_shares' holds something that is no finite number")
    return tuple(float(one) for one in shares)


def read_count(told: Mapping[str, object], name: str) -> int:
    """Return a count of a state. Raises: BadState."""
    count = told.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise BadState(f"'{name}' is no count")
    return count
