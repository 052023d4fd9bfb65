"""This file is for turning the proof law on ourselves: every named fault must be caught, and a sound target never accused."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.outcome import Check, Outcome, Verdict
from vedette.reference.faults import FAULTS, Fault, named

SUITE, TARGET = "demo", "reference"
RUN_DEADLINE_S = 60.0  # one run of the suite; a sound one takes a few seconds
_LETTERS = {
    Verdict.FAIL: "F",
    Verdict.ERROR: "E",
    Verdict.INCONCLUSIVE: "?",
    Verdict.DEGRADED: "d",
    Verdict.PASS: ".",
    Verdict.SKIPPED: "-",
}
_PASSED = (Verdict.PASS, Verdict.DEGRADED)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one scenario said of one target: as much of its outcome as the proof needs."""

    scenario: str
    kind: str
    verdict: Verdict
    sentence: str
    troubles: tuple[str, ...]  # name and sentence of each check that did not hold

    @classmethod
    def of(cls, outcome: Outcome) -> Seen:
        troubles = tuple(_trouble(c) for c in outcome.checks if c.verdict not in (Verdict.PASS, Verdict.SKIPPED))
        return cls(outcome.subject.scenario, outcome.subject.kind, outcome.verdict, outcome.sentence, troubles)

    def says(self, hint: Iterable[str]) -> bool:
        """Return whether all the words stand in the sentence, or all in one check that did not hold."""
        words = [word.casefold() for word in hint]
        return any(all(word in text.casefold() for word in words) for text in (self.sentence, *self.troubles))


@dataclass(frozen=True, slots=True)
class Row:
    """One fault of the matrix: what every kind said, and whether its owner caught it. `why_missed` is empty if so."""

    fault: Fault
    seen: tuple[Seen, ...]
    why_missed: str

    @property
    def owner(self) -> Seen | None:
        """Return the worst that the owning kind said."""
        return min((s for s in self.seen if s.kind == self.fault.owner), key=lambda s: s.verdict.rank, default=None)

    @property
    def passed_vacuously(self) -> bool:
        return self.fault.vacuity and self.owner is not None and self.owner.verdict in _PASSED

    def verdicts(self) -> dict[str, str]:
        """Return the worst verdict of each kind."""
        worst: dict[str, Verdict] = {}
        for one in self.seen:
            worst[one.kind] = min(one.verdict, worst.get(one.kind, one.verdict), key=lambda v: v.rank)
        return {kind: verdict.value for kind, verdict in worst.items()}


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of all the runs."""

    rows: tuple[Row, ...]
    sound_runs: int
    false_alarms: tuple[str, ...]
    seconds: float

    @property
    def missed(self) -> tuple[str, ...]:
        return tuple(row.fault.name for row in self.rows if row.why_missed)

    @property
    def vacuous_passes(self) -> tuple[str, ...]:
        return tuple(row.fault.name for row in self.rows if row.passed_vacuously)

    @property
    def holds(self) -> bool:
        """Return whether every fault was caught and the sound target never accused. Nothing tried proves nothing."""
        return bool(self.rows or self.sound_runs) and not self.missed and not self.vacuous_passes and not self.false_alarms

    def to_json(self) -> dict[str, Any]:
        return {
            "faults": len(self.rows),
            "caught": len(self.rows) - len(self.missed),
            "missed": list(self.missed),
            "vacuous_passes": list(self.vacuous_passes),
            "sound_runs": self.sound_runs,
            "false_alarms": list(self.false_alarms),
            "seconds": round(self.seconds, 1),
            "matrix": {row.fault.name: row.verdicts() for row in self.rows},
            "sentences": {row.fault.name: row.owner.sentence if row.owner else "" for row in self.rows},
        }

    def render(self) -> str:
        """Return the matrix for a terminal, then what was missed and why."""
        return "\n".join([*_matrix(self.rows), "", *_summary(self)])


async def prove(
    *, faults: Iterable[str] | None = None, sound_runs: int = 20, jobs: int = 4, progress: Progress | None = None
) -> Proof:
    """Run the demo suite against the sound target `sound_runs` times, and once against each fault (default: all).

    Each run has a target, a log file and a process to itself, at most `jobs` at a time, bounded in time.
    Raises: ValueError for a fault that nobody knows.
    """
    chosen = [named(name) for name in (FAULTS if faults is None else faults)]
    told = progress or (lambda text: None)
    began = time.perf_counter()
    workers = max(1, min(jobs, len(chosen) + sound_runs))
    # spawned, not forked: a fork would share the parent's event loop and whatever its threads hold
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()

        async def ask(fault: Fault | None, number: int, turn: asyncio.Semaphore) -> list[Seen]:
            async with turn:
                seen = await loop.run_in_executor(pool, run_once, fault.name if fault else None)
            told(_said(fault, number, seen))
            return seen

        # Some promises are about time: a sound target is not made to wait for a processor, or it breaks them.
        calm, busy = asyncio.Semaphore(max(1, min(workers, os.cpu_count() or 1))), asyncio.Semaphore(workers)
        try:
            sound = await asyncio.gather(*[ask(None, number, calm) for number in range(1, sound_runs + 1)])
            broken = await asyncio.gather(*[ask(fault, 0, busy) for fault in chosen])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    rows = tuple(judge_fault(fault, seen) for fault, seen in zip(chosen, broken, strict=True))
    alarms = tuple(alarm for number, seen in enumerate(sound, start=1) for alarm in false_alarms(number, seen))
    return Proof(rows, sound_runs, alarms, time.perf_counter() - began)


def judge_fault(fault: Fault, seen: Sequence[Seen]) -> Row:
    """Return the fault's row: caught only if its owner says the right word for the right reason."""
    row = Row(fault, tuple(seen), "")
    owner = row.owner
    if owner is None:
        return Row(fault, row.seen, f"no scenario of kind {fault.owner} was run")
    if owner.verdict not in fault.expected:
        expected = " or ".join(sorted(fault.expected))
        return Row(fault, row.seen, f"{fault.owner} said {owner.verdict}, not {expected}: {owner.sentence}")
    if not owner.says(fault.hint):
        return Row(fault, row.seen, f"{fault.owner} does not name the cause ({', '.join(fault.hint)}): {owner.sentence}")
    return row


def false_alarms(number: int, seen: Sequence[Seen]) -> list[str]:
    """Return a sentence for all that did not pass on a sound target; a run in which nothing was asked is one too."""
    alarms = [f"run {number}: {s.scenario}: {s.verdict}: {s.sentence}" for s in seen if s.verdict is not Verdict.PASS]
    return alarms if seen else [f"run {number}: no scenario was run"]


def run_once(fault: str | None) -> list[Seen]:
    """Run the demo suite once against a reference target of its own. Called in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="vedette-prove-") as folder:
        return asyncio.run(_run(Path(folder), fault))


async def _run(folder: Path, fault: str | None) -> list[Seen]:
    from probes.undo import Journal
    from scenarios.loader import load_suite
    from scenarios.runner import run
    from vedette.reference.settings import Settings
    from vedette.reference.target import ReferenceTarget

    log, token = folder / "laravel.log", secrets.token_hex(16)
    target = ReferenceTarget([fault] if fault else [], log_path=log, settings=Settings(control_token=token, open_s=0.5))
    async with target.running() as url:
        suite = load_suite(SUITE, target=TARGET, environ=demo_environ(url, log, token))
        result = await run(suite, TARGET, journal=Journal(folder / "undo"), run_deadline_s=RUN_DEADLINE_S)
    return [Seen.of(outcome) for outcome in result.outcomes]


def demo_environ(url: str, log: Path, token: str) -> Mapping[str, str]:
    """Return the environment in which the demo suite is loaded."""
    return {**os.environ, "VEDETTE_DEMO_URL": url, "VEDETTE_DEMO_LOG": str(log), "VEDETTE_REFERENCE_TOKEN": token}


def _trouble(made: Check) -> str:
    return f"{made.name}: {made.say}"


def _said(fault: Fault | None, number: int, seen: Sequence[Seen]) -> str:
    if fault is None:
        alarms = false_alarms(number, seen)
        return f"sound run {number}: " + ("; ".join(alarms) if alarms else "all pass")
    row = judge_fault(fault, seen)
    return f"{fault.name}: " + (f"MISSED, {row.why_missed}" if row.why_missed else "caught")


def _matrix(rows: Sequence[Row]) -> list[str]:
    kinds = list(dict.fromkeys(s.kind for row in rows for s in row.seen))
    if not kinds:
        return []
    width = max(len(row.fault.name) for row in rows)
    heads = [f"{'':{width}}  {' │ ' * place}{kind}" for place, kind in enumerate(kinds)]
    lines = []
    for row in rows:
        verdicts = row.verdicts()
        cells = [_cell(verdicts.get(kind), owner=kind == row.fault.owner) for kind in kinds]
        lines.append(f"{row.fault.name:{width}} {''.join(cells)}  {'MISSED' if row.why_missed else 'caught'}")
    legend = "F fail, E error, ? inconclusive, d degraded, . pass, - skipped; [ ] the kind that owns the fault"
    return [*heads, *lines, "", legend]


def _cell(verdict: str | None, *, owner: bool) -> str:
    letter = " " if verdict is None else _LETTERS[Verdict(verdict)]
    return f"[{letter}]" if owner else f" {letter} "


def _summary(proof: Proof) -> list[str]:
    caught = len(proof.rows) - len(proof.missed)
    return [
        f"{caught} of {len(proof.rows)} faults caught, {len(proof.vacuous_passes)} vacuous passes; "
        f"{proof.sound_runs} sound runs, {len(proof.false_alarms)} false alarms; {proof.seconds:.0f} s",
        *(f"missed: {row.fault.name} ({row.fault.story}): {row.why_missed}" for row in proof.rows if row.why_missed),
        *(f"false alarm: {alarm}" for alarm in proof.false_alarms),
    ]
