"""This file is for the sorts of values that options take, refused with a sentence where they are none."""

from __future__ import annotations

import argparse


def duration(text: str) -> float:
    """Return seconds from `5m`, `250ms` or a number of seconds. Raises: ArgumentTypeError, also for nothing."""
    from probes.fields import parse_duration

    try:
        value = parse_duration(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"'{text}' {problem}") from problem
    if value <= 0:
        raise argparse.ArgumentTypeError("should be more than nothing")
    return value


def positive(text: str) -> int:
    """Return a whole number from 1 on. Raises: ArgumentTypeError."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' should be a whole number from 1 on")
    return int(text)
