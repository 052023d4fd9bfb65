"""This file is for JUnit XML as CI systems read it."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from hypothesis import given, settings

from probes.outcome import check
from tests.reports.formats.shown import mixed, odd_run, odd_text, result, show
from tests.reports.sample_runs import outcome

CHILDREN = ["properties", "testcase"]  # junit-10.xsd: the order within a testsuite
PARTS = ["skipped", "error", "failure", "system-out"]  # and within a testcase


def test_the_xml_of_a_bad_run_reads_well(golden: Callable[[str, str], None]) -> None:
    golden("junit-mixed.xml", show("junit", mixed()))


@given(text=odd_text)
@settings(max_examples=50, deadline=None)
def test_any_text_is_well_formed_and_has_the_shape_that_ci_reads(text: str) -> None:
    root = ElementTree.fromstring(show("junit", odd_run(text)).encode("utf-8"))
    assert root.tag == "testsuites"
    [suite] = root
    assert [child.tag for child in suite] == ["properties", *["testcase"] * 6]
    for case in suite.findall("testcase"):
        assert {"classname", "name", "time"} == set(case.attrib)
        assert all(part.tag in PARTS for part in case)
        assert float(case.attrib["time"]) >= 0
    counted = {
        name: len(list(root.iter(tag))) for name, tag in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
    }
    assert counted == {name: int(suite.attrib[name]) for name in counted}
    assert int(suite.attrib["tests"]) == 6


def test_the_reason_of_a_failure_is_no_wall_of_text() -> None:
    broken = [check(f"line {n}", holds=False, observed="text", say=f"line {n} is wrong") for n in range(40)]
    root = ElementTree.fromstring(show("junit", result(outcome("the log", tuple(broken)))))
    lines = (next(root.iter("failure")).text or "").splitlines()
    assert lines[:2] == ["line 0 is wrong", "line 0: saw text"] and "and 30 more that did not hold" in lines and len(lines) < 20
    assert (next(root.iter("system-out")).text or "").count("is wrong") == 40


def test_an_inconclusive_scenario_is_an_error_of_that_type() -> None:
    root = ElementTree.fromstring(show("junit", mixed()))
    told = {
        case.attrib["name"]: [part.attrib.get("type") for part in case if part.tag == "error"] for case in root.iter("testcase")
    }
    assert told["logs hold no personal data"] == ["inconclusive"]
    assert told["evidence can be read"] == ["error"]
    assert told["health is live"] == []


def test_a_run_in_which_nothing_was_asked_has_a_test_case_that_says_so() -> None:
    root = ElementTree.fromstring(show("junit", result()))
    [error] = root.iter("error")
    assert error.attrib == {"type": "inconclusive", "message": "no scenario was asked"}
