"""This file is for JUnit XML, which every CI reads: what was not proven is an error there, never green."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from probes.outcome import Check, Outcome, Verdict
from reports.formats.reporter import Document
from reports.overall import counts, unproven
from scenarios.events import RunResult

# What XML 1.0 (section 2.2, Char) does not allow, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOLD = 10  # checks of one outcome; all of them stand in system-out
_ELEMENT = {Verdict.FAIL: "failure", Verdict.ERROR: "error", Verdict.INCONCLUSIVE: "error", Verdict.SKIPPED: "skipped"}


class Junit(Document, format="junit"):
    """One `testsuite`, one `testcase` a scenario: fail is a failure, error and inconclusive are errors, skipped is skipped.

    A run that proves nothing although no scenario says so (interrupted, nothing asked) gets a test case of its own.
    Source: the Jenkins xUnit plug-in's junit-10.xsd, which GitLab, GitHub actions and Azure read too.
    """

    def render(self, result: RunResult) -> str:
        gap = unproven(result)
        number = counts(result)
        figures = {
            "name": f"{result.run.suite} on {result.run.target}",
            "tests": str(len(result.outcomes) + bool(gap)),
            "failures": str(number[Verdict.FAIL]),
            "errors": str(number[Verdict.ERROR] + number[Verdict.INCONCLUSIVE] + bool(gap)),
            "time": f"{result.wall_s:.3f}",
        }
        root = ElementTree.Element("testsuites", _texts(figures))
        started = result.run.started_at.strftime("%Y-%m-%dT%H:%M:%S")
        more = {"skipped": str(number[Verdict.SKIPPED]), "timestamp": started, "id": "0", "hostname": result.run.target}
        suite = ElementTree.SubElement(root, "testsuite", _texts({**figures, **more}))
        _properties(suite, result)
        for outcome in result.outcomes:
            _case(suite, outcome)
        if gap:
            _gap(suite, result, gap)
        ElementTree.indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _properties(suite: ElementTree.Element, result: RunResult) -> None:
    run = result.run
    told = {
        "run_id": run.id,
        "environment": run.environment,
        "base_url": run.base_url,
        "suite_path": run.suite_path,
        "selection": run.selection,
        "vedette_version": run.vedette_version,
        "ended": result.ended.value,
        "critical_path_s": f"{result.critical_path_s:.3f}",
        **{f"remark_{n}": text for n, text in enumerate(run.remarks, 1)},
        **{f"trouble_{n}": text for n, text in enumerate(result.trouble, 1)},
    }
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in told.items():
        ElementTree.SubElement(properties, "property", _texts({"name": name, "value": value}))


def _case(suite: ElementTree.Element, outcome: Outcome) -> None:
    about = outcome.subject
    place = {"classname": f"{about.suite}.{about.kind}", "name": about.scenario, "time": f"{outcome.duration_s:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", _texts(place))
    element = _ELEMENT.get(outcome.verdict)
    if element == "skipped":
        ElementTree.SubElement(case, element, _texts({"message": outcome.sentence}))
    elif element is not None:
        said = ElementTree.SubElement(case, element, _texts({"type": outcome.verdict.value, "message": outcome.sentence}))
        said.text = _xml("\n".join(_lines(outcome)))
    out = ElementTree.SubElement(case, "system-out")
    out.text = _xml("\n".join([f"verdict: {outcome.verdict}", *_about(outcome), *(_checks(outcome))]))


def _gap(suite: ElementTree.Element, result: RunResult, gap: str) -> None:
    place = {"classname": f"{result.run.suite}.run", "name": "the run asked what it was to ask", "time": "0.000"}
    case = ElementTree.SubElement(suite, "testcase", _texts(place))
    ElementTree.SubElement(case, "error", _texts({"type": "inconclusive", "message": gap})).text = _xml(gap)


def _lines(outcome: Outcome) -> list[str]:
    bad = [c for c in outcome.checks if c.verdict.rank <= Verdict.INCONCLUSIVE.rank]
    told = [line for c in bad[:_TOLD] if (line := _told(c, outcome.sentence))]
    more = [f"and {len(bad) - _TOLD} more that did not hold"] if len(bad) > _TOLD else []
    seen = dict.fromkeys(e.summary for c in bad[:_TOLD] for e in c.evidence)
    return [outcome.sentence, *told, *more, *seen, *_about(outcome)]


def _told(made: Check, sentence: str) -> str:
    """Return what was expected and seen; where a check does not say both, what it says and does not stand above."""
    if made.expected and made.observed:
        return f"{made.name}: expected {made.expected}, saw {made.observed}"
    seen = f"saw {made.observed}" if made.observed else "" if made.say == sentence else made.say
    return f"{made.name}: {seen}" if seen else ""


def _about(outcome: Outcome) -> list[str]:
    about = outcome.subject
    told = {"severity": about.severity.value, "owner": about.owner, "runbook": about.runbook, "why": about.why}
    return [f"{name}: {value}" for name, value in told.items() if value]


def _checks(outcome: Outcome) -> list[str]:
    return [f"{c.verdict}: {'control: ' if c.control else ''}{c.name}{f': {c.say}' if c.say else ''}" for c in outcome.checks]


def _texts(attributes: dict[str, str]) -> dict[str, str]:
    return {name: _xml(value) for name, value in attributes.items()}


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)
