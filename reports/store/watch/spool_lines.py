"""This file is for lines of watching as JSON, one a line, as the spool's files hold them.

The first line of a file is `["vedette-ticks", 1, life]`. Then, each an array with a letter in front:

- `s`: a series gets a number in this file: number, its key, its subject (null where only missed ticks told of it)
- `t`: a tick: seq, series, started_us, verdict, flags, lateness_us, duration_us, phases, version, sentence,
  maintenance, certificate_us, outcome_id, the whole outcome or null
- `m`: missed ticks: seq, series, first_us, ticks
- `r`: retired series: seq, their keys, at
- `b`: the run that outcomes belong to: seq, the run
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from probes.outcome import Subject, from_json, to_json
from reports.store.lines import dump_json, run_info, run_json, subject, subject_json
from reports.store.watch.lines import Line, MissedLine, RetiredLine, RunLine, TickLine
from scenarios.watch.events import SeriesKey

_NAME, _VERSION = "vedette-ticks", 1


class Encoder:
    """Writes the lines of one file; it numbers the series as they come."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[SeriesKey, Subject | None], int] = {}

    @staticmethod
    def head(life: str) -> bytes:
        """Return the first line of a file."""
        return _bytes([_NAME, _VERSION, life])

    def encode(self, lines: Sequence[Line], *, why: str = "") -> bytes:
        """Return lines as bytes; with `why`, a remark is put before them, which reading skips."""
        made: list[bytes] = [_bytes(["why", why])] if why else []
        for line in lines:
            made += self._encoded(line)
        return b"".join(made)

    def _encoded(self, line: Line) -> list[bytes]:
        if isinstance(line, TickLine):
            before, number = self._number(line.key, line.subject)
            whole = None if line.outcome is None else to_json(line.outcome)
            return [*before, _bytes(["t", line.seq, number, *line[3:-1], whole])]
        if isinstance(line, MissedLine):
            before, number = self._number(line.key, None)
            return [*before, _bytes(["m", line.seq, number, line.first_us, line.ticks])]
        if isinstance(line, RetiredLine):
            return [_bytes(["r", line.seq, line.keys, line.at.isoformat()])]
        return [_bytes(["b", line.seq, run_json(line.run)])]

    def _number(self, key: SeriesKey, about: Subject | None) -> tuple[list[bytes], int]:
        number = self._numbers.get((key, about))
        if number is not None:
            return [], number
        number = self._numbers[key, about] = len(self._numbers)
        return [_bytes(["s", number, key, None if about is None else subject_json(about)])], number


class Decoder:
    """Reads one file again. A last line that was cut off was never acknowledged and is left out in silence."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._series: dict[int, tuple[SeriesKey, Subject | None]] = {}
        self.life = ""
        self.damaged = 0  # whole lines that are no lines of ours

    def lines(self) -> list[Line]:
        """Return the lines in their order. Raises: OSError."""
        made: list[Line] = []
        *whole, _cut = self._path.read_bytes().split(b"\n")
        for raw in whole:
            try:
                line = self._decoded(json.loads(raw))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError):
                self.damaged += 1
                continue
            if line is not None:
                made.append(line)
        return made

    def _decoded(self, data: Any) -> Line | None:
        kind, *rest = data
        if kind == "t":
            return self._tick(*rest)
        if kind == "m":
            seq, number, first_us, ticks = rest
            return MissedLine(seq, self._series[number][0], first_us, ticks)
        if kind == "r":
            seq, keys, at = rest
            return RetiredLine(seq, tuple(SeriesKey(*key) for key in keys), datetime.fromisoformat(at))
        if kind == "b":
            return RunLine(rest[0], run_info(rest[1]))
        if kind == "s":
            number, key, about = rest
            self._series[number] = SeriesKey(*key), None if about is None else subject(about)
        elif kind == _NAME and rest[0] == _VERSION:
            self.life = rest[1]
        else:
            raise ValueError(f"unknown kind '{kind}'")
        return None

    def _tick(self, seq: int, number: int, started_us: int, verdict: int, *rest: Any) -> TickLine:
        flags, lateness_us, duration_us, phases, version, sentence, maintenance, certificate_us, outcome_id, whole = rest
        key, about = self._series[number]
        if about is None:
            raise ValueError("a tick without a subject")
        outcome = None if whole is None else from_json(whole)
        return TickLine(
            seq, key, about, started_us, verdict, flags, lateness_us, duration_us, tuple(phases),
            version, sentence, maintenance, certificate_us, outcome_id, outcome,
        )  # fmt: skip


def _bytes(data: object) -> bytes:
    return (dump_json(data) + "\n").encode("utf-8")
