"""This file is for judging log lines: where planted values stand in them, and what other personal data does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html.entities import html5
from itertools import accumulate
from urllib.parse import quote

from probes.encodings import Finder, Form, Hit
from probes.evidence.source import LogLine, PlainLines
from probes.log_batches import Batch, batches
from probes.pii import Finding, find, line_sieve
from probes.planting import Planted
from probes.sieve import WRITTEN_LINE_END, ValueSieve

_ENTITIES = {sign: name for name, sign in sorted(html5.items()) if name.endswith(";")}
_TAIL = 4 * 1024  # characters of the lines before that are looked at again; no form of a value is longer
_KEPT = 1000  # leaks that are kept; who has more of them knows enough


@dataclass(frozen=True, slots=True)
class Leak:
    """One place at which personal data stands in the logs. It never holds the data."""

    kind: str
    form: str
    line: LogLine

    @property
    def place(self) -> str:
        number = f" line {self.line.number}" if self.line.number else ""
        return f"{self.line.where}{number}"


def counted(leaks: Sequence[Leak], lines: int) -> str:
    """Return in how many places of how many lines something stands."""
    return f"{len(leaks)} place{'s' * (len(leaks) != 1)} in {lines} line{'s' * (lines != 1)}"


def first_place(leaks: Sequence[Leak]) -> str:
    """Return where to look first, and how many more places there are."""
    return leaks[0].place + (f" and {len(leaks) - 1} more" if len(leaks) > 1 else "")


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found: planted values, and other personal data."""

    planted: tuple[Leak, ...]
    others: tuple[Leak, ...]
    left_out: int = 0  # places beyond those that are kept


def scan(
    lines: Sequence[LogLine],
    planted: Sequence[Planted],
    detectors: Sequence[str] = (),
    allowed: Callable[[str], bool] = lambda found: False,
) -> Scan:
    """Look for planted values in every form, and let the detectors look for others. `allowed` clears what they find."""
    scanner = Scanner(planted, detectors, allowed)
    scanner.feed(lines)
    return scanner.result()


class Scanner:
    """Scans lines as they come, in memory that does not grow with them.

    A sieve passes over what cannot hold anything, at the speed at which memory is read; what it does not pass over is
    looked at closely, with the lines before it, as a value may be broken over two.
    """

    def __init__(
        self,
        planted: Sequence[Planted],
        detectors: Sequence[str] = (),
        allowed: Callable[[str], bool] = lambda found: False,
    ) -> None:
        self._finder = Finder(((value, item.kind) for item in planted for value in item.sought), hashes=True)
        self._sieve = ValueSieve(self._finder.forms)
        self._detectors = tuple(detectors)
        self._line_sieve = line_sieve(detectors)
        self._allowed = allowed
        self._leaks: dict[tuple[str, str, str, int], Leak] = {}
        self._others: list[Leak] = []
        self._sources: dict[str, _Source] = {}
        self._left_out = 0

    def feed(self, lines: Sequence[LogLine]) -> None:
        """Take the next lines; those of one source are in their order."""
        for group in [lines] if isinstance(lines, PlainLines) else _by_source(lines):
            source = self._sources.setdefault(group[0].where, _Source())
            for batch in batches(group):
                self._look(source, batch)

    def result(self) -> Scan:
        return Scan(tuple(self._leaks.values()), tuple(self._others), self._left_out)

    def _look(self, source: _Source, batch: Batch) -> None:
        known: dict[int, list[tuple[int, int]]] = {}
        if batch.is_odd or source.is_odd or self._sieve.may_hold(f"{source.text}\n{batch.text}"):
            looked_at = [*source.tail, *batch.lines()]
            for index, start, end, hit in _hits(self._finder, looked_at):
                known.setdefault(index - len(source.tail), []).append((start, end))
                self._keep(source.number_of(index), Leak(hit.label, hit.form.value, _shortened(looked_at[index])))
        if self._detectors:
            self._detect(batch, known)
        source.went_on(batch)

    def _keep(self, number: int, leak: Leak) -> None:
        key = (leak.kind, leak.form, leak.line.where, number)
        if key in self._leaks or len(self._leaks) < _KEPT:
            self._leaks.setdefault(key, leak)
        else:
            self._left_out += 1

    def _detect(self, batch: Batch, known: dict[int, list[tuple[int, int]]]) -> None:
        if batch.is_odd:
            for number, line in enumerate(batch.lines()):
                self._judge(find(line.text, self._detectors), known.get(number, ()), line)
            return
        for start, end, detectors in self._line_sieve.lines(batch.text):
            findings = find(batch.text[start:end], [name for name in self._detectors if name in detectors])
            if findings:
                number = batch.text.count("\n", 0, start)
                self._judge(findings, known.get(number, ()), batch.lines()[number])

    def _judge(self, findings: Sequence[Finding], known: Sequence[tuple[int, int]], line: LogLine) -> None:
        for found in findings:
            new = all(found.end <= start or found.start >= end for start, end in known)
            if not new or self._allowed(line.text[found.start : found.end]):
                continue
            if len(self._others) < _KEPT:
                self._others.append(Leak(found.detector, Form.RAW.value, _shortened(line)))
            else:
                self._left_out += 1


class _Source:
    """How far one source was read: its last lines, which the next batch is looked at with, and the number of their first."""

    def __init__(self) -> None:
        self.tail: list[LogLine] = []
        self._first = 0

    def number_of(self, index: int) -> int:
        return self._first + index

    @property
    def text(self) -> str:
        return "\n".join([line.text for line in self.tail])

    @property
    def is_odd(self) -> bool:
        return any("\n" in line.text for line in self.tail)

    def went_on(self, batch: Batch) -> None:
        new = batch.last_lines(_TAIL)
        old, size = len(self.tail), sum(len(line.text) + 1 for line in new)
        while old > 0 and size < _TAIL:
            old -= 1
            size += len(self.tail[old].text) + 1
        self._first += old + batch.count - len(new)
        self.tail = [*self.tail[old:], *new]


def _by_source(lines: Sequence[LogLine]) -> list[list[LogLine]]:
    """What was read in turns stands together again, for values that are broken over two lines."""
    groups: dict[str, list[LogLine]] = {}
    for line in lines:
        groups.setdefault(line.where, []).append(line)
    return list(groups.values())


def _shortened(line: LogLine) -> LogLine:
    """Return a line to be kept: its beginning and its end, by which it is known whose it is."""
    text = line.text
    return line if len(text) <= 2 * _TAIL else line._replace(text=f"{text[:_TAIL]}\n{text[-_TAIL:]}")


def _hits(finder: Finder, lines: Sequence[LogLine]) -> Iterator[tuple[int, int, int, Hit]]:
    """Yield line index, start and end in that line, and the hit; then what only shows when line ends are taken out."""
    seen: set[tuple[str, int]] = set()
    starts, text = _joined([line.text for line in lines], "\n")
    for hit in finder.find(text):
        index = bisect_right(starts, hit.start) - 1
        seen.add((hit.label, index))
        yield index, hit.start - starts[index], hit.end - starts[index], hit
    starts, text = _joined([WRITTEN_LINE_END.sub("", line.text.strip()) for line in lines], "")
    for hit in finder.find(text):
        index = bisect_right(starts, hit.start) - 1
        last = bisect_right(starts, hit.end - 1) - 1
        if not seen & {(hit.label, index), (hit.label, last)}:
            form = Form.HASHED if hit.form is Form.HASHED else Form.WRAPPED
            yield index, 0, 0, Hit(hit.start, hit.end, hit.label, form)


def _joined(texts: Sequence[str], between: str) -> tuple[list[int], str]:
    starts = [0, *accumulate(len(text) + len(between) for text in texts[:-1])]
    return starts, between.join(texts)


def blind_spots(planted: Sequence[Planted], detectors: Sequence[str]) -> list[str]:
    """Return what the scan overlooks in lines made for it: kinds with forms, and detectors. Nothing, if it is sound."""
    missed = []
    for item in planted:
        # Each specimen is a source of its own, so that one search, which is dear to make, looks at them one by one.
        made = [(form, _source_of(texts, f"specimen {place}")) for place, (form, texts) in enumerate(specimens(item))]
        found = {leak.line.where for leak in scan([line for _, lines in made for line in lines], [item]).planted}
        missed += [f"{item.kind} {form}" for form, lines in made if lines[0].where not in found]
    for name in detectors:
        if [leak.kind for leak in scan([LogLine(_OTHERS[name], "specimen", 1)], [], [name]).others] != [name]:
            missed.append(f"any {name}")
    return missed


def _source_of(texts: Sequence[str], where: str) -> list[LogLine]:
    return [LogLine(text, where, number) for number, text in enumerate(texts, start=1)]


def specimens(item: Planted) -> Iterator[tuple[Form, list[str]]]:
    """Yield log lines that hold the value, for each form. They are encoded by the standard library, not by what is tried."""
    value, half = item.value, len(item.value) // 2
    yield Form.RAW, [f"handled {value} well"]
    yield Form.CASE, [f"handled {value.swapcase()} well"]
    yield Form.URL, [f"GET /find?q={quote(value, safe='')}&page=1"]
    yield Form.URL_TWICE, [f"next=%2Ffind%3Fq%3D{quote(quote(value, safe=''), safe='')}"]
    yield Form.HTML, ["<b>" + "".join(f"&#{ord(sign)};" for sign in value) + "</b>"]
    yield Form.HTML, ["<b>" + "".join(f"&#x{ord(sign):X};" for sign in value) + "</b>"]
    yield Form.HTML, ["<b>" + "".join(f"&{_ENTITIES[sign]}" if sign in _ENTITIES else sign for sign in value) + "</b>"]
    yield Form.JSON, ['{"value":"' + "".join(f"\\u{ord(sign):04x}" for sign in value) + '"}']
    for shift in ("", "a", "ab"):
        text = json.dumps({f"{shift}value": value}).encode()
        yield Form.BASE64, [f"body={base64.b64encode(text).decode()}"]
        yield Form.BASE64, [f"body={base64.urlsafe_b64encode(text).decode()}"]
    yield Form.HEX, [f"body={value.encode().hex()}"]
    yield Form.HEX, [f"body={value.encode().hex().upper()}"]
    yield Form.REVERSED, [f"handled {value[::-1]} well"]
    yield Form.WRAPPED, [f"handled {value[:half]}", f"{value[half:]} well"]
    yield Form.HASHED, [f"user={hashlib.sha256(value.encode()).hexdigest()}"]
    if item.kind in ("phone", "iban", "card"):
        yield Form.REGROUPED, ["call " + " ".join(re.findall("..?.?.?", value))]
        yield Form.REGROUPED, ["call " + "-".join(re.findall("..?", value))]


# One line for each detector. Numbers are the registries' and providers' own examples.
_OTHERS = {
    "email": "to somebody@example.org now",
    "phone": "to +493023125000 now",
    "iban": "to DE89 3704 0044 0532 0130 00 now",
    "card": "to 4111 1111 1111 1111 now",
    "bearer": "Authorization: Bearer abc123def456",
    "jwt": "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "password": "login password=hunter2hunter2",
    "connection": "at postgres://app:hunter2@db.example/app",
}
