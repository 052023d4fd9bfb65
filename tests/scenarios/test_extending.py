"""A suite on top of others: what is laid over what, where relative paths begin, and mistakes at their own file's line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.finding import bundled_suites, files_of
from scenarios.loader import load_suite
from scenarios.mistakes import SuiteError
from scenarios.model import Suite

BASE = """\
suite: base
description: what all have
targets:
  staging:
    base_url: http://staging.test
    allow: [write]
    vars: {tenant: 15}
    evidence: {log: {source: log_file, path: app.log}}
  production: {base_url: "http://production.test", environment: production}
fragments:
  fast: {expect: {status: 200, duration: 2s}}
defaults: {timeout: 10s, owner: base team}
statements:
  up: {section: Health, says: it is up}
scenarios:
  - {name: it is up, probe: http, use: fast, covers: [up], request: {path: /up}}
  - {name: it answers, probe: http, request: {path: /answer, headers: {A: "1", B: "2"}}}
"""


def _load(folder: Path, own: str, base: str = BASE) -> Suite:
    (folder / "below").mkdir(exist_ok=True)
    (folder / "below" / "base.yaml").write_text(base)
    (folder / "own.yaml").write_text(own)
    return load_suite(str(folder / "own.yaml"), environ={})


def _told(folder: Path, own: str, base: str = BASE) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        _load(folder, own, base)
    return [f"{Path(m.place.file.path).name}:{m.place.line}: {m.sentence} | {m.remedy}" for m in caught.value.mistakes if m.place]


def test_a_suite_is_what_it_extends_with_its_own_keys_laid_over(tmp_path: Path) -> None:
    own = (
        "suite: own\nextends: below/base.yaml\ntargets: {staging: {vars: {shop: 7}}}\ndefaults: {owner: us}\n"
        "fragments: {fast: {expect: {duration: 1s}}}\nscenarios:\n"
        "  - {name: it answers, request: {headers: {B: three}}, timeout: 3s}\n"
        "  - {name: ours, probe: http, request: {path: /ours}}\n"
    )
    suite = _load(tmp_path, own)
    assert (suite.name, suite.description, suite.target_names) == ("own", "what all have", ("staging", "production"))
    assert suite.targets["staging"].vars == {"tenant": 15, "shop": 7} and suite.targets["staging"].allow == {"write"}
    assert [s.name for s in suite.scenarios] == ["it is up", "it answers", "ours"]
    up, answers, ours = suite.scenarios
    assert (up.owner, up.timeout, answers.timeout, ours.timeout) == ("us", 10, 3, 10)
    assert answers.probe.request.headers == {"A": "1", "B": "three"} and answers.probe.request.path == "/answer"
    assert up.probe.expect.duration == 1 and list(suite.statements) == ["up"]


def test_relative_paths_begin_in_the_folder_of_the_file_that_names_them(tmp_path: Path) -> None:
    own = "extends: below/base.yaml\ntargets: {production: {evidence: {log: {source: log_file, path: own.log}}}}\n"
    suite = _load(tmp_path, own)
    paths = [suite.targets[name].evidence["log"].path for name in ("staging", "production")]
    assert paths == [str(tmp_path / "below" / "app.log"), str(tmp_path / "own.log")]


def test_a_source_of_another_kind_replaces_the_one_below(tmp_path: Path) -> None:
    own = "extends: below/base.yaml\ntargets: {staging: {evidence: {log: {source: command, argv: [cat, x]}}}}\n"
    assert _load(tmp_path, own).targets["staging"].evidence["log"].argv == ["cat", "x"]


def test_a_scenario_asked_by_another_kind_keeps_only_what_goes_with_any_kind(tmp_path: Path) -> None:
    own = "extends: below/base.yaml\nscenarios:\n  - {name: it is up, probe: health}\n"
    up = _load(tmp_path, own).scenarios[0]
    assert (up.kind, up.covers) == ("health", ("up",))


def test_scenarios_and_targets_can_be_left_out(tmp_path: Path) -> None:
    own = "extends: below/base.yaml\nwithout: {scenarios: [it answers], targets: [production]}\n"
    suite = _load(tmp_path, own)
    assert [s.name for s in suite.scenarios] == ["it is up"] and suite.target_names == ("staging",)


def test_a_scenario_that_is_only_for_a_target_that_is_gone_goes_with_it(tmp_path: Path) -> None:
    both, only = (
        "  - {name: both, probe: http, targets: [staging, production]}\n",
        "  - {name: only, probe: http, targets: [production]}\n",
    )
    base = BASE + both.replace("http,", "http, request: {path: /},") + only.replace("http,", "http, request: {path: /},")
    suite = _load(tmp_path, "extends: below/base.yaml\nwithout: {targets: [production]}\n", base)
    assert {s.name: s.targets for s in suite.scenarios} == {"it is up": (), "it answers": (), "both": ("staging",)}


def test_several_are_laid_over_each_other_in_order(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("fragments: {fast: {expect: {status: 204}}}\n")
    suite = _load(tmp_path, "extends: [below/base.yaml, shared.yaml]\n")
    assert suite.scenarios[0].probe.expect.status.codes == ("204",)


@pytest.mark.parametrize(
    "own",
    ["statements: {ours: {section: Own, says: so}}\n", "statements: ours.yaml\n", ""],
    ids=["beside", "in a file", "none"],
)
def test_statements_in_files_of_their_own_are_joined_too(own: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "base_statements.yaml").write_text("up: {section: Health, says: it is up}\n")
    (tmp_path / "ours.yaml").write_text("ours: {section: Own, says: so}\n")
    named = BASE.replace("statements:\n  up: {section: Health, says: it is up}\n", "statements: base_statements.yaml\n")
    suite = _load(tmp_path, f"extends: below/base.yaml\n{own}", named)
    assert set(suite.statements) == ({"up", "ours"} if own else {"up"})


def test_two_bundled_suites_can_be_stood_on_at_once(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("extends: [bookando, askpro]\n")
    suite = load_suite(str(tmp_path / "own.yaml"), environ={})
    assert {"log.json-lines", "alert.tenant-leak"} <= set(suite.statements)


@pytest.mark.parametrize("name", ["askpro", "demo"])
def test_a_bundled_suite_can_be_stood_on(name: str, tmp_path: Path) -> None:
    environ = {"VEDETTE_DEMO_URL": "http://x.test", "VEDETTE_DEMO_LOG": "l", "VEDETTE_REFERENCE_TOKEN": "t"}
    (tmp_path / "own.yaml").write_text(f"suite: ours\nextends: {name}\n")
    assert load_suite(str(tmp_path / "own.yaml"), environ=environ).scenarios
    assert name in bundled_suites()


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("extends: below/bas.yaml\n", "own.yaml:1: there is no file 'below/bas.yaml' | did you mean '{folder}/below/base.yaml'?"),
        ("extends: askpor\n", "own.yaml:1: there is no suite 'askpor' | did you mean 'askpro'?"),
        ("extends: {a: 1}\n", "own.yaml:1: 'extends' should name suites | a bundled one, or a path"),
        (
            "extends: below/base.yaml\nscenarios: [{name: it answer, timeout: 5s}]\n",
            "own.yaml:2: there is no scenario 'it answer' below | did you mean 'it answers'?",
        ),
        (
            "extends: below/base.yaml\ntargets: {stagin: {vars: {a: 1}}}\n",
            "own.yaml:2: there is no target 'stagin' below | did you mean 'staging'?",
        ),
        ("extends: nowhere.yaml\n", "own.yaml:1: there is no file 'nowhere.yaml' | "),
        ("extends: ./below\n", "own.yaml:1: the file '{folder}/below' could not be read: is a folder | "),
        (
            "extends: below/base.yaml\nstatements: no.yaml\n",
            "own.yaml:2: the file '{folder}/no.yaml' could not be read: no such file",
        ),
        (
            "extends: below/base.yaml\nstatements: {up: {unobservable: true}}\n",
            "own.yaml:2: 'unobservable' cannot be true | should say why it cannot be seen from outside",
        ),
        ("extends: own.yaml\n", "own.yaml:1: suites extend each other in a circle | "),
        ("without: {scenarios: [x]}\n", "own.yaml:1: 'without' takes away from nothing | it goes with 'extends'"),
        (
            "extends: below/base.yaml\nwithout: {scenarios: [it answer]}\n",
            "own.yaml:2: there is no scenario 'it answer' to do without | did you mean 'it answers'?",
        ),
        (
            "extends: below/base.yaml\nwithout: {scenario: []}\n",
            "own.yaml:2: unknown field 'scenario' | did you mean 'scenarios'?",
        ),
        (
            "extends: below/base.yaml\nscenarios: [{name: n, probe: http, request: {path: /}, covers: [upp]}]\n",
            "own.yaml:2: there is no statement 'upp' | did you mean 'up'?",
        ),
        (
            "extends: below/base.yaml\nstatements: {up: {unobservable: nobody sees it}}\n",
            "base.yaml:16: the statement 'up' is said to be unobservable | leave one of the two out",
        ),
    ],
    ids=[
        "file",
        "suite",
        "shape",
        "scenario",
        "target",
        "far",
        "folder",
        "statements",
        "reason",
        "circle",
        "nothing",
        "name",
        "key",
        "covers",
        "unobservable",
    ],
)
def test_each_mistake_has_its_sentence_at_its_own_file(own: str, told: str, tmp_path: Path) -> None:
    expected = told.replace("{folder}", str(tmp_path))
    assert any(one.startswith(expected) for one in _told(tmp_path, own)), _told(tmp_path, own)


def test_a_scenario_or_target_of_ones_own_may_be_called_nearly_as_one_below(tmp_path: Path) -> None:
    own = "targets: {staging2: {base_url: 'http://two.test'}}\nscenarios: [{name: it answer, probe: http, request: {path: /}}]\n"
    suite = _load(tmp_path, "extends: below/base.yaml\n" + own)
    assert "staging2" in suite.target_names and suite.scenarios[-1].name == "it answer"


def test_what_follows_from_a_mistake_is_not_told(tmp_path: Path) -> None:
    assert _told(tmp_path, "extends: {a: 1}\n") == ["own.yaml:1: 'extends' should name suites | a bundled one, or a path"]
    assert len(_told(tmp_path, "extends: below/base.yaml\nstatements: {up: {says: ''}}\n")) == 1


def test_a_mistake_below_is_told_at_the_line_of_the_file_below(tmp_path: Path) -> None:
    assert _told(tmp_path, "extends: below/base.yaml\n", BASE.replace("timeout: 10s", "timeot: 10s")) == [
        "base.yaml:12: unknown field 'timeot' | did you mean 'timeout'?"
    ]


def test_what_is_below_is_watched_for_changes_too(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("up: {section: Health, says: it is up}\n")
    _load(tmp_path, "extends: below/base.yaml\nstatements: s.yaml\n")
    assert [p.name for p in files_of(tmp_path / "own.yaml")] == ["own.yaml", "base.yaml", "s.yaml"]
