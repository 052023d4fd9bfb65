"""This file is for reading a gate's evidence for its page: from the lines of a real gate, a few at a time or all at once."""

from __future__ import annotations

import pytest

from reports.judgement.gate import GENESIS, GateState, begun, decide, sealed, step
from reports.status.gate_past import ROUNDS_SHOWN, Past
from scenarios.gates.records import BadRecord, Opened, Record, StageBegan, Told
from tests.reports.status.gates import AT, POLICY, round_of


def lines_of(*records: Record) -> list[str]:
    """Return the evidence of a gate that saw these records."""
    state: GateState | None = None
    lines, before = [], GENESIS
    for number, record in enumerate(records, start=1):
        state = begun(record) if state is None else step(state, record)  # type: ignore[arg-type]
        made = sealed(number, before, record, decide(state))
        lines, before = [*lines, made.line], made.hash
    return lines


def whole() -> list[str]:
    opened = Opened(at=AT, gate="checkout", policy={**POLICY, "triggers": []}, gap_s=10.0, triggers={})
    smoke = [round_of(-10.0 * number) for number in range(1, 4)]
    later = [round_of(-10.0 * number) for number in range(4, 24)]
    held = (Told(AT + 35, "hold", "maria", "wait"), Told(AT + 36, "resume", "maria", "done"))
    return lines_of(opened, StageBegan(AT, 0), *smoke, *held, StageBegan(AT + 39, 1), *later)


def test_the_evidence_of_a_gate_is_told_as_it_was_written() -> None:
    past = Past()
    past.take(whole())
    assert (past.lines, past.curve.rounds, past.policy["name"]) == (28, 23, "checkout")
    assert {stage: seen.rounds for stage, seen in past.stages.items()} == {0: 3, 1: 20}
    assert [one.action for one in past.acts] == ["hold", "resume"]
    assert len(past.rounds) == ROUNDS_SHOWN and past.rounds[-1].at == AT + 230
    newest = past.curve.points[-1]
    assert newest.k is not None and newest.k > 1.5 and (newest.k, newest.e) == (past.stages[1].k, past.stages[1].e)
    assert {point.k is None for point in past.curve.points if point.stage == 0} == {True}


def test_it_is_the_same_read_in_parts_and_read_at_once() -> None:
    lines, at_once, in_parts = whole(), Past(), Past()
    at_once.take(lines)
    for line in lines:
        in_parts.take([line])
    assert in_parts == at_once


def test_a_copy_stays_as_it_is_while_the_other_goes_on() -> None:
    lines, past, same = whole(), Past(), Past()
    past.take(lines[:-4])
    same.take(lines[:-4])
    copied = past.copied()
    past.take(lines[-4:])
    assert copied == same != past


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"record": {"kind": "other"}, "e": 1, "k": 1}', '{"record": 1}'])
def test_a_line_that_is_none_is_told_with_its_number(line: str) -> None:
    past = Past()
    past.take(whole()[:2])
    with pytest.raises(BadRecord, match="line 3 holds no record"):
        past.take([line])
