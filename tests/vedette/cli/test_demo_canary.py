"""This file is for `vedette demo canary`: the sound version is promoted, a broken one never, and each end names its cause.

All ends that are known, and slower ones, by `python benchmarks/canary_demo.py`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.canary_demo import FAULTS, right_ends
from reports.judgement.gate import replay
from tests.vedette.conftest import Vedette

PATIENCE_S = 240  # on a machine that is busy with other tests
CAUSES = {  # what the end of each must name; `benchmarks/canary_demo.py` tries them all
    "api_error_with_200": r"\$\.success|success|tenant",
    "cache_key_without_tenant": "'cross_tenant_leak': tenant 20 was served tenant 15's slots",
    "log_email_raw": "'pii_in_logs': the planted email address stands in the logs",
    "breaker_open_at_start": "real requests|'breaker_stuck_open'|answered 503|answered HTTP 503",
    "limit_blocks_everyone": "most in 'a caller within the limit is served'",
}


def test_a_sound_version_walks_through_all_stages_and_its_evidence_can_be_replayed(vedette: Vedette, tmp_path: Path) -> None:
    done = vedette("demo", "canary", "--evidence", "walk.jsonl", timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("promote: version 2.0.0 of reference/booking-quick is shown at 5, 25, 50, 100 %")
    moved = re.findall(r"^(\d+) % of the callers are given to the canary$", done.stderr, re.MULTILINE)
    assert moved == ["5", "25", "50", "100"]
    assert len(re.findall(r"^\d+ %: .* promote: .*increase < [\d.]+ points at 95 %, as needed", done.stderr, re.MULTILINE)) == 4
    callers = re.search(r"callers meanwhile: (\d+) to the canary \(0 failed\) and (\d+) to the baseline", done.stderr)
    assert callers and int(callers[1]) > 0 and int(callers[2]) > 0 and done.stderr.endswith("given to the canary\n")
    *_, (_, last) = replay((tmp_path / "walk.jsonl").read_text(encoding="utf-8").splitlines())
    assert (last.phase.value, last.stage) == ("promoted", 3)


@pytest.mark.parametrize("fault", CAUSES)
def test_a_broken_version_is_rolled_back_and_its_cause_is_named(vedette: Vedette, fault: str) -> None:
    done = vedette("demo", "canary", "--fault", fault, timeout=PATIENCE_S)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("rollback at 5 %")
    cause = next(line for line in done.stderr.splitlines() if line.startswith("cause: "))
    assert re.search(CAUSES[fault], cause), cause
    assert done.stderr.endswith("now all are given to the baseline\n")


def test_the_script_knows_each_fault_and_lets_none_be_promoted() -> None:
    assert set(CAUSES) <= set(FAULTS) and len(FAULTS) >= 20
    assert right_ends("") == {0} and all(0 not in right_ends(fault) for fault in FAULTS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["canary", "--fault", "cache_of"], "there is no fault 'cache_of', did you mean 'cache_off'?"),
        (["canary", "--fault", "bookando_tenant_unchecked"], "breaks the system 'bookando', not 'demo'"),
        (["canary", "--speed", "0"], "--speed is between 1 and 1000, not 0"),
        (["canary", "--speed", "nan"], "--speed is between 1 and 1000, not nan"),
        (["canary", "--policy", "canary-quik"], "did you mean 'canary-quick'?"),
        (["canary", "--html", "a.html"], "--html is not for `vedette demo canary`"),
        (["--speed", "9"], "--speed is for `vedette demo canary`"),
        (["canary", "--evidence", "nowhere/walk.jsonl"], "'nowhere' is not there"),
    ],
    ids=["near", "other system", "still", "no number", "policy", "of a suite", "of a canary", "nowhere"],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(vedette: Vedette, words: list[str], said: str) -> None:
    done = vedette("demo", *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_policy_that_asks_others_is_not_followed(vedette: Vedette, tmp_path: Path) -> None:
    policy = {
        "service": "elsewhere", "suite": "demo", "target": "reference", "identity": {"header": "X-Version"},
        "canary": {"base_url": "http://127.0.0.1:9", "version": "2.0.0"}, "baseline": {"version": "1.0.0"},
    }  # fmt: skip
    (tmp_path / "mine.yaml").write_text(json.dumps(policy), encoding="utf-8")
    done = vedette("demo", "canary", "--policy", "mine.yaml")
    assert done.returncode == 2 and "is at http://127.0.0.1:9, which the demo did not start" in done.stderr, done.stderr


def test_the_verdict_is_one_document_for_programs(vedette: Vedette) -> None:
    done = vedette("demo", "canary", "--fault", "cache_key_without_tenant", "--json", timeout=PATIENCE_S)
    told = json.loads(done.stdout)
    assert (told["decision"], told["reason_code"], done.returncode) == ("rollback", "trigger:cross_tenant_leak", 1)
