"""This file is for reading an exposition of metrics strictly, piece by piece: what is wrong with it stands at its line.

It reads the Prometheus text format 0.0.4 and OpenMetrics 1.0. No sentence holds a label's value: it may be a person's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from probes.exposition_family import OPENMETRICS_TYPES, TEXT_TYPES, Family, sample_names
from probes.exposition_line import Exemplar, LineTrouble, Said, Sample, read_said, read_sample

__all__ = ["Exemplar", "Exposition", "Family", "Mistake", "Reader", "Sample", "read"]

PIECE_BYTES = 64 * 1024
LONGEST_LINE = 256 * 1024
_MISTAKES_KEPT = 20
_FAMILIES_AT_MOST = 100_000
_SAMPLES_AT_MOST = 3_000_000
_KEPT_AT_MOST = 50_000  # samples that are kept though nobody asked for them by name
_WANTED_AT_MOST = 200_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and in which line, counted from 1."""

    line: int
    say: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.say}"


@dataclass(slots=True)
class Exposition:
    """What an exposition says. Families stand under their own names, which in OpenMetrics have no `_total`."""

    openmetrics: bool
    families: dict[str, Family] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)  # the first of them
    mistakes_total: int = 0
    lines: int = 0
    samples_total: int = 0
    all_kept: bool = True  # false: there were too many samples to keep those that nobody asked for

    def family(self, name: str) -> Family | None:
        """Return the family of a name as the text format has it: of a counter `x_total` also OpenMetrics' `x`."""
        found = self.families.get(name)
        if found is None and self.openmetrics and name.endswith("_total"):
            found = self.families.get(name.removesuffix("_total"))
            return found if found is not None and found.type == "counter" else None
        if found is None and self.openmetrics and name.endswith("_info"):
            return self.families.get(name.removesuffix("_info"))
        return found

    def owner(self, name: str) -> Family | None:
        """Return the family to which samples of that name belong."""
        found = self.family(name)
        if found is not None:
            return found
        heads = (
            name.removesuffix(end) for end in ("_bucket", "_sum", "_count", "_created", "_gcount", "_gsum") if name.endswith(end)
        )
        return next((self.families[head] for head in heads if head in self.families), None)

    def samples(self) -> Iterator[tuple[Family, Sample]]:
        """Yield all samples that were kept."""
        for family in self.families.values():
            for sample in family.samples:
                yield family, sample


def read(body: bytes, *, openmetrics: bool = False) -> Exposition:
    """Read an exposition at one go."""
    reader = Reader(openmetrics=openmetrics)
    for start in range(0, len(body), PIECE_BYTES):
        reader.feed(body[start : start + PIECE_BYTES])
    return reader.close()


class Reader:
    """Feed it bytes, then `close`. `keep` says of which families the samples are wanted; `watch` sees every sample."""

    def __init__(
        self,
        *,
        openmetrics: bool,
        keep: Callable[[str], bool] = lambda family: False,
        watch: Callable[[Family, Sample], None] | None = None,
    ) -> None:
        self._made = Exposition(openmetrics)
        self._openmetrics = openmetrics
        self._keep = keep
        self._watch = watch
        self._types = OPENMETRICS_TYPES if openmetrics else TEXT_TYPES
        self._tail = b""
        self._current: Family | None = None
        self._owners: dict[str, Family] = {}  # sample name -> family
        self._ended = False  # by `# EOF`
        self._stopped = False  # by something after which nothing can be said
        self._scattered: set[str] = set()
        self._kept = self._wanted = 0
        self._keeps = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; a line may be broken anywhere."""
        data = self._tail + piece if self._tail else piece
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if self._stopped:
            self._tail = b""
            return
        if end:
            self._lines(data[: end - 1])
        if len(self._tail) > LONGEST_LINE and not self._stopped:
            self._stop(self._made.lines + 1, f"the line is longer than {LONGEST_LINE // 1024} KiB")

    def close(self) -> Exposition:
        """Say what is missing at the end, and return what was read."""
        if self._tail and not self._stopped:
            self._lines(self._tail)
            self._blame(self._made.lines, "the last line does not end with a line feed: it may be cut off")
        if self._current is not None:
            self._current.close(self._blame)
        if self._openmetrics and not self._ended and not self._stopped:
            self._blame(max(self._made.lines, 1), "the exposition does not end with '# EOF': it may be cut off")
        self._made.mistakes.sort(key=lambda one: one.line)
        return self._made

    def _lines(self, block: bytes) -> None:
        try:
            lines = block.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            lines = self._decoded(block)
        for line in lines:
            if self._stopped:
                return
            self._made.lines += 1
            try:
                self._line(line)
            except LineTrouble as problem:
                self._blame(self._made.lines, str(problem))

    def _decoded(self, block: bytes) -> list[str]:
        lines = []
        for place, raw in enumerate(block.split(b"\n"), self._made.lines + 1):
            try:
                lines.append(raw.decode("utf-8"))
            except UnicodeDecodeError as problem:
                self._blame(place, f"byte {problem.start + 1} of the line is not UTF-8")
                lines.append(raw.decode("utf-8", "replace"))
        return lines

    def _line(self, line: str) -> None:
        if self._ended:
            self._stop(self._made.lines, "there is something after '# EOF'")
        elif line.startswith("#"):
            if self._openmetrics and line == "# EOF":
                self._ended = True
                return
            said = read_said(line, openmetrics=self._openmetrics)
            if said is not None:
                self._tell(said)
        elif line.strip():
            self._sample(read_sample(line, self._made.lines, openmetrics=self._openmetrics))
        elif self._openmetrics:
            raise LineTrouble("OpenMetrics has no empty lines")

    def _tell(self, said: Said) -> None:
        at, family = self._made.lines, self._made.families.get(said.family)
        if family is None:
            family = self._open(said.family)
        elif family is not self._current:
            raise LineTrouble(f"{said.what} of {said.family} comes again after another family ({_first(family)})")
        if said.what == "TYPE" and family.type:
            raise LineTrouble(f"{said.family} has a second TYPE")
        if (said.what == "HELP" and family.help is not None) or (said.what == "UNIT" and family.unit):
            raise LineTrouble(f"{said.family} has a second {said.what}")
        if family.count:
            raise LineTrouble(f"{said.what} of {said.family} stands after its samples (line {family.line})")
        if said.what == "HELP":
            family.help = said.text
        elif said.what == "UNIT":
            self._unit(family, said.text)
        else:
            self._type(family, said.text, at)

    def _unit(self, family: Family, unit: str) -> None:
        family.unit = unit
        if unit and not family.name.endswith(f"_{unit}"):
            raise LineTrouble(f"{family.name} has the unit {unit[:40]}, but its name does not end with _{unit[:40]}")

    def _type(self, family: Family, kind: str, at: int) -> None:
        if kind not in self._types:
            raise LineTrouble(f"{family.name} has the type '{kind[:40]}', which is none of {', '.join(self._types)}")
        family.type = kind
        for name in sample_names(family.name, kind, openmetrics=self._openmetrics):
            other = self._owners.setdefault(name, family)
            if other is not family and not other.type:
                raise LineTrouble(f"TYPE of {family.name} stands after its samples ({name} in line {other.line})")
            if other is not family:
                raise LineTrouble(f"samples called {name} would belong to {family.name} and to {other.name}")

    def _open(self, name: str) -> Family:
        if len(self._made.families) >= _FAMILIES_AT_MOST:
            self._stop(self._made.lines, f"there are more than {_FAMILIES_AT_MOST} families")
        if self._current is not None:
            self._current.close(self._blame)
        self._current = self._made.families[name] = Family(name, self._made.lines, self._openmetrics)
        self._keeps = self._keep(name) or (self._openmetrics and (self._keep(f"{name}_total") or self._keep(f"{name}_info")))
        return self._current

    def _sample(self, sample: Sample) -> None:
        family = self._current
        owner = self._owners.get(sample.name)
        if owner is None:
            owner = self._implied(sample)
            family = self._current
        if owner is not family:
            if owner.name not in self._scattered:
                self._scattered.add(owner.name)
                after = family.name if family is not None else "other families"
                self._blame(
                    sample.line, f"{sample.shape} stands after {after}, apart from the rest of {owner.name} ({_first(owner)})"
                )
            return
        self._made.samples_total += 1
        if self._made.samples_total > _SAMPLES_AT_MOST:
            self._stop(sample.line, f"there are more than {_SAMPLES_AT_MOST} samples")
            return
        owner.add(sample, self._blame)
        if self._watch is not None:
            self._watch(owner, sample)
        self._remember(owner, sample)

    def _implied(self, sample: Sample) -> Family:
        """Return the family of a sample of which no TYPE was given: it has the sample's own name."""
        family = self._made.families.get(sample.name)
        if family is not None and family.type:
            wanted = " or ".join(family.names)
            raise LineTrouble(f"{family.name} is a {family.type}, so that a sample is called {wanted}, not {sample.name}")
        if family is None:
            family = self._open(sample.name)
        self._owners[sample.name] = family
        return family

    def _remember(self, family: Family, sample: Sample) -> None:
        if self._keeps and self._wanted < _WANTED_AT_MOST:
            self._wanted += 1
            family.samples.append(sample)
        elif self._kept < _KEPT_AT_MOST and not self._keeps:
            self._kept += 1
            family.samples.append(sample)
        else:
            self._made.all_kept = False

    def _blame(self, line: int, say: str) -> None:
        self._made.mistakes_total += 1
        if len(self._made.mistakes) < _MISTAKES_KEPT:
            self._made.mistakes.append(Mistake(line, say))

    def _stop(self, line: int, say: str) -> None:
        self._stopped = True
        self._tail = b""
        self._blame(line, say)


def _first(family: Family) -> str:
    return f"first in line {family.line}"
