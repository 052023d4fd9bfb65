"""The catalogue of faults: each is in the code, each can be started, and the sound target has none of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probes.outcome import Verdict
from probes.registry import KINDS
from vedette.reference import faults
from vedette.reference.faults import FAULTS, named
from vedette.reference.target import ReferenceTarget

SOURCES = [path for path in Path(faults.__file__).parent.rglob("*.py") if not path.name.startswith("fault")]


def test_every_fault_is_a_branch_in_the_code() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES).replace("'", '"')  # within an f-string
    made = tuple(re.findall(r'f"([a-z]+_(?:[a-z]+_)*)\{', text))  # such as f"metrics_without_{family.name}"
    bugs = {fault.asked_for: fault.name for fault in FAULTS.values()}
    shorter = {bug: bug.partition("_")[2] for bug in bugs}  # a face of the edge asks for them without its own name
    asked = {bug for bug in bugs if f'"{bug}"' in text or f'"{shorter[bug]}"' in text or bug.startswith(made)}
    assert [name for bug, name in bugs.items() if bug not in asked] == []


def test_no_branch_asks_for_a_fault_that_nobody_catalogued() -> None:
    asked = {name for path in SOURCES for name in re.findall(r'"(\w+)" (?:not )?in (?:self\._)?faults', path.read_text())}
    assert asked - {fault.asked_for for fault in FAULTS.values()} == set()


def test_there_are_enough_of_them_and_enough_that_hide_the_evidence() -> None:
    assert len(FAULTS) >= 45
    assert sum(fault.vacuity for fault in FAULTS.values()) >= 10


def test_every_fault_is_owned_by_a_kind_that_exists() -> None:
    assert {fault.owner for fault in FAULTS.values()} <= set(KINDS.names())


def test_a_pass_is_never_what_is_expected() -> None:
    for fault in FAULTS.values():
        assert fault.expected and not fault.expected & {Verdict.PASS, Verdict.DEGRADED, Verdict.SKIPPED}


def test_a_misspelt_fault_is_refused_with_a_near_miss() -> None:
    with pytest.raises(ValueError, match="did you mean 'cache_off'"):
        ReferenceTarget({"cache_of"})
    assert named("cache_off").vacuity
