"""Count the false alarms of `log_privacy`'s detectors over logs that hold nothing personal, and what they miss beside them.

`python benchmarks/false_positives.py [--json] [--mb N] [--detectors all|default] [--seed N] [--show N]`. Harmless lines are
scanned as the probe does it; then the same lines again, with a leak in every thousandth in one of many forms. `alarms` and
`by_class` (detector and format) are of the harmless lines; `precision` is of all that was found in the second scan, `recall` of
all leaks put in. `--show` prints that many examples of each class, and of what was missed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from harmless import labelled_lines
from harmless_values import Dice
from real_leaks import leaking_line

from probes.evidence.source import LogLine
from probes.kinds.log_privacy import LogPrivacy
from probes.leaks import scan
from probes.pii import DETECTORS, find

DEFAULT = tuple(LogPrivacy.model_fields["detectors"].default)
_PIECE = 10_000  # lines that are scanned at once; a scan keeps a thousand findings, far more than a piece has
_EVERY = 1000  # lines to one leak


@dataclass(slots=True)
class Study:
    """What was counted."""

    mb: float = 0.0
    lines: int = 0
    by_class: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    put_in: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def told(self, detectors: tuple[str, ...]) -> dict[str, object]:
        alarms, true = self.by_class.total(), self.found.total()
        return {
            "mb": round(self.mb, 1),
            "lines": self.lines,
            "alarms": alarms,
            "by_class": dict(self.by_class.most_common()),
            "detectors": list(detectors),
            "leaks": self.put_in.total(),
            "leaks_found": true,
            "precision": round(true / max(1, true + alarms), 6),
            "recall": round(true / max(1, self.put_in.total()), 6),
            "recall_by_detector": {name: round(self.found[name] / count, 6) for name, count in sorted(self.put_in.items())},
        }


def study(mb: float, detectors: tuple[str, ...], seed: int) -> Study:
    """Scan so many MB of harmless lines, then the same with leaks among them."""
    made, dice = Study(), Dice(seed + 1)
    for piece in _pieces(mb, seed):
        made.lines += len(piece)
        made.mb += sum(len(line.text) + 1 for line in piece) / 1e6
        for leak in scan(piece, [], detectors).others:
            _alarm(made, leak.kind, leak.line)
        _look_for_leaks(made, piece, detectors, dice)
    return made


def _look_for_leaks(made: Study, piece: list[LogLine], detectors: tuple[str, ...], dice: Dice) -> None:
    """Put leaks between the lines, scan again, and count those that were found."""
    mixed, expected = list(piece), {}
    for at in range(0, len(mixed), _EVERY):
        kind = dice.pick(detectors)
        expected[at] = kind
        mixed[at] = LogLine(leaking_line(dice, kind), "leak", at)
    found = {(leak.line.number, leak.kind) for leak in scan(mixed, [], detectors).others if leak.line.where == "leak"}
    for at, kind in expected.items():
        made.put_in[kind] += 1
        if (at, kind) in found:
            made.found[kind] += 1
        else:
            made.examples.setdefault(f"missed {kind}", []).append(mixed[at].text)


def _alarm(made: Study, kind: str, line: LogLine) -> None:
    name = f"{kind} in {line.where}"
    made.by_class[name] += 1
    for one in find(line.text, [kind]):
        made.examples.setdefault(name, []).append(
            f"{line.text[max(0, one.start - 40) : one.start]}<<{line.text[one.start : one.end]}>>{line.text[one.end :][:30]}"
        )


def _pieces(mb: float, seed: int) -> Iterator[list[LogLine]]:
    piece: list[LogLine] = []
    size = 0
    for number, (label, text) in enumerate(labelled_lines(seed), start=1):
        piece.append(LogLine(text, label, number))
        size += len(text) + 1
        if len(piece) == _PIECE or size >= mb * 1e6:
            yield piece
            piece = []
        if size >= mb * 1e6:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--mb", type=float, default=100, help="size of the log (default: 100)")
    parser.add_argument("--detectors", choices=("all", "default"), default="default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="examples of each class to print")
    args = parser.parse_args()
    detectors = tuple(DETECTORS) if args.detectors == "all" else DEFAULT
    made = study(args.mb, detectors, args.seed)
    told = made.told(detectors)
    print(json.dumps(told) if args.json else "\n".join(f"{name}: {value}" for name, value in told.items()))
    for name, examples in sorted(made.examples.items()) if args.show else ():
        print(f"\n{name}", *examples[:: max(1, len(examples) // args.show)][: args.show], sep="\n    ")


if __name__ == "__main__":
    main()
