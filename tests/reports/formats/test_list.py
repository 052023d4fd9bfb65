"""This file is for the list: the cause first, the verdict last, and a terminal that is left in order."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.outcome import Severity, Verdict
from reports.formats.list import List
from scenarios.events import Ended, OutcomeReady, RunFinished, RunResult, RunStarted, ScenarioStarted
from tests.reports.formats.conftest import Terminal
from tests.reports.formats.shown import mixed, outcome, result, show, with_verdict
from tests.reports.sample_runs import LEAK, passed

Golden = Callable[[str, str], None]


def test_the_list_of_a_bad_run_reads_well(golden: Golden) -> None:
    golden("list-mixed.txt", show("list", mixed()))


def test_the_list_of_a_good_run_is_short(golden: Golden) -> None:
    golden("list-passed.txt", show("list", passed()))


def test_the_verbose_list_shows_every_check_and_where_the_time_went(golden: Golden) -> None:
    golden("list-verbose.txt", show("list", mixed(), verbose=True))


def test_on_a_narrow_terminal_the_list_is_wrapped_under_its_own_words(
    golden: Golden, terminal: Callable[[int], Terminal]
) -> None:
    screen = terminal(60)
    List(screen.stream, environ={"NO_COLOR": "1"}, talk=io.StringIO()).take(RunFinished(mixed()))
    text = screen.read()
    assert max(map(len, text.splitlines()[:-1])) <= 60
    golden("list-narrow.txt", text)


def test_what_was_skipped_for_one_reason_is_told_once_with_it() -> None:
    run = result(passed().outcomes[0], *(outcome(name, skipped=True) for name in ("a burst", "a fault", "a write")))
    text = show("list", run)
    reason = run.outcomes[1].sentence
    assert text.count(reason) == 1 and "scenarios   a burst, a fault, a write\n" in text
    assert show("list", run, verbose=True).count("skipped       a ") == 3


def test_the_first_line_names_the_cause() -> None:
    assert show("list", mixed()).splitlines()[0].endswith(LEAK)


def test_one_empty_line_stands_before_the_verdict_whatever_was_told_last() -> None:
    alone = show("list", result(with_verdict(Verdict.FAIL)))
    for text in (alone, show("list", mixed()), show("list", passed())):
        assert text.splitlines()[-2] == "", text
        assert text.splitlines()[-3] != "", text


def test_the_gravest_failure_stands_first() -> None:
    mild = with_verdict(Verdict.FAIL, "a small thing")
    grave = replace(mild, id="g", sentence="the house burns", subject=replace(mild.subject, severity=Severity.P0))
    assert "P0  the house burns" in show("list", result(mild, grave)).splitlines()[0]


@pytest.mark.parametrize(
    ("run", "last"),
    [
        (mixed(), "FAILED  1 of 6 scenarios failed, 1 error, 1 inconclusive, 1 degraded, 1 skipped (askpro on staging, 4.2 s)"),
        (result(with_verdict(Verdict.FAIL)), "FAILED  1 of 1 scenario failed (askpro on staging, 4.2 s)"),
        (
            result(outcome("a"), with_verdict(Verdict.ERROR)),
            "ERROR  1 of 2 scenarios could not be judged because our side broke (askpro on staging, 4.2 s)",
        ),
        (
            result(outcome("a"), with_verdict(Verdict.INCONCLUSIVE)),
            "INCONCLUSIVE  1 of 2 scenarios proved nothing (askpro on staging, 4.2 s)",
        ),
        (
            result(outcome("a"), with_verdict(Verdict.DEGRADED)),
            "DEGRADED  1 of 2 scenarios degraded, none failed (askpro on staging, 4.2 s)",
        ),
        (result(outcome("a"), outcome("b")), "PASSED  all 2 scenarios passed (askpro on staging, 4.2 s)"),
        (
            result(outcome("a"), with_verdict(Verdict.SKIPPED)),
            "PASSED  1 of 2 scenarios passed, 1 skipped (askpro on staging, 4.2 s)",
        ),
        (
            result(with_verdict(Verdict.SKIPPED)),
            "INCONCLUSIVE  nothing was asked, 1 of 1 scenario skipped (askpro on staging, 4.2 s)",
        ),
        (result(), "INCONCLUSIVE  nothing was asked (askpro on staging, 4.2 s)"),
        (
            replace(result(outcome("a"), ended=Ended.INTERRUPTED), signal=15),
            "INCONCLUSIVE  1 of 1 scenario passed, interrupted by SIGTERM (askpro on staging, 4.2 s)",
        ),
        (
            result(with_verdict(Verdict.FAIL), ended=Ended.FAIL_FAST),
            "FAILED  1 of 1 scenario failed, stopped at the first failure (askpro on staging, 4.2 s)",
        ),
    ],
    ids=lambda value: "" if isinstance(value, RunResult) else value.split(" (")[0],
)
def test_the_last_line_is_the_verdict(run: RunResult, last: str) -> None:
    assert show("list", run).splitlines()[-1] == last


def test_a_run_that_was_cut_short_says_so_in_its_first_line() -> None:
    run = replace(result(outcome("a"), ended=Ended.INTERRUPTED), signal=15)
    assert show("list", run).splitlines()[0] == "inconclusive  the run was interrupted by SIGTERM"


def test_an_undo_that_failed_is_told_with_the_failure() -> None:
    one = replace(with_verdict(Verdict.FAIL), undo_failures=("the fault calcom_down is still in",))
    assert "not undone  the fault calcom_down is still in" in show("list", result(one))


def test_a_target_cannot_move_the_cursor_or_hide_text() -> None:
    text = show("list", result(with_verdict(Verdict.FAIL, "a\x1b[2J\x1b[1;32mPASSED\x1b]0;x\x07 \u202efdp\r\nPASSED  all")))
    assert text.splitlines()[0].endswith("P1  a\\x1b[2J\\x1b[1;32mPASSED\\x1b]0;x\\x07 \\u202efdp  PASSED  all")
    assert text.splitlines()[-1].startswith("FAILED")


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(
    environ: dict[str, str], coloured: bool, terminal: Callable[[int], Terminal]
) -> None:
    screen = terminal(100)
    List(screen.stream, environ=environ, talk=io.StringIO()).take(RunFinished(mixed()))
    text = screen.read()
    assert ("\x1b[" in text) is coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert bare.splitlines()[-1].startswith("FAILED  1 of 6")


def test_a_pipe_gets_neither_colours_nor_progress_nor_wrapping() -> None:
    talk = io.StringIO()
    text = show("list", result(with_verdict(Verdict.FAIL, "word " * 100)), talk=talk)
    assert "\x1b" not in text
    assert len(text.splitlines()[0]) > 400
    assert talk.getvalue() == ""


def test_with_v_a_pipe_gets_one_line_of_progress_an_outcome() -> None:
    talk = io.StringIO()
    show("list", passed(), talk=talk, verbose=True)
    assert talk.getvalue() == "1/2  pass  health is live (1.2 s)\n2/2  pass  booking api answers (1.2 s)\n"


def test_progress_on_a_terminal_is_one_line_that_is_gone_in_the_end(terminal: Callable[[int], Terminal]) -> None:
    screen, out = terminal(40), io.StringIO()
    reporter = List(out, environ={}, talk=screen.stream)
    one = outcome("a name that is far too long for the width of this terminal")
    reporter.take(RunStarted(one_run(one).run, (one.subject,)))
    reporter.take(ScenarioStarted("run-1", one.subject))
    reporter.take(OutcomeReady(one))
    assert out.getvalue() == ""
    reporter.take(RunFinished(one_run(one)))
    shown = screen.read()
    assert "\n" not in shown
    assert shown.split("\r\x1b[K") == ["", "0/1  asking: a name that is far too lo…", "1/1", ""]
    assert out.getvalue().startswith("pass")


def test_a_dumb_terminal_gets_no_progress(terminal: Callable[[int], Terminal]) -> None:
    screen = terminal(80)
    show("list", passed(), talk=screen.stream, environ={"TERM": "dumb"})
    assert screen.read() == ""


def one_run(*outcomes: object) -> RunResult:
    return result(*outcomes)  # type: ignore[arg-type]
