"""This file is for durations by bucket: fixed bounds for every histogram we keep, add up and show, and their quantiles."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

# Upper bounds in seconds, each about 1.33 times the one before: a quantile is off by at most a third, mostly far less,
# because it is interpolated. The last bucket is open. Never change them: stored counts stand by their place in this list.
BOUNDS_S = (
    0.001, 0.00133, 0.00178, 0.00237, 0.00316, 0.00422, 0.00562, 0.0075,
    0.01, 0.0133, 0.0178, 0.0237, 0.0316, 0.0422, 0.0562, 0.075,
    0.1, 0.133, 0.178, 0.237, 0.316, 0.422, 0.562, 0.75,
    1.0, 1.33, 1.78, 2.37, 3.16, 4.22, 5.62, 7.5,
    10.0, 13.3, 17.8, 23.7, 31.6, 42.2, 56.2, 75.0,
    100.0, 178.0, 316.0, 562.0, 1000.0,
)  # fmt: skip
_LARGEST_S = 2000.0  # what the open bucket is taken to reach to


def bucket_of(seconds: float) -> int:
    """Return the place of the bucket that a duration falls into, 0 to `len(BOUNDS_S)`."""
    return bisect_left(BOUNDS_S, seconds)


def dumped(counts: Mapping[int, int]) -> str:
    """Return the counts as `bucket:count,…`, empty buckets left out; `loaded` is its inverse."""
    return ",".join(f"{bucket}:{count}" for bucket, count in sorted(counts.items()) if count)


def loaded(text: str) -> dict[int, int]:
    """Return the counts that `dumped` wrote."""
    return {int(bucket): int(count) for bucket, _, count in (part.partition(":") for part in text.split(",") if part)}


def summed(text: str) -> dict[int, int]:
    """Return the sum of many that `dumped` wrote, joined by commas. The same parts come again and again: each is read once."""
    counts: dict[int, int] = {}
    for part, times in Counter(text.split(",")).items():
        bucket, _, ticks = part.partition(":")
        counts[int(bucket)] = counts.get(int(bucket), 0) + int(ticks) * times
    return counts


def quantile_s(counts: Mapping[int, int], q: float) -> float | None:
    """Return the q-quantile (0 to 1) in seconds, interpolated within its bucket; None for no durations at all."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, before = q * total, 0
    for bucket in sorted(counts):
        if counts[bucket] and before + counts[bucket] >= wanted:
            low = BOUNDS_S[bucket - 1] if bucket else 0.0
            high = BOUNDS_S[bucket] if bucket < len(BOUNDS_S) else _LARGEST_S
            return low + (high - low) * max(0.0, wanted - before) / counts[bucket]
        before += counts[bucket]
    return _LARGEST_S
