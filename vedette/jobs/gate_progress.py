"""This file is for what a gate shows while it goes: a picture that is drawn again on a terminal, and lines everywhere else."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from reports.judgement.gate import Decision, Verb
from scenarios.gates.policy import Policy, Stage
from scenarios.gates.records import Record, StageBegan
from vedette.cli.service_client import laid_out, one_line

EVERY_S = 15.0  # between two lines that only tell of more rounds
_BAR = 12  # columns


class Progress:
    """Tells on standard error how a walk goes. Warnings and triggers that are seen are told at once."""

    def __init__(self, policy: Policy, path: Sequence[int], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._policy, self._path, self._monotonic = policy, path, monotonic
        self._draws = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = 0  # lines that stand on the terminal
        self._told_at = -math.inf
        self._told: set[str] = set()

    def begins(self, evidence: Path, scenarios: Sequence[object], policy: Policy) -> None:
        """Tell what is about to be judged."""
        stages = ", ".join(f"{policy.stages[place].weight:g}" for place in self._path)
        shadow = "; shadow mode: nobody is bound" if policy.shadow else ""
        self._say(
            f"{policy.service}: version {one_line(policy.canary.version)} against {one_line(policy.baseline.version)},"
            f" at {stages} %; {_many(len(scenarios), 'scenario')} every {policy.every:g} s{shadow}"
        )
        self._say(f"evidence: {evidence}")

    def goes_on(self, evidence: Path, now: Decision) -> None:
        """Tell where an earlier walk had come to."""
        self._say(f"goes on with {evidence}: {_many(now.rounds_all, 'round')} of evidence until now")

    def advances(self, stage: Stage) -> None:
        """Tell that the traffic is being moved."""
        self._say(f"{_named(stage)}: moving the traffic to {stage.weight:g} %")

    def saw(self, record: Record, now: Decision) -> None:
        """Tell what a record changed."""
        news = [(one, f"warning: {one}") for one in now.warnings]
        for trigger in now.triggers:
            if trigger.state in ("watched", "fired"):
                news.append((f"{trigger.id} {trigger.state}", f"trigger '{trigger.id}' {trigger.state}: {trigger.say}"))
        for key, line in news:
            if key not in self._told:
                self._told.add(key)
                self._say(line)
        if now.stage < 0:
            return
        stage, is_decided = self._policy.stages[now.stage], now.verb is not Verb.HOLD
        if self._draws and not is_decided:
            self._draw(picture(now, stage, self._path))
            return
        due = self._monotonic() - self._told_at >= EVERY_S
        if due or isinstance(record, StageBegan) or is_decided:
            self._told_at = self._monotonic()
            self._say(line_of(now, stage))

    def close(self) -> None:
        """Leave the terminal as it is to be."""
        self._draw([])

    def _say(self, line: str) -> None:
        self._draw([])
        sys.stderr.write(f"{one_line(line)}\n")
        sys.stderr.flush()

    def _draw(self, lines: Sequence[str]) -> None:
        """Draw these lines over those that stand there."""
        if not self._draws or not (lines or self._drawn):
            return
        width = shutil.get_terminal_size().columns
        text = f"\x1b[{self._drawn}A\x1b[J" if self._drawn else ""
        sys.stderr.write(text + "".join(f"{laid_out(line)[: width - 1]}\n" for line in lines))
        sys.stderr.flush()
        self._drawn = len(lines)


def line_of(now: Decision, stage: Stage) -> str:
    """Return how a stage stands in one line."""
    figures = f"E {short(now.e)} of {short(now.e_threshold)}{_k(now)}"
    return f"{_named(stage)}: {rounds_of(now)}; {now.verb.value}: {now.reason} ({figures})"


def picture(now: Decision, stage: Stage, path: Sequence[int]) -> list[str]:
    """Return how a stage stands in a few lines, for a terminal."""
    place = f" ({path.index(now.stage) + 1} of {len(path)})" if now.stage in path else ""
    wanted = now.rounds_expected or now.max_rounds
    lines = [
        f"{_named(stage)}{place}  {bar(now.rounds / wanted if wanted else 0)}  {rounds_of(now)}",
        f"  against the canary  {bar(share(now.e, now.e_threshold))}  E {short(now.e)}, {short(now.e_threshold)} rolls back",
    ]
    if now.margin is not None:
        lines.append(
            f"  for its promotion   {bar(share(now.k, now.k_threshold))}  K {short(now.k)}, {short(now.k_threshold)} shows it"
        )
    if now.triggers:
        lines.append("  triggers  " + "  ".join(f"{one.id}: {_trigger(one.state, one.armed_rounds)}" for one in now.triggers))
    return [*lines, f"  {now.verb.value}: {now.reason}"]


def rounds_of(now: Decision) -> str:
    """Return how many rounds there are, of how many."""
    about = f" of about {now.rounds_expected}" if now.rounds_expected else ""
    failed = f", {now.canary_failed} failed on the canary and {now.baseline_failed} on the baseline"
    lost = f", {now.no_evidence} were no evidence" if now.no_evidence else ""
    return f"{now.rounds}{about} rounds{failed if now.canary_failed or now.baseline_failed else ''}{lost}"


def share(value: float, threshold: float) -> float:
    """Return how far evidence has come on its way to a threshold: it multiplies, so its logarithm is the way."""
    return math.log(value) / math.log(threshold) if value > 1 and threshold > 1 else 0.0


def bar(part: float) -> str:
    """Return a part of one as a bar."""
    full = round(_BAR * min(1.0, max(0.0, part)))
    return "[" + "#" * full + "." * (_BAR - full) + "]"


def short(value: float) -> str:
    """Return a number with so many digits as a person reads."""
    return f"{value:.3g}"


def _k(now: Decision) -> str:
    return f", K {short(now.k)} of {short(now.k_threshold)}" if now.margin is not None else ""


def _trigger(state: str, armed: int) -> str:
    return f"clear, armed in {_many(armed, 'round')}" if state == "clear" else state


def _named(stage: Stage) -> str:
    weight = f"{stage.weight:g} %"
    return weight if stage.name in ("", weight) else f"{stage.name} ({weight})"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
