"""This file is for `vedette gate run`: stage by stage, no promotion without proof, gone on with after what stopped it."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.judgement.gate import decide
from tests.vedette.conftest import COMMAND
from tests.vedette.jobs.rollout import STAGES, Rollout, Side, rollout
from vedette.cli.main import main
from vedette.exit_codes import Exit
from vedette.jobs import gate_advance, gate_evidence, gate_walk

QUICK = ("{weight: 5, margin: 50, min_rounds: 3, max_rounds: 12, max_time: 2s}",)
LONG = ("{weight: 5, margin: 1, min_rounds: 300, max_rounds: 2000, max_time: 1h}",)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VEDETTE_") and name != "VEDETTE_REQUIRE_ALL"]:
        monkeypatch.delenv(name)


def run(one: Rollout, *words: object) -> int:
    return int(main(["gate", "run", str(one.policy), *map(str, words)]))


def replay(path: Path, *words: str) -> int:
    return int(main(["gate", "replay", str(path), *words]))


def evidence() -> Path:
    (one,) = Path(".vedette/gates").glob("*.jsonl")
    return one


def records(path: Path, kind: str) -> list[dict[str, Any]]:
    return [line["record"] for line in map(json.loads, path.read_text().splitlines()) if line["record"]["kind"] == kind]


Capture = pytest.CaptureFixture[str]

# What is decided


def test_a_sound_canary_is_promoted_at_every_stage_with_evidence_that_decides_the_same(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path) as one:
        assert run(one) == Exit.PASSED
    said = capsys.readouterr()
    assert said.out.startswith("promote: version 2.0.0 of acme/shop is shown at 5, 100 %; all stages are shown; ")
    assert "acme/shop: version 2.0.0 against 1.0.0, at 5, 100 %; 1 scenario every 0.05 s\n" in said.err
    assert [one["index"] for one in records(evidence(), "stage")] == [0, 1]
    assert evidence().stat().st_mode & 0o077 == 0
    assert replay(evidence()) == Exit.PASSED
    assert "each decides the same; in the end promote at 100 %" in capsys.readouterr().out


def test_a_broken_canary_is_rolled_back_at_its_first_stage(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, Side("2.0.0", status=500)) as one:
        assert run(one) == Exit.FAILED
    assert capsys.readouterr().out.startswith("rollback at 5 %: version 2.0.0 of acme/shop: ")
    assert len(records(evidence(), "stage")) == 1


def test_a_canary_that_breaks_later_is_rolled_back_there(tmp_path: Path, capsys: Capture) -> None:
    with rollout(
        tmp_path, Side("2.0.0", breaks_after=7), stages=(STAGES[0], STAGES[1].replace("min_rounds: 3", "min_rounds: 150"))
    ) as one:
        assert run(one) == Exit.FAILED
    assert capsys.readouterr().out.startswith("rollback at 100 %: ")


def test_one_stage_alone_is_judged_where_it_is_named_and_asks_what_was_skipped(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path) as one:
        assert run(one, "--stage", 100, "--json") == Exit.PASSED
        told = json.loads(capsys.readouterr().out)
        assert (told["decision"], told["stage"]["weight"], told["exit_code"], told["decided"]) == ("promote", 100, 0, True)
        assert run(one, "--stage", "25") == Exit.USAGE
    assert "has no stage of 25 %; its stages have 5, 100" in capsys.readouterr().err


def test_stages_that_are_judged_one_by_one_share_their_evidence(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path) as one:
        assert run(one, "--stage", 5, "--evidence", "shop.jsonl") == Exit.PASSED
        assert run(one, "--stage", 100, "--evidence", "shop.jsonl", "--resume") == Exit.PASSED
        asked = one.canary.asked
        assert run(one, "--stage", 5, "--evidence", "shop.jsonl", "--resume") == Exit.PASSED  # it was shown
        assert one.canary.asked == asked
    assert [stage["index"] for stage in records(Path("shop.jsonl"), "stage")] == [0, 1]
    assert replay(Path("shop.jsonl")) == Exit.PASSED


# Nothing is promoted without proof


def never_reached(one: Rollout) -> None:
    one.policy.write_text(one.policy.read_text().replace(one.canary.url, "http://127.0.0.1:1", 1))


def no_baseline(one: Rollout) -> None:
    one.policy.write_text(
        one.policy.read_text().replace(f"baseline: {{base_url: '{one.baseline.url}'", "baseline: {base_url: 'http://127.0.0.1:2'")
    )


def nobody(one: Rollout) -> None:
    never_reached(one)
    no_baseline(one)


@pytest.mark.parametrize(
    ("canary", "baseline", "change", "codes", "reason"),
    [
        pytest.param(Side("2.0.0"), Side("1.0.0"), never_reached, {1}, "canary_unreachable", id="the canary is never reached"),
        pytest.param(Side("2.0.0"), Side("1.0.0"), no_baseline, {3}, "baseline", id="there is no baseline"),
        pytest.param(Side("2.0.0"), Side("1.0.0"), nobody, {3}, "", id="nobody is there"),
        pytest.param(Side("2.0.0"), Side("1.0.0", status=500), None, {3}, "baseline", id="the baseline is broken"),
        pytest.param(Side("2.0.0", status=500), Side("1.0.0", status=500), None, {3}, "", id="both are broken"),
        pytest.param(Side("1.0.0"), Side("1.0.0"), None, {3}, "misrouted", id="the canary's answers are the baseline's"),
        pytest.param(Side("2.0.0"), Side("2.0.0"), None, {3}, "misrouted", id="the baseline's answers are the canary's"),
        pytest.param(Side(""), Side(""), None, {3}, "", id="no answer says its version"),
    ],
)  # fmt: skip
def test_what_shows_nothing_promotes_nothing(
    canary: Side,
    baseline: Side,
    change: Callable[[Rollout], None] | None,
    codes: set[int],
    reason: str,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    with rollout(tmp_path, Side(canary.version, canary.status), Side(baseline.version, baseline.status), stages=QUICK) as one:
        if change is not None:
            change(one)
        code = run(one, "--json")
    told = json.loads(capsys.readouterr().out)
    assert code in codes, told
    assert told["decision"] in ("rollback", "inconclusive") and reason in told["reason_code"] + told["reason"], told
    assert replay(evidence()) == Exit.PASSED


COUNTED = """\
metrics:
  - {kind: rounds, weight: 0.5}
  - kind: traffic
    weight: 0.5
    every: 1s
    canary_total: http_requests_total
    canary_failed: http_errors_total
    baseline_total: http_requests_total
    baseline_failed: http_errors_total
"""


@pytest.mark.parametrize("readings", [0, 2], ids=["from the start", "in the midst of a stage"])
def test_counters_that_are_gone_promote_nothing(readings: int, tmp_path: Path, capsys: Capture) -> None:
    sides = Side("2.0.0", readings=readings), Side("1.0.0", readings=readings)
    stage = ("{weight: 5, margin: 50, min_rounds: 3, max_rounds: 400, min_time: 3s, max_time: 3500ms}",)
    with rollout(tmp_path, *sides, stages=stage, more=COUNTED) as one:
        assert run(one, "--json") == Exit.INCONCLUSIVE
    told = json.loads(capsys.readouterr().out)
    assert (told["decision"], "'traffic'" in told["reason"]) == ("inconclusive", True), told["reason"]
    assert sum(not one["trouble"] for one in records(evidence(), "traffic")) >= bool(readings)


def test_a_bug_of_ours_in_the_midst_of_it_is_70_and_leaves_the_evidence_whole(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = decide, 0

    def breaks(*given: Any, **named: Any) -> Any:
        nonlocal seen
        seen += 1
        return real(*given, **named) if seen < 6 else 1 / 0

    with rollout(tmp_path) as one:
        monkeypatch.setattr(gate_walk, "decide", breaks)
        assert run(one) == Exit.INTERNAL
        monkeypatch.setattr(gate_walk, "decide", real)
        assert capsys.readouterr().out == ""
        assert replay(evidence()) == Exit.PASSED
        assert run(one, "--resume") == Exit.PASSED


@pytest.mark.parametrize(
    ("old", "new", "sentence", "line"),
    [
        ("min_rounds: 3, max_rounds: 12", "min_rounds: 30, max_rounds: 12", "at least 30 rounds, and at most 12", 10),
        ("version: '1.0.0'", "version: '2.0.0'", "2.0.0", 0),
        ("gap: 0s", "gap: 0s\nmetrics: [{kind: rounds, weight: 0.5}]", "sum to 0.5", 9),
        ("service: acme/shop", "service: ../../etc/passwd", "service", 1),
        ("service: acme/shop", "service: acme/shop\nname: '../x'", "name", 2),
        ("suite: suite.yaml", "suite: /no/such.yaml", "no/such.yaml", 2),
        ("every: 50ms", "evry: 50ms", "did you mean 'every'?", 7),
    ],
    ids=["a stage that cannot be passed", "one version", "weights", "a hostile service", "a hostile name", "no suite", "a typo"],
)
def test_a_policy_that_cannot_be_followed_is_told_at_its_line_and_nothing_is_asked(
    old: str, new: str, sentence: str, line: int, tmp_path: Path, capsys: Capture
) -> None:
    with rollout(tmp_path, stages=QUICK) as one:
        text = one.policy.read_text()
        assert old in text
        one.policy.write_text(text.replace(old, new, 1))
        assert run(one) == Exit.USAGE
        assert (one.canary.asked, one.baseline.asked) == (0, 0)
    said = capsys.readouterr().err
    assert sentence in said and f"shop.yaml:{line or ''}" in said
    assert not list(Path(".vedette/gates").glob("*"))


def test_a_round_that_would_ask_nothing_is_nothing_to_judge(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path) as one:
        suite = tmp_path / "suite.yaml"
        suite.write_text(
            suite.read_text()
            .replace("probe: http", "probe: http\n    targets: [there]")
            .replace("targets:\n", "targets:\n  there: {base_url: 'http://127.0.0.1:1'}\n", 1)
        )
        assert run(one) == Exit.NOTHING_SELECTED
    assert "a round would ask nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--canary-version", "1.0.0"], "both sides have the version '1.0.0'"),
        (["--canary-version", "a\nb"], "should be a version"),
        (["--canary-version", ""], "should be a version"),
        (["--stage", "nan"], "should be percent of the traffic"),
        (["--stage", "-1"], "should be percent of the traffic"),
        (["--advance", "'"], "cannot be read: no closing quotation"),
        (["--advance", " "], "needs a program"),
        (["--timeout", "0"], "should be more than nothing"),
        (["--evidence", "."], "is there already"),
        (["--evidence", ".", "--resume"], "cannot be used for evidence: Is a directory"),
        (["--evidence", "no/such/folder/x.jsonl"], "'no/such/folder' is not there"),
        (["--evidence", "x" * 300], "File name too long"),
        (["--evidence", "shop.yaml"], "is there already; --resume goes on with it"),
        (["--evidence", "shop.yaml", "--resume"], "cannot be gone on with: line 1: "),
        (["--evidence", "nothing.jsonl", "--resume"], "'nothing.jsonl' is not there"),
        (["--resume"], "no gate of the policy 'shop' was begun here"),
    ],
    ids=lambda value: " ".join(value)[:30].replace("\n", "|") if isinstance(value, list) else None,
)
def test_a_wrong_line_asks_nothing_and_leaves_nothing(words: list[str], sentence: str, tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path) as one:
        assert run(one, *words) == Exit.USAGE
        assert (one.canary.asked, one.baseline.asked) == (0, 0)
    assert sentence in capsys.readouterr().err
    assert not list(Path(".").glob(".vedette/gates/*"))


# Shadow


@pytest.mark.parametrize(
    ("status", "verdict", "would_exit"), [(200, "promote", 0), (500, "rollback", 1)], ids=["sound", "broken"]
)
def test_in_shadow_mode_nobody_is_bound_and_everybody_is_told(
    status: int, verdict: str, would_exit: int, tmp_path: Path, capsys: Capture
) -> None:
    with rollout(tmp_path, Side("2.0.0", status)) as one:
        assert run(one, "--shadow", "--json") == Exit.PASSED
        told = json.loads(capsys.readouterr().out)
        found = (told["shadow"], told["decision"], told["exit_code"], told["would_exit"])
        assert found == (True, verdict, 0, would_exit)
        assert run(one, "--shadow") == Exit.PASSED
    assert capsys.readouterr().out.startswith(f"shadow mode, nobody is bound; it would have been {verdict}")


# Moving the traffic


def test_the_traffic_is_moved_before_each_stage_by_no_shell(tmp_path: Path, capfd: Capture) -> None:
    with rollout(tmp_path) as one:
        mover = tmp_path / "move"
        mover.write_text('#!/bin/sh\necho "moved $1 $2"\necho "$1 $2" >> moved.txt\n')
        mover.chmod(0o755)
        assert run(one, "--advance", f"{mover} '$(touch x)' weight={{weight}}") == Exit.PASSED
    assert Path("moved.txt").read_text() == "$(touch x) weight=5\n$(touch x) weight=100\n"
    said = capfd.readouterr()
    assert said.out.startswith("promote: ") and "moved $(touch x) weight=5\n" in said.err
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("false", "the traffic was not moved to 5 %: 'false' ended with exit code 1"),
        ("no-such-program {weight}", "'no-such-program' cannot be run: No such file or directory"),
        ("sh -c 'kill -9 $$'", "'sh' ended with SIGKILL"),
        ("sleep 60", "'sleep' was still at work after 0.2 s, and was ended"),
    ],
    ids=["it fails", "it is not there", "it is killed", "it hangs"],
)
def test_where_the_traffic_is_not_moved_nothing_is_decided(
    command: str, sentence: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_advance, "WITHIN_S", 0.2)
    monkeypatch.setattr(gate_advance.advance, "__kwdefaults__", {"within_s": 0.2})
    with rollout(tmp_path) as one:
        assert run(one, "--advance", command) == Exit.INCONCLUSIVE
        assert one.canary.asked == 0
    assert f"{sentence}; no stage has begun; --resume goes on" in capsys.readouterr().out
    assert records(evidence(), "stage") == []


def test_what_hung_in_moving_the_traffic_is_gone_with_all_that_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_advance.advance, "__kwdefaults__", {"within_s": 0.5})
    with rollout(tmp_path) as one:
        assert run(one, "--advance", "sh -c 'sleep 60 & echo $! > pid; wait'") == Exit.INCONCLUSIVE
    with pytest.raises(ProcessLookupError):
        os.kill(_alive(int(Path("pid").read_text())), 0)


def _alive(pid: int) -> int:
    """Return the id, or one that nobody has where the process is dead and only not yet buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return pid
    return pid if state not in "ZX" else 2**22 + 1


# Stopping, and going on


def test_what_is_not_decided_in_time_is_4_and_can_be_gone_on_with(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, stages=LONG) as one:
        assert run(one, "--timeout", "500ms") == Exit.DEADLINE
        said = capsys.readouterr().out
        assert said.startswith("undecided at 5 %: the time given (0.5 s) was over; ") and "--resume goes on" in said
        rounds = len(records(evidence(), "round"))
        assert run(one, "--timeout", "500ms", "--resume") == Exit.DEADLINE
    assert len(records(evidence(), "round")) > rounds
    assert replay(evidence()) == Exit.PASSED


def start(one: Rollout, *words: str) -> subprocess.Popen[str]:
    line = [str(COMMAND), "gate", "run", str(one.policy), *words]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_cleanly(number: int, code: int, tmp_path: Path) -> None:
    with rollout(tmp_path, stages=LONG) as one:
        gate = start(one)
        one.canary.wait_for(5)
        gate.send_signal(number)
        out, err = gate.communicate(timeout=30)
    assert (gate.returncode, out.startswith("undecided at 5 %: it was interrupted by SIG")) == (code, True), err
    assert replay(evidence()) == Exit.PASSED


def test_a_stage_that_was_shown_is_no_promotion_where_the_next_was_not_begun(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "moving")
    with rollout(tmp_path) as one:
        gate = start(one, "--json", "--advance", "sh -c 'test {weight} = 5 || { echo > moving; sleep 60; }'")
        (tmp_path / "moving").read_text()  # it is moving the traffic to the second stage
        gate.send_signal(signal.SIGTERM)
        out, err = gate.communicate(timeout=30)
    told = json.loads(out)
    assert (gate.returncode, told["decision"], told["stage"]["weight"], told["decided"]) == (143, "promote", 5, False), err


def test_it_goes_on_after_kill_9_with_all_the_evidence_that_it_had(tmp_path: Path, capsys: Capture) -> None:
    stages = (STAGES[0].replace("min_rounds: 3", "min_rounds: 25"), STAGES[1])
    with rollout(tmp_path, stages=stages) as one:
        gate = start(one)
        one.canary.wait_for(10)
        gate.kill()
        gate.communicate(timeout=30)
        before = evidence().read_text().splitlines()
        rounds = len(records(evidence(), "round"))
        assert 5 <= rounds < 25
        with evidence().open("a") as file:
            file.write('{"n":999,"record":{"kind":"ro')  # what a cut off write leaves
        asked = one.canary.asked
        assert run(one, "--resume") == Exit.PASSED
        assert one.canary.asked - asked < 25 + 10
    said = capsys.readouterr()
    assert "was cut off before anybody acted on it" in said.err and "of evidence until now" in said.err
    after = evidence().read_text().splitlines()
    assert after[: len(before)] == before
    assert json.loads(after[len(before)])["record"] | {"at": 0} == {
        "kind": "looked",
        "at": 0,
        "trouble": "the gate was away, and goes on",
    }
    assert [stage["index"] for stage in records(evidence(), "stage")] == [0, 1]
    assert replay(evidence()) == Exit.PASSED


def test_a_gate_that_is_over_is_told_again_and_asks_nothing(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, Side("2.0.0", status=500)) as one:
        assert run(one) == Exit.FAILED
        first, asked, text = capsys.readouterr().out, one.canary.asked, evidence().read_text()
        one.canary.status = 200
        assert run(one, "--resume") == Exit.FAILED
        assert (capsys.readouterr().out, one.canary.asked, evidence().read_text()) == (first, asked, text)


def test_evidence_is_gone_on_with_only_under_the_policy_that_it_was_gathered_under(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, stages=LONG) as one:
        assert run(one, "--timeout", "300ms", "--canary-version", "2.0.0") == Exit.DEADLINE
        assert run(one, "--resume", "--canary-version", "3.0.0") == Exit.USAGE
        assert "is about version '2.0.0' of the canary, not '3.0.0'" in capsys.readouterr().err
        assert run(one, "--resume", "--shadow") == Exit.USAGE
        assert "was not begun in shadow mode" in capsys.readouterr().err
        one.policy.write_text(one.policy.read_text().replace("margin: 1", "margin: 40"))
        assert run(one, "--resume") == Exit.USAGE
        assert "is another one than" in capsys.readouterr().err


def test_a_scenario_that_was_taken_out_of_the_suite_is_not_done_without(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, stages=LONG) as one:
        suite = tmp_path / "suite.yaml"
        text = suite.read_text()
        suite.write_text(text + text[text.index("  - name:") :].replace("the shop sells", "the shop sells twice"))
        assert run(one, "--timeout", "300ms") == Exit.DEADLINE
        suite.write_text(text)
        assert run(one, "--resume") == Exit.USAGE
    assert "the suite has no scenario 'the shop sells twice' any more, with which " in capsys.readouterr().err


def test_what_was_shown_before_it_was_away_is_looked_at_once_more(tmp_path: Path) -> None:
    for name in ("moving", "gone"):
        os.mkfifo(tmp_path / name)
    with rollout(tmp_path) as one:
        gate = start(one, "--advance", "sh -c 'test {weight} = 5 || { echo > moving; echo > gone; }'")
        (tmp_path / "moving").read_text()  # the first stage is shown
        gate.kill()
        (tmp_path / "gone").read_text()
        gate.communicate(timeout=30)
        assert run(one, "--resume") == Exit.PASSED
    kinds = [json.loads(line)["record"]["kind"] for line in evidence().read_text().splitlines()]
    away = kinds.index("looked")
    assert kinds[away : away + 3] == ["looked", "round", "stage"]


def test_evidence_that_somebody_changed_is_not_gone_on_with(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, stages=LONG) as one:
        assert run(one, "--timeout", "400ms") == Exit.DEADLINE
        evidence().write_text(evidence().read_text().replace('"right":1', '"right":2', 1))
        asked = one.canary.asked
        assert run(one, "--resume") == Exit.USAGE
        assert one.canary.asked == asked
    assert "cannot be gone on with: line 3: it is not what was written" in capsys.readouterr().err


def test_two_at_once_do_not_write_to_one_file(tmp_path: Path, capsys: Capture) -> None:
    with rollout(tmp_path, stages=LONG) as one:
        assert run(one, "--timeout", "300ms") == Exit.DEADLINE
        with gate_evidence.EvidenceFile(evidence(), resume=True):
            assert run(one, "--resume") == Exit.USAGE
    assert "another process writes to" in capsys.readouterr().err


def test_where_the_evidence_cannot_be_kept_nothing_is_decided(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.write, 0

    def full(file: int, data: bytes) -> int:
        nonlocal written
        if not data.startswith(b'{"n":') and not written:
            return real(file, data)
        written += 1
        if written == 7:
            return real(file, data[:20])  # half a line, and then nothing more
        if written > 7:
            raise OSError(28, "No space left on device")
        return real(file, data)

    with rollout(tmp_path) as one:
        monkeypatch.setattr(os, "write", full)
        assert run(one) == Exit.INCONCLUSIVE
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        said = capsys.readouterr()
        assert "so nothing is decided: No space left on device" in said.err and said.out == ""
        assert replay(evidence()) == Exit.PASSED
        assert run(one, "--resume") == Exit.PASSED


def test_a_stop_while_the_program_is_being_started_ends_it_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    real = asyncio.create_subprocess_exec

    async def cancelled_at_its_start() -> None:
        at_work = asyncio.Event()

        async def heard_of_late(*words: str, **options: Any) -> Any:
            program = await real(*words, **options)
            at_work.set()
            await asyncio.sleep(0.2)
            return program

        monkeypatch.setattr(asyncio, "create_subprocess_exec", heard_of_late)
        moving = asyncio.create_task(gate_advance.advance(["sh", "-c", f"exec 3> {tmp_path / 'alive'}; sleep 60; true"], 5))
        await at_work.wait()
        await asyncio.sleep(0.1)  # it holds the pipe open, and is not heard of yet
        moving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await moving

    asyncio.run(cancelled_at_its_start())
    assert select.select([alive], [], [], 10)[0]  # its end, since nobody holds it open any more
    assert os.read(alive, 1) == b""
    os.close(alive)
