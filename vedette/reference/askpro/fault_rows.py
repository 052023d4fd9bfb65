"""This file is for how a fault of AskPro is written down."""

from __future__ import annotations

from vedette.reference.fault import Fault

Row = tuple[str, str, tuple[str, ...], tuple[str, ...]]  # the bug, its story, what it breaks, words of the catching sentence


def askpro(owner: str, *faults: Row, vacuity: bool = False, target: str = "") -> list[Fault]:
    return [
        Fault(f"askpro_{bug}", owner, story, hint, vacuity, "askpro", breaks, bug, target) for bug, story, breaks, hint in faults
    ]
