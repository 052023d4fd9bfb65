"""This file is for suites from file to model, and for every mistake at its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from probes.fields import Secret
from probes.outcome import Severity
from scenarios.loader import bundled_suites, load_suite
from scenarios.mistakes import SuiteError
from scenarios.model import Suite
from scenarios.source import FILE_BYTES

SUITES = Path("tests/scenarios/suites")
GOLDEN = Path("tests/golden/suites")
ENVIRON = {"GREETING_TOKEN": "s3cr3t-greeting", "GREETING_URLS": "x"}


def _load(text: str, folder: Path, environ: dict[str, str] | None = None, **options: Any) -> Suite:
    """Load a suite from a text; `PLUGIN` stands for the test's plug-in file."""
    file = folder / "suite.yaml"
    file.write_text(text.replace("PLUGIN", str((SUITES / "greeting.py").absolute())), encoding="utf-8")
    return load_suite(str(file), environ=environ or {}, **options)


def _mistakes(text: str, folder: Path, environ: dict[str, str] | None = None, **options: Any) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        _load(text, folder, environ, **options)
    return [f"{m.place.line if m.place else 0}: {m.sentence} | {m.remedy} | {m.path}" for m in caught.value.mistakes]


HEAD = "plugins: [PLUGIN]\ntargets: {t: {base_url: 'http://127.0.0.1:9'}}\n"
ONE = "scenarios: [{name: one, probe: test_silent}]\n"


def test_a_suite_becomes_models() -> None:
    suite = load_suite(str(SUITES / "right.yaml"), target="staging", environ=ENVIRON)
    door, light = suite.scenarios
    assert (suite.name, suite.target_names, list(suite.targets)) == ("right", ("staging", "production"), ["staging"])
    assert (door.kind, door.severity, door.owner) == ("test_greeting", Severity.P0, "backend")
    assert (door.timeout, door.tags) == (20.0, ("smoke",))
    assert (light.schedule.every if light.schedule else None, light.tags, light.retries) == (300.0, ("slow",), 2)
    request: Any = door.probe.request  # type: ignore[attr-defined]
    assert (request.method, request.path) == ("POST", "/hello")
    assert request.headers == {"X-From": "own", "X-Kept": "yes"}
    assert request.json_body == {"use": "untouched", "when": "{{today+7d}} {{now}}", "price": "${PRICE}"}
    assert door.probe.threshold == 7  # type: ignore[attr-defined]
    assert door.probe.steps[0].request.headers["X-From"] == "fragment"  # type: ignore[attr-defined]


def test_values_keep_their_type() -> None:
    suite = load_suite(str(SUITES / "right.yaml"), target="staging", environ=ENVIRON)
    assert suite.targets["staging"].vars == {
        "country": "NO",
        "zip": "01234",
        "at": "12:30",
        "day": "2025-10-02",
        "octal": "010",
        "flag": "on",
        "yes_": True,
        "company": 15,
    }


def test_relative_paths_start_in_the_suites_folder() -> None:
    diary: Any = load_suite(str(SUITES / "right.yaml"), target="staging", environ=ENVIRON).targets["staging"].evidence["diary"]
    assert diary.path == str(SUITES.absolute() / "logs" / "diary.log")
    assert diary.secret.reveal() == "file-secret-value"
    assert diary.secret.origin == f"file:{SUITES.absolute() / 'secret.txt'}"


def test_a_secret_comes_from_the_environment_and_keeps_its_origin() -> None:
    suite = load_suite(str(SUITES / "right.yaml"), target="staging", environ=ENVIRON)
    auth = suite.targets["staging"].auth
    assert auth is not None and auth.bearer == Secret("s3cr3t-greeting") and auth.bearer.origin == "${GREETING_TOKEN}"
    assert suite.secrets == (("s3cr3t-greeting", "greeting_token"),)
    assert "s3cr3t-greeting" not in repr(suite)


def test_variables_are_needed_only_where_they_are_used() -> None:
    production = {"PRODUCTION_URL": "https://p.example", "PRODUCTION_TOKEN": "t0k3n", "ONLY_IN_PRODUCTION": "/p"}
    suite = load_suite(str(SUITES / "right.yaml"), target="production", environ=production)
    assert list(suite.targets) == ["production"]
    assert [s.name for s in suite.scenarios] == ["the door is open", "the light is on", "only there"]
    with pytest.raises(SuiteError) as caught:
        load_suite(str(SUITES / "right.yaml"), environ=ENVIRON, all_targets=True)
    names = [m.sentence for m in caught.value.mistakes]
    assert names == [f"the environment variable '{n}' is not set" for n in (*list(production)[:2], "ONLY_IN_PRODUCTION")]


def test_all_mistakes_are_told_at_once_each_at_its_place() -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(str(SUITES / "mistaken.yaml"), target="staging", environ=ENVIRON)
    told = caught.value.render(color=False) + "\n"
    golden = GOLDEN / "mistaken.txt"
    if os.environ.get("VEDETTE_WRITE_GOLDEN") == "1":
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")
    assert "hunter2" not in told and "s3cr3t" not in told and "correct horse" not in told


def test_a_value_of_the_environment_is_not_repeated(tmp_path: Path) -> None:
    scenarios = "scenarios: [{name: one, probe: test_greeting, request: {}, threshold: '${N}', expect: {within: 'in ${N}'}}]"
    told = _mistakes(HEAD + scenarios, tmp_path, {"N": "hunter2"})
    assert told == [
        "3: 'threshold' cannot be the value of '${N}' | should be a whole number | scenarios[0].threshold",
        "3: 'within' cannot be the value of 'in ${N}' | should be a duration such as 250ms, 1.5s, 5m or 2h"
        " | scenarios[0].expect.within",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["1: the file is empty | a suite has 'targets' and 'scenarios' | "]),
        ("- a", ["1: the file holds a list | a suite is a mapping: suite, targets, scenarios | "]),
        ("hello", ["1: the file holds a single value | a suite is a mapping: suite, targets, scenarios | "]),
        (
            "suite: x",
            [
                "1: 'scenarios' is missing | a suite without scenarios would check nothing | scenarios",
                "1: 'targets' is missing | a suite needs at least one target | targets",
            ],
        ),
        (HEAD + "scenarios: []", ["3: 'scenarios' should be a list with at least one scenario"
                                  " | a suite without scenarios would check nothing | scenarios"]),
        (HEAD + ONE + "description: [1]", ["4: 'description' should be text |  | description"]),
        (HEAD + ONE + "defaults: {name: x}",
         ["4: unknown field 'name' | known here: alone, covers, formerly, owner, retries, runbook, schedule, severity, sign_off,"
          " tags, targets, timeout, why | defaults.name"]),
        (HEAD + ONE + "fragments: {a: 1}", ["4: the fragment 'a' should be a mapping |  | fragments.a"]),
        (HEAD + "targets: {}\n" + ONE, ["3: the key 'targets' is given twice | first given in line 2 | "]),
        (
            HEAD + "fragments: {a: {use: [b]}, b: {use: [a]}}\nscenarios: [{name: one, probe: test_silent, use: [a]}]",
            ["3: the fragment 'a' uses itself |  | fragments.b.use"],
        ),
        (HEAD + "scenarios: [{name: one, probe: test_silent, needs: [one]}]",
         ["3: scenarios wait for each other in a circle | 'one' needs 'one' | scenarios[0].needs[0]"]),
        (HEAD + "scenarios: [{name: one, probe: test_silent, needs: one}]",
         ["3: 'needs' cannot be 'one' | should be a list, such as [one] | scenarios[0].needs"]),
        (HEAD + "scenarios: [{name: one, probe: test_silent, timeout: 0s}]",
         ["3: 'timeout' cannot be '0s' | should be more than 0 | scenarios[0].timeout"]),
        (HEAD + "scenarios: [{name: '', probe: test_silent}]",
         ["3: 'name' cannot be '' | should not be empty | scenarios[0].name"]),
        (HEAD + "scenarios: [{name: one, probe: log_privacy, requests: [{nam: x, name: x, request: {}}]}]",
         ["3: unknown field 'nam' | did you mean 'name'? | scenarios[0].requests[0].nam"]),
        (HEAD + "scenarios: [{name: 5, probe: test_silent}]",
         ["3: 'name' cannot be 5 | should be text: put it in quotes | scenarios[0].name"]),
        (HEAD + "scenarios: [{name: one, probe: test_silent, schedule: {every: 5m, timezone: UTC}}]",
         ["3: 'schedule' is not right | 'timezone' belongs to 'cron'; 'every' has none | scenarios[0].schedule"]),
        (HEAD + "scenarios: [{name: one, probe: test_silent, schedule: {cron: '0 0 31 4,6 *'}}]",
         ["3: 'cron' cannot be '0 0 31 4,6 *' | should be a cron expression such as '*/5 * * * *': bad day-of-month"
          " | scenarios[0].schedule.cron"]),
        (HEAD + "scenarios: [{name: one, probe: test_greeting, request: {json: {}, body: x}}]",
         ["3: 'request' is not right | give only one of 'json' and 'body' | scenarios[0].request"]),
        ("targets: {t: {base_url: 'http://u:pw@x'}}\nplugins: [PLUGIN]\n" + ONE,
         ["1: 'base_url' cannot be 'http://u:***@x' | may not hold a password; use 'auth' | targets.t.base_url"]),
    ],
)  # fmt: skip
def test_each_mistake_has_its_sentence(text: str, told: list[str], tmp_path: Path) -> None:
    assert _mistakes(text, tmp_path) == told


@pytest.mark.parametrize(
    "address",
    ["http://h?x=1", "http://h/a#b", "http://a b", "http://h:99999", "http://h:0", "http://h:x", "http://h:80:80", "http://[::1",
     "http://:80", "http:///x", "http://..", "http://h\\\\evil"],
)  # fmt: skip
def test_an_address_that_is_none_is_the_files_fault_and_never_a_red_target(address: str, tmp_path: Path) -> None:
    (told,) = _mistakes(f'targets: {{t: {{base_url: "{address}"}}}}\nplugins: [PLUGIN]\n' + ONE, tmp_path)
    assert told.startswith("1: 'base_url' cannot be") and " | targets.t.base_url" in told
    assert "may not hold a query" in told or "a host or a port that is none" in told


def test_a_mistake_in_a_fragment_is_told_once_and_where_it_stands(tmp_path: Path) -> None:
    users = "".join(f"  - {{name: s{n}, probe: test_greeting, use: [a]}}\n" for n in range(3))
    told = _mistakes(HEAD + "fragments:\n  a: {request: {pth: /}}\nscenarios:\n" + users, tmp_path)
    assert told == ["4: unknown field 'pth' | did you mean 'path'? | scenarios[0].request.pth"]


def test_another_targets_secret_file_need_not_lie_here_but_its_typos_are_told(tmp_path: Path) -> None:
    targets = "targets:\n  a: {base_url: 'http://x'}\n  b: {base_url: 'http://x', auth: {bearer: {file: missing}}%s}\n"
    head = "plugins: [PLUGIN]\n" + ONE
    assert list(_load(head + targets % "", tmp_path, target="a").targets) == ["a"]
    assert _mistakes(head + targets % ", hedders: {}", tmp_path, target="a") == [
        "5: unknown field 'hedders' | did you mean 'headers'? | targets.b.hedders"
    ]
    assert "the secret file" in _mistakes(head + targets % "", tmp_path, target="b")[0]


def test_an_unknown_target_is_told_with_the_known_ones() -> None:
    with pytest.raises(SuiteError, match="did you mean 'staging'"):
        load_suite(str(SUITES / "right.yaml"), target="stagin", environ=ENVIRON)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dem", "there is no suite 'dem'\n  = did you mean 'demo'?"),
        ("zzzzz", "give a path, or one of the bundled suites: "),
        ("tests/scenarios/suites/rigth.yaml", "did you mean 'tests/scenarios/suites/right.yaml'?"),
        ("tests/scenarios/suites", "could not be read: is a folder"),
        ("nowhere/x.yaml", "there is no file 'nowhere/x.yaml'"),
    ],
)
def test_a_suite_that_is_not_there_is_told_with_near_names(name: str, words: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(name, environ={})
    assert words in caught.value.render()


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_bytes(b"suite: x\ndescription: caf\xe9\n")
    with pytest.raises(SuiteError, match="the file is not UTF-8") as caught:
        load_suite(str(file), environ={})
    place = caught.value.mistakes[0].place
    assert place is not None and (place.line, place.column) == (2, 17)


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("missing.py", "there is no Python file"),
        ("broken.py", "does not load: SyntaxError"),
        ("empty.py", "defines no probe, evidence source or lever"),
        ("taken.py", "the name 'http' in"),
    ],
)
def test_a_plugin_file_that_cannot_be_used_is_a_mistake(plugin: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (", encoding="utf-8")
    (tmp_path / "empty.py").write_text("X = 1\n", encoding="utf-8")
    taken = "from probes.probe import Probe\nclass P(Probe, kind='http'):\n    def ask(self, session): ...\n"
    (tmp_path / "taken.py").write_text(taken, encoding="utf-8")
    text = f"plugins: [PLUGIN, {plugin}]\ntargets: {{t: {{base_url: 'http://x'}}}}\n" + ONE
    told = _mistakes(text, tmp_path)
    assert len(told) == 1 and words in told[0] and told[0].endswith("plugins[1]")


def test_a_suite_without_a_name_is_named_after_its_file(tmp_path: Path) -> None:
    assert _load(HEAD + ONE, tmp_path).name == "suite"


def test_bundled_suites_have_names() -> None:
    assert "demo" in bundled_suites()


def test_fragments_that_blow_each_other_up_are_refused(tmp_path: Path) -> None:
    doubling = "".join(f"  f{n}: {{a: {{use: [f{n - 1}]}}, b: {{use: [f{n - 1}]}}}}\n" for n in range(1, 40))
    scenarios = "scenarios:\n  - {name: one, probe: test_silent, use: [f39]}\n"
    (told,) = _mistakes(HEAD + "fragments:\n  f0: {x: 1}\n" + doubling + scenarios, tmp_path)
    assert "the fragments grow too large when laid out" in told


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text("# " + "x" * FILE_BYTES, encoding="utf-8")
    with pytest.raises(SuiteError, match="is larger than 4 MiB"):
        load_suite(str(file), environ={})
