"""This file is for what holds of every format: never green without proof, whole or nothing, no secret, any text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from probes.outcome import Verdict
from probes.redact import Redactor
from reports.formats.reporter import FORMATS, ReporterError
from scenarios.events import Ended, RunFinished, RunResult
from tests.reports.formats.shown import mixed, odd_run, odd_text, outcome, result, show, with_verdict

FORMAT_NAMES = FORMATS.names()
GOOD = outcome("health is live")


def _junit_green(text: str) -> bool:
    root = ElementTree.fromstring(text)
    told = (int(root.attrib["failures"]), int(root.attrib["errors"]))
    counted = (len(list(root.iter("failure"))), len(list(root.iter("error"))))
    assert told == counted
    return told == (0, 0)


# How a reader of each format, most of them machines, decides that all is well.
SHOWN_GREEN: dict[str, Callable[[str], bool]] = {
    "list": lambda text: text.splitlines()[-1].startswith(("PASSED", "DEGRADED")),
    "json": lambda text: json.loads(text)["green"] and json.loads(text)["verdict"] in ("pass", "degraded"),
    "jsonl": lambda text: json.loads(text.splitlines()[-1])["verdict"] in ("pass", "degraded"),
    "junit": _junit_green,
    "tap": lambda text: not re.search("^not ok|^Bail out", text, re.MULTILINE),
    "github": lambda text: "::error" not in text,
    "html": lambda text: bool(re.search(r"<title>[^<]*\bPassed\b[^<]*</title>", text)),
}
NOT_GREEN: dict[str, RunResult] = {
    "a failure": result(GOOD, with_verdict(Verdict.FAIL)),
    "an error": result(GOOD, with_verdict(Verdict.ERROR)),
    "an inconclusive outcome": result(GOOD, with_verdict(Verdict.INCONCLUSIVE)),
    "inconclusive and degraded": result(GOOD, with_verdict(Verdict.INCONCLUSIVE), with_verdict(Verdict.DEGRADED)),
    "only skipped": result(with_verdict(Verdict.SKIPPED)),
    "nothing": result(),
    "interrupted": replace(result(GOOD, ended=Ended.INTERRUPTED), signal=15),
    "out of time": result(GOOD, ended=Ended.DEADLINE),
}
GREEN: dict[str, RunResult] = {
    "passes": result(GOOD),
    "degraded": result(GOOD, with_verdict(Verdict.DEGRADED)),
    "passes and a skipped one": result(GOOD, with_verdict(Verdict.SKIPPED)),
}


def test_every_format_is_held_to_this_contract() -> None:
    assert sorted(SHOWN_GREEN) == FORMAT_NAMES


@pytest.mark.parametrize("run", NOT_GREEN.values(), ids=NOT_GREEN)
@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_no_format_shows_a_run_without_proof_as_green(name: str, run: RunResult) -> None:
    assert not SHOWN_GREEN[name](show(name, run))


@pytest.mark.parametrize("run", GREEN.values(), ids=GREEN)
@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_format_shows_a_proven_run_as_green(name: str, run: RunResult) -> None:
    assert SHOWN_GREEN[name](show(name, run))


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_format_tells_the_sentence_of_every_outcome_that_is_not_a_pass(name: str) -> None:
    text = re.sub(r"\\(?=\W)", "", show(name, mixed())).replace("&#39;", "'")
    for one in mixed().outcomes:
        if one.verdict is not Verdict.PASS:
            assert one.sentence in text


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_what_was_redacted_stays_redacted(name: str) -> None:
    secret = "hunter2-Ω-and-some-more"
    redactor = Redactor()
    redactor.add(secret, "planted password")
    spoilt = odd_run(f"POST /login holds {secret} in plain text")
    run = result(*(redactor.outcome(one) for one in spoilt.outcomes))
    for verbose in (False, True):
        text = show(name, run, verbose=verbose)
        assert "planted password" in text
        assert "hunter2" not in text


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_what_went_wrong_on_our_side_is_told(name: str) -> None:
    run = replace(result(GOOD), trouble=("the store could not be written",))
    assert "the store could not be written" in show(name, run)


@pytest.mark.parametrize("name", FORMAT_NAMES)
@given(text=odd_text)
@settings(max_examples=15, deadline=None)
def test_any_text_from_outside_can_be_shown_and_written(name: str, text: str) -> None:
    shown = show(name, odd_run(text), verbose=True)
    assert not SHOWN_GREEN[name](shown)
    shown.encode("utf-8", "strict" if name != "html" else "backslashreplace")


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_a_report_file_is_whole_and_leaves_nothing_beside_it(name: str, tmp_path: Path) -> None:
    kind = FORMATS.find(name)
    assert kind is not None
    reporter = kind(tmp_path / "report", environ={})
    reporter.prepare()
    assert list(tmp_path.iterdir()) == []
    reporter.take(RunFinished(mixed()))
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert "tenant 20" in (tmp_path / "report").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(name: str, tmp_path: Path) -> None:
    kind = FORMATS.find(name)
    assert kind is not None
    with pytest.raises(ReporterError, match=r"the report cannot be written to '.*': the folder '.*' is not there"):
        kind(tmp_path / "missing" / "report").prepare()
