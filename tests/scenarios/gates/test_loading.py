"""This file is for policies from file to model, and for every mistake at its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scenarios.gates.loading import load_policy
from scenarios.gates.policy import Profile, WhenShared
from scenarios.gates.profiles import STAGES
from scenarios.gates.reading import bundled_policies
from scenarios.mistakes import SuiteError
from tests.scenarios.gates.policy_making import HEAD, load


def _mistakes(folder: Path, text: str, environ: Mapping[str, str] | None = None, *, name: str = "policy.yaml") -> list[str]:
    with pytest.raises(SuiteError) as caught:
        load(folder, text, environ, name=name)
    at = [
        (m.place.file.path.rpartition("/")[2], m.place.line, m.place.column) if m.place else ("", 0, 0)
        for m in caught.value.mistakes
    ]
    return [f"{f}:{n}:{c}: {m.sentence} | {m.remedy}" for (f, n, c), m in zip(at, caught.value.mistakes, strict=True)]


def test_a_policy_is_whole_when_it_is_loaded(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    policy = loaded.policy
    assert (policy.name, policy.service, loaded.suite.name, loaded.target.name) == ("policy", "shop/checkout", "shop", "staging")
    assert [stage.weight for stage in policy.stages] == [0, 5, 25, 50, 100]
    assert [stage.name for stage in policy.stages] == ["smoke", "5 %", "25 %", "50 %", "bake"]
    assert [trigger.id for trigger in policy.triggers or ()] == ["critical_errors", "five_xx_spike", "canary_unreachable"]
    assert loaded.triggers == {
        "critical_errors": ("shelves are shown",),
        "five_xx_spike": ("shelves are shown", "health is told"),
        "canary_unreachable": ("shelves are shown", "health is told"),
    }
    assert [one.id for one in loaded.not_armed] == [
        *("cross_tenant_leak", "pii_in_logs", "breaker_stuck_open", "rate_limiter_blocks_legit"),
    ]
    assert all(one.lacking for one in loaded.not_armed)


def test_without_tags_a_round_asks_what_needs_no_grant_and_breaks_nothing(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert [s.name for s in loaded.scenarios] == ["shelves are shown", "health is told"]
    why = {one.scenario: one.why for one in loaded.left_out}
    assert why["health follows redis"].startswith("it breaks 'redis_down' on purpose")
    assert why["an order is taken"] == "it needs write, which target 'staging' does not grant"
    assert why["the order is shown"].startswith("it needs 'an order is taken', which is left out: it needs write")
    assert why["callers are limited"] == "it needs burst, which target 'staging' does not grant"
    assert "reports by itself" in why["backups report"]


def test_what_a_tag_names_is_asked_where_it_is_granted(tmp_path: Path) -> None:
    loaded = load(tmp_path, HEAD + "tags: [smoke]\n")
    assert [s.name for s in loaded.scenarios] == ["shelves are shown", "health is told", "health follows redis"]
    assert loaded.left_out == ()


def test_tags_are_alternatives_of_tags_that_stand_together(tmp_path: Path) -> None:
    loaded = load(tmp_path, HEAD + 'tags: ["smoke,shelf", "limit"]\n')
    assert [s.name for s in loaded.scenarios] == ["shelves are shown"]
    assert [one.scenario for one in loaded.left_out] == ["callers are limited"]


def test_a_trigger_of_the_file_is_armed_by_what_it_names(tmp_path: Path) -> None:
    text = HEAD + (
        "triggers:\n"
        "  - {id: shelves_gone, scenarios: [shelves are shown], times: 2, shared: rollback}\n"
        "  - {id: errors, danger: server_errors, kinds: [health]}\n"
        "  - {id: smoke, tags: [smoke]}\n"
    )
    loaded = load(tmp_path, text)
    assert loaded.triggers == {
        "shelves_gone": ("shelves are shown",),
        "errors": ("health is told",),
        "smoke": ("shelves are shown", "health is told"),
    }
    assert (loaded.policy.triggers or ())[0].shared is WhenShared.ROLLBACK
    assert loaded.not_armed == ()


def test_a_policy_finds_its_suite_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_policy("../policy.yaml", {}).suite.name == "shop"


def test_variables_are_filled_in_and_secrets_are_never_recorded(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n", encoding="utf-8")
    text = HEAD.replace(
        "{X-Canary: always}", '{X-Canary: always, X-Key: "${CANARY_TOKEN}", X-File: {file: key}}, base_url: "${CANARY_URL}"'
    )
    environ = {"CANARY_TOKEN": "t0ken-of-canary", "CANARY_URL": "http://127.0.0.1:7/t0ken-of-canary"}
    loaded = load(tmp_path, text, environ)
    assert loaded.policy.canary.base_url == environ["CANARY_URL"]
    assert loaded.policy.canary.headers["X-File"].reveal() == "from-a-file"  # type: ignore[union-attr]
    assert ("t0ken-of-canary", "canary_token") in loaded.secrets
    recorded = loaded.recorded()
    assert recorded["canary"]["headers"] == {"X-Canary": "***", "X-Key": "***", "X-File": "***"}
    assert "t0ken" not in str(recorded) and "from-a-file" not in str(recorded)
    assert type(loaded.policy).model_validate(recorded).stages == loaded.policy.stages


def test_a_variable_without_a_value_is_told_and_its_secret_neighbour_is_not_shown(tmp_path: Path) -> None:
    text = HEAD.replace("headers: {X-Canary: always}", "base_url: '${CANARY_URL}', headers: {X-Token: hunter22}")
    assert _mistakes(tmp_path, text)[0].startswith(
        "policy.yaml:4:35: the environment variable 'CANARY_URL' is not set | set it, or give a default"
    )
    with pytest.raises(SuiteError) as caught:
        load(tmp_path, text)
    assert "hunter22" not in str(caught.value)


COUNTERS = "canary_total: a, canary_failed: b, baseline_total: c, baseline_failed: d"
STAGES_TEXT = HEAD + "stages:\n"
CASES: Mapping[str, tuple[str, str]] = {
    "a key nobody knows": (HEAD + "stage: []\n", "policy.yaml:7:1: unknown field 'stage' | did you mean 'stages'?"),
    "a key nobody knows, in a stage": (
        STAGES_TEXT + "  - {weight: 5, max_round: 9}\n",
        "policy.yaml:8:17: unknown field 'max_round' | did you mean 'max_rounds'?",
    ),
    "a key nobody knows, in a metric": (
        HEAD + "metrics:\n  - {kind: latency, weight: 1, over: p75, above: p75}\n",
        "policy.yaml:8:32: unknown field 'over' | ",
    ),
    "a metric of no kind": (
        HEAD + "metrics: [{weight: 1}]\n", "policy.yaml:7:11: 'kind' is missing | one of rounds, latency, traffic",
    ),
    "a metric of a kind nobody knows": (
        HEAD + "metrics: [{kind: round, weight: 1}]\n",
        "policy.yaml:7:18: there is no kind of metric 'round' | did you mean 'rounds'?",
    ),
    "alpha out of range": (HEAD + "alpha: 0.7\n", "policy.yaml:7:8: 'alpha' cannot be 0.7 | should be less than 0.5"),
    "beta out of range": (HEAD + "beta: 0\n", "policy.yaml:7:7: 'beta' cannot be 0 | should be more than 0"),
    "more at least than at most": (
        STAGES_TEXT + "  - {weight: 5, min_rounds: 500, max_rounds: 400}\n",
        "policy.yaml:8:29: the stage '5 %' wants at least 500 rounds, and at most 400 | "
        "'min_rounds' should not be above 'max_rounds'",
    ),
    "longer at least than at most": (
        STAGES_TEXT + "  - {weight: 5, min_time: 2h, max_time: 1h}\n",
        "policy.yaml:8:27: the stage '5 %' should last at least 2h, and at most 1h | 'min_time' should not be above 'max_time'",
    ),
    "rounds that the time does not hold": (
        STAGES_TEXT + "  - {weight: 5, min_rounds: 100, max_time: 10m}\n",
        "policy.yaml:8:44: the stage '5 %' ends after 10m, and its 100 rounds take 16.5m | "
        "a round begins every 10s: at least 16.5m",
    ),
    "a margin that no record could show": (
        STAGES_TEXT + "  - {weight: 5, margin: 0.5, max_rounds: 400, max_time: 2h}\n",
        "policy.yaml:8:25: the stage '5 %' cannot show a margin of 0.5 points in 400 rounds, not even where none fails | "
        "that takes at least 598 rounds; 400 can show 0.8 points",
    ),
    "a margin that the time does not hold": (
        HEAD + "every: 60s\nstages:\n  - {weight: 5, margin: 2, max_time: 1h}\n",
        "policy.yaml:9:25: the stage '5 %' cannot show a margin of 2 points in 61 rounds, not even where none fails | "
        "that takes at least 149 rounds; 61 can show 4.8 points",
    ),
    "a profile that rounds so seldom cannot follow": (
        HEAD + "every: 10m\n",
        "policy.yaml:7:8: the stage '5 %' ends after 2h, and its 100 rounds take 16.5h | "
        "a round begins every 10m: at least 16.5h",
    ),
    "a margin that all stages together do not hold": (
        STAGES_TEXT
        + "  - {weight: 5, margin: 2, max_rounds: 150}\n"
        + "  - {weight: 25, margin: 1, min_rounds: 9, max_rounds: 140}\n",
        "policy.yaml:9:26: the stage '25 %' cannot show a margin of 1 points in the 290 rounds up to its end, "
        "not even where none fails | that takes at least 299 rounds; 290 can show 1.1 points",
    ),
    "weights that fall": (
        STAGES_TEXT + "  - {weight: 25}\n  - {weight: 5}\n",
        "policy.yaml:9:14: the stage '5 %' has a smaller weight than the one before it: 5 after 25 | "
        "the canary is given more and more of the traffic",
    ),
    "one weight twice": (
        STAGES_TEXT + "  - {weight: 25}\n  - {name: again, weight: 25}\n",
        "policy.yaml:9:27: the stage 'again' has the same weight as the one before it: 25 after 25 | "
        "the canary is given more and more of the traffic",
    ),
    "two stages of one name": (
        STAGES_TEXT + "  - {name: a, weight: 25}\n  - {name: a, weight: 50}\n",
        "policy.yaml:9:12: two stages are named 'a' | the first is item 1",
    ),
    "no stages": (
        HEAD + "stages: []\n",
        "policy.yaml:7:9: 'stages' should not be empty | leave it out for the stages of the profile",
    ),
    "a profile and stages": (
        HEAD + "profile: coarse\nstages: [{weight: 5}]\n",
        "policy.yaml:7:1: 'profile' and 'stages' are both given | 'stages' takes the place of the profile's: leave one out",
    ),
    "metrics' weights that do not sum": (
        HEAD + "metrics:\n  - {kind: rounds, weight: 0.5}\n  - {kind: latency, weight: 0.3, above: p75}\n",
        "policy.yaml:8:3: the weights of the metrics sum to 0.8 (0.5 + 0.3) | "
        "all weights together should be 1: they share one chance of a false rollback",
    ),
    "a calibration that no stage waits for": (
        STAGES_TEXT + "  - {weight: 0, max_rounds: 60}\n  - {weight: 5, margin: 12, max_rounds: 100}\n"
        "metrics: [{kind: latency, weight: 1, above: p75, calibration: 160}]\n",
        "policy.yaml:10:63: the bound is taken from 160 rounds, and the stage '5 %' ends before these are over | "
        "up to its end there are 160 rounds at most",
    ),
    "one metric twice": (
        HEAD + "metrics:\n  - {kind: latency, weight: 0.5, above: p75}\n  - {kind: latency, weight: 0.5, above: p75}\n",
        "policy.yaml:9:5: the same latency metric stands twice | it is that of item 1; give one of them the weight of both",
    ),
    "a counter that is compared with itself": (
        HEAD + "metrics: [{kind: traffic, weight: 1, source: metrics, canary_total: 'sum(a)', canary_failed: b, "
        "baseline_total: sum( a ), baseline_failed: c}]\n",
        "policy.yaml:7:113: 'baseline_total' is the same counter as 'canary_total', so nothing would be compared | "
        "should be another one, by a name or by labels",
    ),
    "requests that all count as failed": (
        HEAD + "metrics: [{kind: traffic, weight: 1, canary_total: a, canary_failed: a, baseline_total: a, "
        "baseline_failed: b}]\n",
        "policy.yaml:7:70: 'canary_failed' is the same counter as 'canary_total', so nothing would be compared | "
        "should be another one, by a name or by labels",
    ),
    "a source that is not there": (
        HEAD + "metrics: [{kind: traffic, weight: 1, source: metric, COUNTERS}]\n",
        "policy.yaml:7:46: target 'staging' has no evidence source 'metric' | did you mean 'metrics'?",
    ),
    "a side's source that is not there": (
        HEAD.replace('always}}', 'always}, evidence: {app_log: canary_lgo}}'),
        "policy.yaml:4:73: target 'staging' has no evidence source 'canary_lgo' | known here: app_log, metrics",
    ),
    "a side's source of another kind": (
        HEAD.replace('always}}', 'always}, evidence: {app_log: metrics}}'),
        "policy.yaml:4:73: 'metrics' cannot stand for 'app_log' | 'metrics' is of kind prometheus, 'app_log' of log_file: "
        "scenarios could not read it",
    ),
    "a source that holds no values": (
        HEAD + "metrics: [{kind: traffic, weight: 1, source: app_log, COUNTERS}]\n",
        "policy.yaml:7:46: 'app_log' is no source of metric values | it is of kind log_file",
    ),
    "the same version on both sides": (
        HEAD.replace('version: "2"', 'version: "1"'),
        "policy.yaml:4:19: both sides have the same version | nothing is rolled out, and no answer could say whose it is",
    ),
    "sides that are one": (
        HEAD.replace(", headers: {X-Canary: always}", ', base_url: "http://127.0.0.1:9/"'),
        "policy.yaml:4:9: nothing tells the canary from the baseline: both are asked at the same address, in the same way | "
        "give one of them its own 'base_url', or 'headers', 'cookies' or a 'host' that the proxy goes by",
    ),
    "an address that is none": (
        HEAD.replace("headers: {X-Canary: always}", "base_url: 'ftp://x'"),
        "policy.yaml:4:34: 'base_url' is not right | should be an address that starts with http:// or https://",
    ),
    "a host as a header": (
        HEAD.replace("X-Canary: always", "Host: c.test"),
        "policy.yaml:4:40: the header 'Host' is not sent from here | give it as 'host' of 'canary'",
    ),
    "an identity of nothing": (
        HEAD.replace("{header: X-Version}", "{}"),
        "policy.yaml:6:11: nothing says which version an answer is of | "
        "'header' that every answer bears, or 'path' with 'field' or 'header'",
    ),
    "an identity that only says where": (
        HEAD.replace("{header: X-Version}", "{path: /health}"),
        "policy.yaml:6:18: 'path' says nothing by itself | give 'field', a JSONPath in its answer, or 'header'",
    ),
    "an identity that only says what": (
        HEAD.replace("{header: X-Version}", "{field: $.version}"),
        "policy.yaml:6:19: 'field' belongs to a 'path' | give the 'path' in whose answer it stands",
    ),
    "a tag nobody has": (
        HEAD + "tags: [smok]\n", "policy.yaml:7:8: no scenario for target 'staging' has the tag 'smok' | did you mean 'smoke'?",
    ),
    "a round that asks nothing": (
        HEAD + "tags: [limit]\n",
        "policy.yaml:7:7: a round would ask nothing | "
        "'callers are limited' is left out: it needs burst, which target 'staging' does not grant",
    ),
    "a danger nobody knows": (
        HEAD + "triggers: [{id: a, danger: cross_tenant_leaks}]\n",
        "policy.yaml:7:28: nobody knows the danger 'cross_tenant_leaks' | did you mean 'cross_tenant_leak'?",
    ),
    "a trigger that nothing can arm": (
        HEAD + "triggers: [{id: a, danger: limit_blocks_legitimate}]\n",
        "policy.yaml:7:17: no scenario of a round can arm the trigger 'a' | "
        "'callers are limited' could, but is left out: it needs burst, which target 'staging' does not grant",
    ),
    "a trigger that tags leave without": (
        HEAD + "tags: [shelf]\ntriggers: [{id: a, scenarios: [health is told]}]\n",
        "policy.yaml:8:17: no scenario of a round can arm the trigger 'a' | 'health is told' could, but 'tags' does not name it",
    ),
    "a trigger of nothing": (
        HEAD + "triggers: [{id: a}]\n",
        "policy.yaml:7:17: the trigger 'a' names nothing that could set it off | "
        "give a 'danger', or 'kinds', 'tags' or 'scenarios' whose failing counts",
    ),
    "a trigger for an unknown scenario": (
        HEAD + "triggers: [{id: a, scenarios: [shelves are show]}]\n",
        "policy.yaml:7:32: there is no scenario 'shelves are show' for target 'staging' | did you mean 'shelves are shown'?",
    ),
    "a trigger for an unknown kind": (
        HEAD + "triggers: [{id: a, kinds: [htpp]}]\n",
        "policy.yaml:7:28: there is no probe kind 'htpp' for target 'staging' | did you mean 'http'?",
    ),
    "two triggers of one id": (
        HEAD + "triggers: [{id: a, tags: [smoke]}, {id: a, tags: [shelf]}]\n",
        "policy.yaml:7:41: two triggers have the id 'a' | the first is item 1",
    ),
    "a target that is not there": (
        HEAD.replace("target: staging", "target: stagin"),
        "policy.yaml:3:9: there is no target 'stagin' | did you mean 'staging'?",
    ),
    "a suite that is not there": (
        HEAD.replace("suite: suite.yaml", "suite: suit.yaml"),
        "policy.yaml:2:8: there is no file 'suit.yaml' | ",
    ),
    "a service that is no name": (
        HEAD.replace("shop/checkout", "'../etc'"),
        "policy.yaml:1:10: 'service' cannot be '../etc' | should match ^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
    ),
    "a key given twice": (HEAD + "target: other\n", "policy.yaml:7:1: the key 'target' is given twice | first given in line 3"),
    "nothing of it": ("name: x\n", "policy.yaml:1:1: 'service' is missing | 'service' must be given here"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_at_its_place(case: str, tmp_path: Path) -> None:
    text, wanted = CASES[case]
    found = _mistakes(tmp_path, text.replace("COUNTERS", COUNTERS))
    assert any(one.startswith(wanted) for one in found), found
    assert len(found) == 1 or case in ("nothing of it", "a profile that rounds so seldom cannot follow")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = (
        HEAD.replace('version: "2"', 'version: "1"')
        + "stages:\n  - {weight: 25, min_rounds: 9, max_rounds: 8}\n  - {weight: 5}\n"
    )
    assert [one.partition(" ")[0] for one in _mistakes(tmp_path, text)] == [
        "policy.yaml:4:19:",
        "policy.yaml:8:30:",
        "policy.yaml:9:14:",
    ]


def test_mistakes_of_the_suite_are_told_in_the_suite(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "wrong.yaml").write_text("targets: {staging: {}}\nscenarios: [{name: a, probe: nope}]\n", encoding="utf-8")
    found = _mistakes(tmp_path, HEAD.replace("suite.yaml", "wrong.yaml") + "shadows: true\n")
    assert [one.split(":")[0] for one in found] == ["policy.yaml", "wrong.yaml", "wrong.yaml"]


def test_a_file_whose_name_cannot_be_the_policys_needs_a_name(tmp_path: Path) -> None:
    assert _mistakes(tmp_path, HEAD, name="my policy.yaml")[0].startswith("my policy.yaml:1:1: 'name' is missing")
    assert load(tmp_path, HEAD + "name: mine\n", name="my policy.yaml").policy.name == "mine"


@pytest.mark.parametrize("text", ["", "[]", "just words"], ids=["empty", "a list", "words"])
def test_a_file_that_holds_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    assert "a policy is a mapping" in _mistakes(tmp_path, text)[0]


def test_a_file_that_is_not_there_is_told_with_its_neighbour(tmp_path: Path) -> None:
    load(tmp_path)
    with pytest.raises(SuiteError, match=r"there is no file .*polcy.yaml'\n  = did you mean '.*policy.yaml'"):
        load_policy(tmp_path / "polcy.yaml", {})
    with pytest.raises(SuiteError, match="there is no policy 'canary-dem'\n  = did you mean 'canary-demo'"):
        load_policy("canary-dem", {})


@pytest.mark.parametrize("profile", Profile)
def test_a_profile_can_be_followed_as_it_stands(profile: Profile, tmp_path: Path) -> None:
    loaded = load(tmp_path, HEAD + f"profile: {profile}\n")
    assert [s.weight for s in loaded.policy.stages] == [s.weight for s in STAGES[profile]]


ENVIRON = {
    "VEDETTE_DEMO_URL": "http://127.0.0.1:1", "VEDETTE_DEMO_LOG": "demo.log", "VEDETTE_REFERENCE_TOKEN": "reference-token",
    "VEDETTE_CANARY_URL": "http://127.0.0.1:2", "VEDETTE_BASELINE_URL": "http://127.0.0.1:3", "VEDETTE_PROXY_URL": "http://127.0.0.1:4",
}  # fmt: skip


@pytest.mark.parametrize("name", bundled_policies())
def test_a_bundled_policy_has_no_mistakes(name: str) -> None:
    loaded = load_policy(name, ENVIRON)
    assert loaded.scenarios and all(loaded.triggers.values())
