"""This file is for the other way round: a job reports to us by itself, and silence is the failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, field_validator

from probes.fields import Duration
from probes.outcome import Check, control
from probes.probe import Probe

if TYPE_CHECKING:
    from probes.session import Session

ASKED = "a heartbeat cannot be asked: the job reports by itself, and `vedette serve` judges its reports and its silence"


class Heartbeat(Probe, kind="heartbeat"):
    """Wait for a job that reports by itself: a nightly backup, a billing run. Silence is the failure.

    `vedette heartbeat url` prints the secret address of the job, and the job calls it: with nothing behind it for
    success, with `/start`, `/fail` or an exit code. `schedule` says when it is due; it is late once `grace` is over
    as well. Under `vedette run` nothing can be said, so it is skipped there.
    The control: the desk that takes the reports was there, and would have noticed the silence.
    """

    awaits: ClassVar[bool] = True

    grace: Annotated[Duration, Field(ge=1, le=31 * 86_400)] = 300.0  # how much later than due it may report
    longest: Annotated[Duration, Field(gt=0, le=31 * 86_400)] | None = None  # how long it may take after it said `/start`
    success_codes: tuple[int, ...] = Field((0,), min_length=1)  # exit codes that mean success
    generation: int = Field(1, ge=1)  # raise it to make the address that is known so far worthless

    @field_validator("success_codes")
    @classmethod
    def _possible(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 0 <= code <= 255 for code in value):
            raise ValueError("should be exit codes from 0 to 255")
        return value

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        yield control("the job's reports were listened for", holds=False, say=ASKED)
