"""This file is for opening hours that are wrong by minutes only, and for logs that tell late or not all."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from probes.evidence.log_file import LogFile
from probes.kinds.business_hours import BusinessHours
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.test_business_hours import NOW, OPTIONS, Shop, failed, outcome_of
from tests.probes.small_service import Asked, Reply, a_session, a_target, asked, serving

pytestmark = pytest.mark.anyio
LOGGED = {"log": {"source": "app", "within": "300ms"}}
HALF_PAST: dict[str, Any] = {"hours": {"mon-fri": ["09:30-18:30"]}, "examples": []}


class ByTheHour(Shop):
    """Open from 09:30 to 18:30; with the bug `hours_only` the opening is compared by its hour."""

    def start(self, wall: datetime) -> datetime:
        opening = time(9) if "hours_only" in self.bugs else time(9, 30)
        if self.open_day(wall.date()) and opening <= wall.time() < time(18, 30):
            return wall
        day = wall.date() if wall.time() < opening else wall.date() + timedelta(days=1)
        while not self.open_day(day):
            day += timedelta(days=1)
        return datetime.combine(day, time(9, 30))


@pytest.mark.parametrize("slot", ["15m", "0s"])
async def test_minutes_before_opening_are_asked_for_too(slot: str) -> None:
    sound = await outcome_of(ByTheHour(), **HALF_PAST, slot=slot)
    assert sound.verdict is Verdict.PASS, failed(sound)
    outcome = await outcome_of(ByTheHour("hours_only"), **HALF_PAST, slot=slot)
    assert outcome.verdict is Verdict.FAIL and "before opening at 09:30" in outcome.sentence, outcome.sentence


async def ask_with_log(shop: Shop, **source: Any) -> Outcome:
    probe = BusinessHours.model_validate({**OPTIONS, **LOGGED})
    async with serving(shop.handle) as url:
        target = a_target(url, evidence={"app": LogFile(path=str(shop.log), **source)})
        return await asked(probe, a_session(target, clock=lambda: NOW))


async def test_a_log_that_could_not_all_be_read_accuses_nobody(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    outcome = await ask_with_log(Shop(log=log), max_bytes=700)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "could not all be read" in outcome.sentence, outcome.sentence


async def test_a_move_that_was_none_is_seen_though_its_line_comes_last(tmp_path: Path) -> None:
    """All wanted lines are there long before; the line of the last wish is written only when the log is read again."""
    log = tmp_path / "app.log"
    log.touch()
    shop, reads = Shop(log=log), 0
    last: list[str] = []

    class Slow(LogFile, source="slow_log_file"):
        async def read_since(self, mark: Any) -> Any:
            nonlocal reads
            reads += 1
            if reads == 2:
                with log.open("a") as file:
                    file.write(f"[x] Auto-adjusted request time {last[-1]}\n")
            return await super().read_since(mark)

    async def handle(request: Asked) -> Reply:
        before = log.read_text()
        status, headers, body = await shop.handle(request)
        if not body["adjusted"]:
            last.append(request.headers["x-correlation-id"])
            log.write_text(before)  # nothing is logged of what was left alone, as yet
        return status, headers, body

    probe = BusinessHours.model_validate({**OPTIONS, **LOGGED})
    async with serving(handle) as url:
        target = a_target(url, evidence={"app": Slow(path=str(log))})
        outcome = await asked(probe, a_session(target, clock=lambda: NOW))
    assert outcome.verdict is Verdict.FAIL and "was left alone, but a line" in outcome.sentence, outcome.sentence
