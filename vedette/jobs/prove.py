"""This file is for turning the proof law on ourselves: every named fault must be caught, and a sound target never accused."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.outcome import Check, Outcome, Verdict
from vedette.reference.fault import Fault
from vedette.reference.faults import FAULTS, named
from vedette.reference.system import System, find_system, system_names

if TYPE_CHECKING:
    from scenarios.model import Suite

RUN_DEADLINE_S = 60.0  # one run of a suite; a sound one takes a few seconds
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
    covers: tuple[str, ...] = ()  # statements of the suite

    @classmethod
    def of(cls, outcome: Outcome, covers: tuple[str, ...] = ()) -> Seen:
        troubles = tuple(_trouble(c) for c in outcome.checks if c.verdict not in (Verdict.PASS, Verdict.SKIPPED))
        return cls(outcome.subject.scenario, outcome.subject.kind, outcome.verdict, outcome.sentence, troubles, covers)

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
        """Return the worst that the owning kind said, in a scenario that covers what the fault breaks."""
        return min((s for s in self.seen if _owns(s, self.fault)), key=lambda s: s.verdict.rank, default=None)

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
    """What came of all the runs. `sound_runs` is how often each suite was run against each of its sound targets."""

    rows: tuple[Row, ...]
    sound_runs: int
    false_alarms: tuple[str, ...]
    seconds: float
    left_out: tuple[str, ...] = ()  # systems that cannot run here, and why

    @property
    def missed(self) -> tuple[str, ...]:
        return tuple(row.fault.name for row in self.rows if row.why_missed)

    @property
    def vacuous_passes(self) -> tuple[str, ...]:
        return tuple(row.fault.name for row in self.rows if row.passed_vacuously)

    @property
    def refuted(self) -> bool:
        return bool(self.missed or self.vacuous_passes or self.false_alarms)

    @property
    def holds(self) -> bool:
        """Return whether every fault was caught and no sound target accused. Nothing tried proves nothing, nor half of it."""
        return bool(self.rows or self.sound_runs) and not self.refuted and not self.left_out

    def to_json(self) -> dict[str, Any]:
        return {
            "faults": len(self.rows),
            "caught": len(self.rows) - len(self.missed),
            "missed": list(self.missed),
            "vacuous_passes": list(self.vacuous_passes),
            "sound_runs": self.sound_runs,
            "false_alarms": list(self.false_alarms),
            "left_out": list(self.left_out),
            "seconds": round(self.seconds, 1),
            "matrix": {row.fault.name: row.verdicts() for row in self.rows},
            "sentences": {row.fault.name: row.owner.sentence if row.owner else "" for row in self.rows},
        }

    def render(self) -> str:
        """Return the matrix for a terminal, then what was missed and why."""
        systems = dict.fromkeys(row.fault.system for row in self.rows)
        matrices = [line for name in systems for line in (*_matrix([r for r in self.rows if r.fault.system == name]), "")]
        return "\n".join([*matrices, *_summary(self)])


async def prove(
    *,
    faults: Iterable[str] | None = None,
    systems: Iterable[str] | None = None,
    sound_runs: int = 20,
    jobs: int = 4,
    whole: bool = False,
    progress: Progress | None = None,
) -> Proof:
    """Run each system's suite `sound_runs` times against the sound system, and once against each fault (default: all).

    Each run has a system, a folder and a process to itself, at most `jobs` at a time, bounded in time. With `faults`,
    only their systems are run. A fault is put to the scenarios that have to catch it; with `whole`, to all of the suite.
    Raises: ValueError for a fault or a system that nobody knows.
    """
    chosen = [named(name) for name in (FAULTS if faults is None else faults)]
    wanted = list(systems or dict.fromkeys(f.system for f in chosen) if faults is not None else systems or system_names())
    wanted = [find_system(name).name for name in wanted]
    lacking = {name: why for name in wanted if (why := find_system(name).missing())}
    ready = [name for name in wanted if name not in lacking]
    chosen = [fault for fault in chosen if fault.system in ready]
    sound = [(name, target) for _ in range(sound_runs) for name in ready for target in find_system(name).targets]
    told = progress or (lambda text: None)
    began = time.perf_counter()
    workers = max(1, min(jobs, len(chosen) + len(sound)))
    # spawned, not forked: a fork would share the parent's event loop and whatever its threads hold
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()

        async def ask(system: str, target: str, fault: str, turn: asyncio.Semaphore) -> list[Seen]:
            async with turn:
                return await loop.run_in_executor(pool, run_once, system, target, fault, whole)

        async def ask_sound(number: int, system: str, target: str) -> list[str]:
            alarms = false_alarms(f"sound run {number} of {system} in {target}", await ask(system, target, "", calm), target)
            for alarm in alarms:
                told(alarm)
            return alarms

        async def ask_broken(fault: Fault) -> Row:
            target = fault.target or find_system(fault.system).targets[0]
            row = judge_fault(fault, await ask(fault.system, target, fault.name, busy))
            told(f"{fault.name}: " + (f"MISSED, {row.why_missed}" if row.why_missed else "caught"))
            return row

        # Some promises are about time: a sound target is not made to wait for a processor, or it breaks them.
        calm, busy = asyncio.Semaphore(max(1, min(workers, os.cpu_count() or 1))), asyncio.Semaphore(workers)
        try:
            alarms = await asyncio.gather(*[ask_sound(n, *pair) for n, pair in enumerate(sound, 1)])
            rows = await asyncio.gather(*[ask_broken(fault) for fault in chosen])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    left_out = tuple(f"{name} (needs {why})" for name, why in lacking.items())
    return Proof(tuple(rows), sound_runs, tuple(a for one in alarms for a in one), time.perf_counter() - began, left_out)


def judge_fault(fault: Fault, seen: Sequence[Seen]) -> Row:
    """Return the fault's row: caught only if its owner says the right word for the right reason."""
    row = Row(fault, tuple(seen), "")
    owner = row.owner
    if owner is None:
        covering = f" that covers {', '.join(fault.breaks)}" if fault.breaks else ""
        return Row(fault, row.seen, f"no scenario of kind {fault.owner}{covering} was run")
    if owner.verdict not in fault.expected:
        expected = " or ".join(sorted(fault.expected))
        return Row(fault, row.seen, f"{fault.owner} said {owner.verdict}, not {expected}: {owner.sentence}")
    if not owner.says(fault.hint):
        return Row(fault, row.seen, f"{fault.owner} does not name the cause ({', '.join(fault.hint)}): {owner.sentence}")
    return row


def _owns(seen: Seen, fault: Fault) -> bool:
    return seen.kind == fault.owner and set(fault.breaks) <= set(seen.covers)


def false_alarms(run: str, seen: Sequence[Seen], target: str = "") -> list[str]:
    """Return a sentence for all that did not pass on a sound target; a run in which nothing passed is one too.

    In production nothing is granted, so there a scenario that is not permitted may be skipped, and says so. A heartbeat
    is reported to a service and never asked for.
    """
    alarms = [f"{run}: {s.scenario}: {s.verdict}: {s.sentence}" for s in seen if not _is_fine(s, target)]
    return alarms if any(s.verdict is Verdict.PASS for s in seen) or alarms else [f"{run}: nothing was asked"]


def _is_fine(seen: Seen, target: str) -> bool:
    may_be_skipped = target == "production" or seen.kind == "heartbeat"
    return seen.verdict is Verdict.PASS or (seen.verdict is Verdict.SKIPPED and may_be_skipped and bool(seen.sentence))


def run_once(system: str, target: str, fault: str = "", whole: bool = False) -> list[Seen]:
    """Run a system's suite once against a system of its own, sound or with a fault. Called in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="vedette-prove-") as folder:
        return asyncio.run(_run(Path(folder), find_system(system), target, named(fault) if fault else None, whole))


async def _run(folder: Path, system: type[System], target: str, fault: Fault | None, whole: bool) -> list[Seen]:
    from probes.undo import Journal
    from scenarios.loader import load_suite
    from scenarios.runner import run

    async with system([fault.asked_for] if fault else [], folder=folder).running() as variables:
        suite = load_suite(system.suite, target=target, environ={**os.environ, **variables})
        if fault is not None and not whole:
            suite = _narrowed(suite, fault)
        result = await run(suite, target, journal=Journal(folder / "undo"), run_deadline_s=RUN_DEADLINE_S)
    covers = {scenario.name: scenario.covers for scenario in suite.scenarios}
    return [Seen.of(outcome, covers.get(outcome.subject.scenario, ())) for outcome in result.outcomes]


def _narrowed(suite: Suite, fault: Fault) -> Suite:
    """Return the suite with only the scenarios that have to catch the fault, and those that they need."""
    wanted = {s.name for s in suite.scenarios if s.kind == fault.owner and set(fault.breaks) <= set(s.covers)}
    left = list(wanted)
    while left:
        scenario = suite.scenario(left.pop())
        new = set(scenario.needs if scenario is not None else ()) - wanted
        wanted |= new
        left += new
    return suite.model_copy(update={"scenarios": tuple(s for s in suite.scenarios if s.name in wanted)})


def _trouble(made: Check) -> str:
    return f"{made.name}: {made.say}"


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
        *(f"left out: {reason}" for reason in proof.left_out),
    ]
