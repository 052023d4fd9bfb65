"""This file is for what a gate shows while it goes: the picture of a stage, a line for a log, and nothing that misleads."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reports.judgement.gate import Decision, MetricStands, Phase, TriggerStands, Verb
from scenarios.gates.policy import Policy
from scenarios.gates.records import Looked, StageBegan
from vedette.jobs.gate_progress import EVERY_S, Progress, bar, line_of, picture, share

POLICY = Policy.model_validate(
    {
        "name": "shop", "service": "acme/shop", "suite": "demo", "target": "reference", "canary": {"version": "2"},
        "baseline": {"version": "1\x1b[2J"}, "identity": {"header": "X-Version"},
        "stages": [{"name": "smoke", "weight": 0}, {"weight": 25, "margin": 2, "min_rounds": 200, "max_rounds": 1200}],
    }
)  # fmt: skip
NOW = Decision(
    phase=Phase.RUNNING, verb=Verb.HOLD, final=False, reason_code="insufficient_evidence",
    reason="212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0", at=1000.0, stage=1, weight=25.0,
    stage_since=0.0, e=1.7, e_threshold=20.0, k=6.2, k_threshold=20.0, margin=2.0, upper_bound=2.9, rounds=212, rounds_all=300,
    rounds_expected=344, canary_failed=2, baseline_failed=0, no_evidence=3, min_rounds=200, max_rounds=1200,
    triggers=(TriggerStands("cross_tenant_leak", "clear", 212, 0), TriggerStands("pii_in_logs", "unproven", 0, 0)),
    metrics=(MetricStands("round", 1.0, 1.7),), warnings=(), shadow=False,
)  # fmt: skip


def test_a_stage_is_drawn_with_both_sorts_of_evidence_and_each_trigger() -> None:
    assert picture(NOW, POLICY.stages[1], (0, 1)) == [
        "25 % (2 of 2)  [#######.....]  212 of about 344 rounds, 2 failed on the canary and 0 on the baseline, 3 were "
        "no evidence",
        "  against the canary  [##..........]  E 1.7, 20 rolls back",
        "  for its promotion   [#######.....]  K 6.2, 20 shows it",
        "  triggers  cross_tenant_leak: clear, armed in 212 rounds  pii_in_logs: unproven",
        "  hold: 212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0",
    ]


def test_a_stage_without_a_margin_has_no_evidence_for_its_promotion() -> None:
    now = replace(NOW, stage=0, weight=0.0, margin=None, rounds_expected=None, max_rounds=0, triggers=())
    lines = picture(now, POLICY.stages[0], (0,))
    assert lines[0].startswith("smoke (0 %) (1 of 1)  [............]  212 rounds, ") and len(lines) == 3


def test_a_stage_is_one_line_in_a_log() -> None:
    assert line_of(NOW, POLICY.stages[1]) == (
        "25 %: 212 of about 344 rounds, 2 failed on the canary and 0 on the baseline, 3 were no evidence; hold: "
        "212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0 (E 1.7 of 20, K 6.2 of 20)"
    )


@pytest.mark.parametrize(
    ("value", "threshold", "part"),
    [(1.0, 20.0, 0.0), (20.0, 20.0, 1.0), (0.0, 20.0, 0.0), (400.0, 20.0, 2.0), (5.0, 1.0, 0.0)],
)
def test_evidence_multiplies_so_its_bar_is_of_its_logarithm(value: float, threshold: float, part: float) -> None:
    assert share(value, threshold) == pytest.approx(part)


@pytest.mark.parametrize(("part", "drawn"), [(-1, "[............]"), (0.5, "[######......]"), (7, "[############]")])
def test_a_bar_is_never_longer_than_itself(part: float, drawn: str) -> None:
    assert bar(part) == drawn


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *moments: tuple[float, object, Decision]) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    clock = [0.0]
    progress = Progress(POLICY, (0, 1), monotonic=lambda: clock[0])
    for clock[0], record, now in moments:
        progress.saw(record, now)  # type: ignore[arg-type]
    progress.close()
    return stream.getvalue()


LOOKED = Looked(1.0)


def test_a_log_gets_a_line_now_and_then_and_at_once_for_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = TriggerStands("pii_in_logs", "watched", 1, 1, "the phone was found")
    again = replace(seen, seen=2, say="the phone was found again")
    text = told(
        io.StringIO(), monkeypatch,
        (0.0, StageBegan(1.0, 1), NOW), (1.0, LOOKED, NOW), (2.0, LOOKED, replace(NOW, triggers=(seen,))),
        (3.0, LOOKED, replace(NOW, triggers=(again,), warnings=("the clocks of both sides are 40 s apart",))),
        (EVERY_S, LOOKED, NOW), (EVERY_S + 1, LOOKED, replace(NOW, verb=Verb.PROMOTE, final=True)),
    )  # fmt: skip
    starts = [line.split(":")[0] for line in text.splitlines()]
    assert starts == ["25 %", "trigger 'pii_in_logs' watched", "warning", "25 %", "25 %"]
    assert "\x1b" not in text


def test_a_terminal_is_drawn_over_and_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    text = told(Terminal(), monkeypatch, (0.0, LOOKED, NOW), (0.1, LOOKED, NOW))
    first, second, end = text.split("\x1b[5A\x1b[J")
    assert (first, end) == (second, "")
    assert max(len(line) for line in first.splitlines()) == 59


def test_before_the_first_stage_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(Terminal(), monkeypatch, (0.0, LOOKED, replace(NOW, stage=-1, phase=Phase.PENDING))) == ""


def test_what_somebody_else_named_goes_to_the_terminal_without_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    Progress(POLICY, (1,)).begins(Path("a\nb"), ["one"], POLICY)
    assert "\x1b" not in stream.getvalue() and len(stream.getvalue().splitlines()) == 2
