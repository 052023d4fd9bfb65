"""This file is for how a new version is watched: phases of denser probing, each with what must hold at its end."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from probes.fields import Configured, Duration
from probes.outcome import Severity

MOST_PHASES = 10


class BurnInPhase(Configured):
    """One phase of a burn-in. It passes if every scenario was asked often enough and passed often enough."""

    name: str = Field(min_length=1, max_length=100)  # such as verification
    lasts: Annotated[Duration, Field(gt=0, le=90 * 86_400)]  # how long, counted from the end of the phase before
    factor: Annotated[float, Field(gt=0, le=1)] = 1.0  # every interval is multiplied with it
    least: Annotated[Duration, Field(ge=1)] = 5.0  # and is never made shorter than this
    pass_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0  # of the ticks of each scenario that must be good
    asked: Annotated[int, Field(ge=1)] = 1  # ticks of each scenario, without which nothing is proven
    never_fail: tuple[Severity, ...] = (Severity.P0,)  # one failing tick of these ends in a fail, whatever the ratio


# As the seeds' deployment guides watch a release: verification, intensive and extended monitoring, validation.
DEFAULT_PHASES = (
    BurnInPhase(name="verification", lasts=5 * 60, factor=0.2, pass_ratio=1.0),
    BurnInPhase(name="intensive", lasts=2 * 3600, factor=0.5, pass_ratio=0.99),
    BurnInPhase(name="extended", lasts=24 * 3600, factor=1.0, pass_ratio=0.99),
    BurnInPhase(name="validation", lasts=7 * 86_400, factor=1.0, pass_ratio=0.99),
)
