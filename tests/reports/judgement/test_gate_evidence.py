"""This file is for evidence lines: a replay decides the same, bit for bit, and tells which line is not what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from reports.judgement.gate import GENESIS, BadEvidence, Decision, Verb, begun, decide, replay, sealed, step
from reports.judgement.gate_evidence import hash_of
from scenarios.gates.records import BadRecord, Looked, Record, Told
from tests.reports.judgement.gate_making import BEGAN, a_round, opened, rounds, side, stage

RECORDS: tuple[Record, ...] = (
    opened(),
    stage(),
    *rounds(4),
    a_round(5, side("search")),
    Told(BEGAN + 55, "hold", "ann", "lunch with \u2028 “quotes” and \U0001f600"),
    *rounds(3, after=5),
    Told(BEGAN + 85, "resume", "ann", ""),
    *rounds(22, after=8),
)


def written(records: tuple[Record, ...] = RECORDS) -> tuple[list[str], list[Decision]]:
    lines, decisions, before, state = [], [], GENESIS, None
    for number, record in enumerate(records, start=1):
        state = begun(opened()) if state is None else step(state, record)
        decisions.append(decide(state))
        one = sealed(number, before, record, decisions[-1])
        lines.append(one.line)
        before = one.hash
    return lines, decisions


def test_a_replay_comes_to_the_same_records_and_decisions() -> None:
    lines, decisions = written()
    again = list(replay(f"{line}\n" for line in lines))
    assert [record for record, _ in again] == list(RECORDS)
    assert [decision for _, decision in again] == decisions
    assert {decision.verb for decision in decisions} == {Verb.HOLD, Verb.PROMOTE}


def test_each_line_is_json_and_says_its_hash() -> None:
    lines, _ = written()
    for number, line in enumerate(lines, start=1):
        told = json.loads(line)
        assert list(told) == ["n", "record", "decision", "e", "k", "hash"]
        assert (told["n"], told["hash"]) == (number, hash_of(line))
        assert "\n" not in line


def changed(lines: list[str], old: str, new: str, at: int) -> list[str]:
    assert old in lines[at]
    return [*lines[:at], lines[at].replace(old, new, 1), *lines[at + 1 :]]


def sealed_anew(lines: list[str], at: int, old: str, new: str) -> list[str]:
    """What somebody does who knows how lines are sealed: changes one, and seals all from there on."""
    made, before = [], GENESIS
    for number, line in enumerate(changed(lines, old, new, at), start=1):
        told = json.loads(line)
        del told["hash"]
        text = json.dumps(told, separators=(",", ":"))[:-1]

        before = hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
        made.append(f'{text},"hash":"{before}"}}')
        assert told["n"] == number
    return made


HARMED: dict[str, tuple[Callable[[list[str]], list[str]], int, str]] = {
    "a seat is changed": (lambda all_: changed(all_, '"bad"', '"good"', 6), 7, "changed"),
    "a decision is changed": (lambda all_: changed(all_, '"decision":"hold"', '"decision":"promote"', 4), 5, "changed"),
    "a space is added": (lambda all_: changed(all_, ",", ", ", 3), 4, "changed"),
    "a line is missing": (lambda all_: [*all_[:9], *all_[10:]], 10, "missing"),
    "the first line is missing": (lambda all_: all_[1:], 1, "missing"),
    "two lines are swapped": (lambda all_: [*all_[:3], all_[4], all_[3], *all_[5:]], 4, "order"),
    "a line stands twice": (lambda all_: [*all_[:5], all_[4], *all_[5:]], 6, "order"),
    "the last line is cut off": (lambda all_: [*all_[:-1], all_[-1][:-20]], len(RECORDS), "cut off"),
    "a line is empty": (lambda all_: [*all_[:2], "", *all_[2:]], 3, "empty"),
    "a line is no json": (lambda all_: ["no json"], 1, "no line of evidence"),
    "a number is no number": (lambda all_: [f'{{"n":,"hash":"{GENESIS}"}}'], 1, "no JSON"),
    "nothing": (lambda all_: [], 1, "no line"),
    "only empty lines": (lambda all_: ["", "\n"], 1, "no line"),
    "the last hash is changed": (lambda all_: [*all_[:-1], f'{all_[-1][:-66]}{GENESIS}"}}'], len(RECORDS), "changed"),
    "a decision is forged and sealed": (
        lambda all_: sealed_anew(all_, 4, '"decision":"hold"', '"decision":"promote"'), 5, "its records lead to 'hold'"),
    "a failing is forged and sealed": (lambda all_: sealed_anew(all_, 6, '"bad"', '"good"'), 7, "its records lead to"),
    "another kind of record is sealed": (lambda all_: sealed_anew(all_, 3, '"kind":"round"', '"kind":""'), 4, "no record of"),
    "a time that is none is sealed": (lambda all_: sealed_anew(all_, 3, ':1800000020.0', ':NaN'), 4, "seconds since 1970"),
    "a record that is none is sealed": (lambda all_: sealed_anew(all_, 3, '"record":{', '"recorded":{'), 4, "holds no record"),
}  # fmt: skip


@pytest.mark.parametrize(("harm", "line", "said"), HARMED.values(), ids=HARMED.keys())
def test_what_was_not_written_so_is_told_with_its_line(harm: Callable[[list[str]], list[str]], line: int, said: str) -> None:
    lines, _ = written()
    with pytest.raises(BadEvidence, match=said) as problem:
        list(replay(harm(lines)))
    assert problem.value.line == line
    assert str(problem.value).startswith(f"line {line}: ")


def test_lines_before_the_harmed_one_are_still_decided() -> None:
    lines, decisions = written()
    going = replay([*lines[:6], "{}"])
    assert [next(going)[1] for _ in range(6)] == decisions[:6]
    with pytest.raises(BadEvidence):
        next(going)


def test_evidence_begins_with_an_opening_and_has_one() -> None:
    state = begun(opened())
    first = sealed(1, GENESIS, stage(), decide(state))
    with pytest.raises(BadEvidence, match="begins with the opening"):
        list(replay([first.line]))
    one = sealed(1, GENESIS, opened(), decide(state))
    two = sealed(2, one.hash, opened(), decide(state))
    with pytest.raises(BadEvidence, match="opened once"):
        list(replay([one.line, two.line]))


def test_a_number_that_is_none_is_never_written() -> None:
    decision = decide(begun(opened()))
    with pytest.raises(BadRecord, match="cannot be written"):
        sealed(1, GENESIS, Looked(float("nan")), decision)
    with pytest.raises(BadRecord, match="cannot be written"):
        sealed(1, GENESIS, Looked(1.0), replace(decision, e=float("inf")))


@pytest.mark.parametrize(
    "line", ["", "{}", '{"hash":"abc"}', f'{{"n":1,"hash":"{GENESIS}"'], ids=["empty", "bare", "short", "cut"]
)
def test_what_is_no_line_has_no_hash(line: str) -> None:
    with pytest.raises(ValueError, match="no line of evidence"):
        hash_of(line)
