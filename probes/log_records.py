"""This file is for reading structured log lines: one JSON object a line, and in one clause what else a line is instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from probes.evidence.source import LogLine
from probes.operators import comparable, kind_of, shown
from probes.outcome import Json

# What a container runtime put around a line. `auto` takes off what docker and CRI write, which no program writes by
# itself; `timestamps` must be asked for, because a program that writes its own time before its JSON breaks the contract.
Wrapped = Literal["auto", "docker", "cri", "timestamps", "none"]

_PIECE = 1024 * 1024  # characters in which a source hands out a longer line
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
# Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md: time, stream, tags (P: partial, F: full), text
_CRI = re.compile(rf"{_TIME} (stdout|stderr) ([PF])(?::\S*)? ?")
_TIMESTAMP = re.compile(rf"{_TIME} ")  # as `kubectl logs --timestamps` and `docker logs --timestamps` write it
_KEY_ALONE = re.compile(r'\s*"[^"\\]{1,200}"\s*:')
_LITERALS = ("true", "false", "null", "-")
_IN_A_NUMBER = (".", "e", "E", "e+", "e-", "E+", "E-")


class NotARecord(ValueError):
    """The text is not one JSON object. It reads after the line's place: `is text instead of JSON`. `cut`: it only ends early."""

    def __init__(self, trouble: str, *, cut: bool = False) -> None:
        super().__init__(trouble)
        self.cut = cut


@dataclass(frozen=True, slots=True)
class Record:
    """One line as it was read: the JSON object in it, or `trouble`, a clause that reads after the line's place.

    `half` marks the last line of its file where it ends within its JSON: it may not be written to its end yet.
    """

    line: LogLine  # as the source gave it, the first of several that are one
    text: str  # what the program wrote, without what a container runtime put around it
    data: Mapping[str, Json]  # empty where there is trouble
    trouble: str = ""
    half: bool = False

    @property
    def place(self) -> str:
        return place(self.line)


class _Text(NamedTuple):
    """What a program wrote, and why it could not be told, such as a wrapper that is missing."""

    line: LogLine
    text: str
    trouble: str = ""


def place(line: LogLine) -> str:
    """Return where a line stands, for a sentence: `logs/app.log line 12`."""
    return f"{line.where} line {line.number}" if line.number else line.where


def records(lines: Iterable[LogLine], wrapped: Wrapped = "auto") -> list[Record]:
    """Return what each line holds, in order. Pieces of one long line are put together, as runtimes and sources split them."""
    made: list[Record] = []
    last: dict[str, int] = {}
    cut: set[int] = set()
    for one in _unwrapped(_joined(lines), wrapped):
        last[one.line.where] = len(made)
        try:
            if one.trouble:
                raise NotARecord(one.trouble)
            made.append(Record(one.line, one.text, parse(one.text, damaged=one.line.damaged)))
        except NotARecord as problem:
            cut |= {len(made)} if problem.cut else set()
            made.append(Record(one.line, one.text, {}, str(problem)))
    for number in cut & set(last.values()):
        made[number] = replace(made[number], half=True)
    return made


def parse(text: str, *, damaged: bool = False) -> dict[str, Json]:
    """Return the JSON object that a line is. `damaged` tells that bytes of it could not be decoded. Raises: NotARecord."""
    if not text.strip():
        raise NotARecord("is empty")
    if text.startswith("\ufeff"):
        raise NotARecord("starts with a byte order mark")  # RFC 8259 section 8.1: must not be added
    if "\x1b[" in text:
        raise NotARecord("holds terminal colour codes (ANSI)")
    if damaged:
        raise NotARecord("holds bytes that are not in the log's encoding, UTF-8 if nothing else is said")
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as problem:
        raise _instead(text, problem) from None
    except RecursionError:
        raise NotARecord("is nested too deeply to be read") from None
    except ValueError as problem:  # what the hooks refuse, and a number of more than 4300 digits
        raise NotARecord(str(problem) if isinstance(problem, NotARecord) else "holds a number that cannot be read") from None
    if not isinstance(document, dict):
        raise NotARecord(f"is {_a(kind_of(document))} instead of an object")
    if not comparable(document):
        raise NotARecord("holds a number that cannot be read")
    return document


def _joined(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """Put the pieces of a line together that a source handed out one by one."""
    held: list[LogLine] = []
    for line in lines:
        if held and not (len(held[-1].text) == _PIECE and (line.where, line.number) == (held[0].where, held[0].number)):
            yield _one(held)
            held = []
        held.append(line)
    if held:
        yield _one(held)


def _one(pieces: Sequence[LogLine]) -> LogLine:
    if len(pieces) == 1:
        return pieces[0]
    return pieces[0]._replace(text="".join(piece.text for piece in pieces), damaged=any(piece.damaged for piece in pieces))


def _unwrapped(lines: Iterable[LogLine], wrapped: Wrapped) -> Iterator[_Text]:
    """Take off what a runtime put around. A line that it split is put together, for each file and stream by itself."""
    held: dict[tuple[str, str], _Text] = {}
    for line in lines:
        stream, text, partial = _inner(line.text, wrapped)
        if text is None:
            yield _Text(line, line.text, f"is not wrapped as {_CALLED[wrapped]}")
            continue
        before = held.pop((line.where, stream), None)
        whole = _Text(before.line, before.text + text) if before else _Text(line, text)
        if partial:
            held[line.where, stream] = whole
        else:
            yield whole
    yield from held.values()


def _inner(text: str, wrapped: Wrapped) -> tuple[str, str | None, bool]:
    """Return the stream, what the program wrote (None where the wrapper is missing), and whether more of the line follows."""
    if wrapped in ("auto", "docker") and (found := _docker(text)) is not None:
        return found
    if wrapped in ("auto", "cri") and (cri := _CRI.match(text)) is not None:
        return cri[1], text[cri.end() :], cri[2] == "P"
    if wrapped == "timestamps" and (stamp := _TIMESTAMP.match(text)) is not None:
        return "", text[stamp.end() :], False
    return "", text if wrapped in ("auto", "none") else None, False


def _docker(text: str) -> tuple[str, str | None, bool] | None:
    """Read a line of docker's json-file driver, which ends each whole line by a line end within `log`."""
    if not text.startswith('{"log":'):
        return None
    try:
        outer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if outer.keys() - {"log", "stream", "time", "attrs"} or outer.get("stream") not in ("stdout", "stderr"):
        return None
    written = outer["log"]
    if not isinstance(written, str):
        return None
    return outer["stream"], written.removesuffix("\n").removesuffix("\r"), not written.endswith("\n")


def _instead(text: str, problem: json.JSONDecodeError) -> NotARecord:
    """Return what a text is that is not JSON. Of the text itself nothing is told."""
    start = text.lstrip()
    if start.rstrip() in ("{", "[", "}", "]", "},", "],") or _KEY_ALONE.match(start):
        return NotARecord("is a part of JSON that is spread over several lines", cut=start.rstrip() == "{")
    if start[0] != "{":
        brace = text.find("{")
        if brace > 0 and _is_object(text[brace:]):
            return NotARecord(f"has {brace} characters of text before its JSON object")
        return NotARecord("is text instead of JSON")
    if problem.msg == "Extra data":
        return NotARecord(_several(text, problem.pos))
    if _only_ends_early(text, problem):
        return NotARecord(f"is cut off after {len(text)} characters, within its JSON", cut=True)
    return NotARecord(f"is JSON that is broken at column {problem.pos + 1} ({problem.msg[:1].lower()}{problem.msg[1:]})")


def _several(text: str, at: int) -> str:
    """Say what stands on a line behind its first JSON value."""
    many = 1
    while rest := text[at:].lstrip():
        try:
            _, end = _DECODER.raw_decode(rest)
        except (ValueError, RecursionError):
            return f"goes on after its JSON object, from column {len(text) - len(rest) + 1}"
        many, at = many + 1, len(text) - len(rest) + end
    return f"holds {many} JSON values instead of one"


def _only_ends_early(text: str, problem: json.JSONDecodeError) -> bool:
    """Tell whether a text is the beginning of JSON, as far as the decoder came."""
    rest = text[problem.pos :].strip()
    if problem.msg.startswith("Unterminated string") or not rest:
        return True
    if problem.msg.startswith("Invalid \\"):
        return len(rest) < 6  # an escape that is cut in two
    return rest in _IN_A_NUMBER or any(word.startswith(rest) for word in _LITERALS)


def _is_object(text: str) -> bool:
    try:
        return isinstance(_DECODER.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice, of which readers take the first or the last. Source: RFC 8259 section 4."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    raise NotARecord(f"names the key {shown(twice, 60)} twice")


def _no_constant(name: str) -> Any:
    raise NotARecord(f"holds {name}, which is no JSON value")


def _a(kind: str) -> str:
    return "null" if kind == "null" else f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
_CALLED = {
    "docker": "docker's json-file driver does",
    "cri": "CRI does",
    "timestamps": "'--timestamps' does",
    "auto": "",
    "none": "",
}
