"""This file is for what a schedule may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from scenarios.schedule_spec import ScheduleSpec


def test_jitter_is_shorter_than_the_interval() -> None:
    assert ScheduleSpec(every=60, jitter=59.9).jitter == 59.9
    assert ScheduleSpec(cron="0 3 * * *", jitter=600).jitter == 600
    with pytest.raises(ValidationError, match="'jitter' should be shorter than 'every'"):
        ScheduleSpec(every=60, jitter=60)
