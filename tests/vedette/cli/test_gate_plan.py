"""This file is for what `vedette gate plan`, `validate` and `triggers` say, and for the reference of policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenarios.gates.policy import Policy
from scenarios.meanings import models_in
from tests.scenarios.gates.policy_making import HEAD, load
from vedette.cli.gate_plan_text import render, time
from vedette.cli.gate_reference import PARTS, markdown
from vedette.cli.main import main
from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit
from vedette.jobs.gate_plan import failure_rate, planned

FINE = HEAD + "gap: 10s\nstages:\n  - {weight: 5, margin: 12, min_rounds: 30, max_rounds: 200}\n"


@pytest.fixture
def policy(tmp_path: Path) -> str:
    load(tmp_path, FINE)
    return str(tmp_path / "policy.yaml")


def test_a_plan_says_how_long_what_is_shown_and_what_is_seen(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "plan", policy]) == Exit.PASSED
    said = capsys.readouterr().out
    for words in (
        "policy: shop/checkout, 2 as the canary, 1 as the baseline",
        "a round asks both sides 2 scenarios of suite 'shop', every 10 s",
        "5 %     5 %       < 12 points",
        "a canary that fails in   is rolled back after",
        "canary_unreachable   5 rounds in a row   any scenario",
        "'an order is taken': it needs write, which target 'staging' does not grant",
        "the trigger 'pii_in_logs' is not armed",
    ):
        assert words in said
    assert max(map(len, said.splitlines())) <= 130


def test_a_plan_can_be_read_by_machines(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "plan", policy, "--json", "--baseline-failure", "1%"]) == Exit.PASSED
    said = json.loads(capsys.readouterr().out)
    assert said["baseline_failure"] == 0.01 and 0.9 < said["promoted"] <= 1
    assert said["stages"][0]["takes"]["seconds"] == pytest.approx(10 * said["stages"][0]["takes"]["rounds"])
    assert [one["rate"] for one in said["regressions"]] == [0.02, 0.05, 0.2, 1.0]
    assert said["triggers"]["critical_errors"] == ["shelves are shown"]
    assert set(said["not_armed"]) == {"cross_tenant_leak", "pii_in_logs", "breaker_stuck_open", "rate_limiter_blocks_legit"}


def test_a_policy_with_mistakes_is_neither_planned_nor_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "policy.yaml"
    load(tmp_path)
    path.write_text(FINE + "alhpa: 0.1\n", encoding="utf-8")
    for deed in ("plan", "validate"):
        assert main(["gate", deed, str(path)]) == Exit.USAGE
        said = capsys.readouterr()
        assert "unknown field 'alhpa'" in said.err and "did you mean 'alpha'?" in said.err and not said.out


def test_a_margin_that_our_own_bets_cannot_show_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(tmp_path)
    path = tmp_path / "policy.yaml"
    path.write_text(HEAD + "stages:\n  - {weight: 5, margin: 4.5, max_rounds: 80}\n", encoding="utf-8")  # 65 would do by law
    assert main(["gate", "validate", str(path)]) == Exit.USAGE
    assert "cannot show a margin of 4.5 points in 80 rounds, not even where none fails" in capsys.readouterr().err


def test_a_policy_without_mistakes_is_said_to_be_so(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "validate", policy]) == Exit.PASSED
    assert "1 stage, 2 scenarios of suite 'shop', 3 triggers: no mistakes" in capsys.readouterr().err


def test_dangers_and_default_triggers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "triggers"]) == Exit.PASSED
    said = capsys.readouterr().out
    assert "cross_tenant_leak           1 round" in said and "a scenario of severity P0 fails" in said
    assert "unreachable               nothing answered in the whole round" in said


@pytest.mark.parametrize(("text", "rate"), [("0.5%", 0.005), ("0.005", 0.005), (" 2 %", 0.02), ("0", 0.0), ("50%", 0.5)])
def test_a_part_of_rounds_is_read(text: str, rate: float) -> None:
    assert failure_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "%", "nan", "inf", "-1%", "51%", "much", "1"])
def test_what_is_no_part_of_rounds_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no part of the rounds"):
        failure_rate(text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.05, "0.05 s"), (30.4, "30 s"), (89, "89 s"), (1020, "17 min"), (9000, "2 h 30 min"), (7200, "2 h"), (360_000, "4 d 4 h")],
)
def test_times_are_said_for_people(seconds: float, said: str) -> None:
    assert time(seconds) == said


def test_nothing_secret_stands_in_a_plan(tmp_path: Path) -> None:
    text = FINE.replace("X-Canary: always", 'X-Canary: "${CANARY_TOKEN}"')
    loaded = load(tmp_path, text, {"CANARY_TOKEN": "t0ken-of-canary"})
    assert "t0ken" not in render(loaded, planned(loaded))


def test_the_reference_is_what_the_code_says() -> None:
    assert Path("docs/gate-policy.md").read_text(encoding="utf-8") == markdown(), "write it anew: make docs"


def test_the_reference_explains_every_part_of_a_policy() -> None:
    assert set(PARTS.values()) == set(models_in(Policy)) - {Policy}
