"""This file is for one statement of a contract: where it stands there, what it says, and why it cannot be seen if it cannot."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from probes.fields import Configured


def _a_reason(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("should say why it cannot be seen from outside")
    return value


class Statement(Configured):
    """One thing that a contract says of a system. Scenarios that look whether it is so name its id under `covers`."""

    section: str = Field(min_length=1)  # where the contract says it
    says: str = Field(min_length=1)  # what it says, in one sentence
    unobservable: Annotated[str, BeforeValidator(_a_reason)] = ""  # why it cannot be seen from outside, where it cannot
