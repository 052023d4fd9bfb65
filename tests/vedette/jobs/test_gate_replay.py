"""This file is for `vedette gate replay`: it decides the same again, or names the first line that is not as it was."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from reports.judgement.gate import GENESIS, begun, decide, sealed, step
from scenarios.gates.records import Opened, Record, StageBegan
from tests.vedette.service.gated import ARMED_BY, POLICY, rounds, side
from vedette.cli.main import main
from vedette.exit_codes import Exit

Capture = pytest.CaptureFixture[str]


def evidence(*records: Record) -> list[str]:
    """Return the lines of a gate that saw these records."""
    opened = Opened(0.0, "shop", POLICY.model_dump(mode="json"), 10.0, ARMED_BY)
    state = begun(opened)
    seal = sealed(1, GENESIS, opened, decide(state))
    lines = [seal.line]
    for number, record in enumerate(records, start=2):
        state = step(state, record)
        seal = sealed(number, seal.hash, record, decide(state))
        lines.append(seal.line)
    return lines


LINES = evidence(StageBegan(1.0, 0), *rounds(10.0, 5), StageBegan(70.0, 1), *rounds(80.0, 6))
BROKEN = side("free appointments are offered", "answered 500 instead of 200")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.jsonl"
    path.write_text("\n".join(LINES) + "\n")
    return path


def replay(path: Path | str, *words: str) -> int:
    return int(main(["gate", "replay", str(path), *words]))


def test_the_same_evidence_decides_the_same(file: Path, capsys: Capture) -> None:
    assert replay(file) == Exit.PASSED
    assert capsys.readouterr().out.startswith("the same: 14 lines, 11 rounds: each decides the same; in the end hold at 5 %: ")
    assert replay(file, "--json") == Exit.PASSED
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["lines"], told["records"]["round"], told["decision"]["decision"]) == (True, 14, 11, "hold")
    assert told["hash"] == json.loads(LINES[-1])["hash"]


def test_standard_input_is_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\n".join(LINES).encode())))
    assert replay("-") == Exit.PASSED


def changed(lines: list[str]) -> list[str]:
    return [*lines[:4], lines[4].replace('"right":30', '"right":29', 1), *lines[5:]]


def resealed(lines: list[str]) -> list[str]:
    """Change what a line decides and seal all anew, as somebody would who knows how."""
    before, made = GENESIS, []
    for number, line in enumerate(lines):
        text = line[: line.rindex(',"hash"')]
        text = text.replace('"decision":"hold"', '"decision":"promote"') if number == 10 else text
        before = hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
        made.append(f'{text},"hash":"{before}"}}')
    return made


@pytest.mark.parametrize(
    ("spoil", "line", "sentence"),
    [
        pytest.param(changed, 5, "it is not what was written", id="a line is changed"),
        pytest.param(lambda lines: [*lines[:6], *lines[7:]], 7, "lines are missing, or in another order", id="a line is missing"),
        pytest.param(lambda lines: [*lines[:6], lines[7], lines[6], *lines[8:]], 7, "in another order", id="two are swapped"),
        pytest.param(lambda lines: [*lines[:-1], lines[-1][:50]], 14, "or it is cut off", id="the last is cut off"),
        pytest.param(lambda lines: lines[1:], 1, "lines are missing", id="the first is missing"),
        pytest.param(lambda lines: [*lines[:3], "", *lines[3:]], 4, "it is empty, and others follow", id="an empty line"),
        pytest.param(lambda lines: [*lines, lines[-1]], 15, "in another order", id="a line stands twice"),
        pytest.param(resealed, 11, "its records lead to", id="another decision, sealed anew"),
    ],
)
def test_the_first_line_that_is_not_as_it_was_is_named(
    spoil: Callable[[list[str]], list[str]], line: int, sentence: str, file: Path, capsys: Capture
) -> None:
    file.write_text("\n".join(spoil(LINES)) + "\n")
    assert replay(file) == Exit.FAILED
    said = capsys.readouterr().out
    assert said.startswith(f"differs: line {line}: ") and sentence in said
    assert replay(file, "--json") == Exit.FAILED
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["first_line_that_differs"], told["lines"]) == (False, line, line - 1)


def test_lines_that_are_missing_at_the_end_are_seen_by_the_hash_of_the_newest(file: Path, capsys: Capture) -> None:
    newest = json.loads(LINES[-1])["hash"]
    assert replay(file, "--hash", newest.upper()) == Exit.PASSED
    file.write_text("\n".join(LINES[:-1]) + "\n")
    assert replay(file) == Exit.PASSED
    assert replay(file, "--hash", newest) == Exit.FAILED
    assert "differs: line 14: it is missing, or " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: there is nothing to replay"),
        (b"\n\n", "is empty"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"hello\n", "is none of a gate"),
        (b"[1]\n", "is none of a gate"),
        (b"[" * 100_000, "is none of a gate"),
        (b"PK\x03\x04", "is none of a gate"),
    ],
)
def test_what_is_no_evidence_is_unreadable(content: bytes, sentence: str, file: Path, capsys: Capture) -> None:
    file.write_bytes(content)
    assert replay(file) == Exit.USAGE
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("path", ["nothing.jsonl", ".", "a\0b", "x" * 300])
def test_what_is_no_file_is_unreadable(path: str, capsys: Capture) -> None:
    assert replay(path) == Exit.USAGE
    assert "cannot be read" in capsys.readouterr().err


def test_what_a_line_says_goes_to_the_terminal_without_control_characters(tmp_path: Path, capsys: Capture) -> None:
    hostile = side("free appointments are offered", "\x1b[2J gone\n")
    path = tmp_path / "evidence.jsonl"
    path.write_text("\n".join(evidence(StageBegan(1.0, 0), *rounds(10.0, 40, hostile))) + "\n")
    assert replay(path) == Exit.PASSED
    assert "\x1b" not in capsys.readouterr().out
