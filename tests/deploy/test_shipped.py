"""This file is for what is shipped in deploy/: every field, path, command and name in it is one that is there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from scenarios.gates.loading import load_policy
from tests.deploy.shipped import DEPLOY, documents, named
from tests.deploy.spinnaker_rules import looked
from tests.deploy.world import BLIND, BROKEN, SOUND, World
from vedette.cli.main import build_parser
from vedette.service.app import all_routes
from vedette.service.flagger_words import Asked, Hook
from vedette.service.routes.kayenta import SCORES

YAML = sorted(DEPLOY.rglob("*.y*ml"))
TEMPLATES, CANARY = "argo/analysis-templates.yaml", "flagger/canary.yaml"
STAGES = json.loads((DEPLOY / "spinnaker/stages.json").read_text(encoding="utf-8"))

# Fields of the custom resources, by where they stand, as their definitions have them: Argo Rollouts 9f8d111
# (manifests/crds), Flagger 15bd6ad (artifacts/flagger/crd.yaml). Those that are not used here are left out.
FIELDS = {
    "AnalysisTemplate.spec": {"args", "dryRun", "metrics"},
    "AnalysisTemplate.spec.metrics": {
        "name", "initialDelay", "interval", "count", "successCondition", "failureCondition", "consecutiveSuccessLimit",
        "failureLimit", "inconclusiveLimit", "consecutiveErrorLimit", "provider",
    },
    "AnalysisTemplate.spec.metrics.provider.web": {"method", "url", "timeoutSeconds", "headers", "jsonBody", "body", "jsonPath"},
    "AnalysisTemplate.spec.metrics.provider.kayenta": {
        "address", "application", "canaryConfigName", "metricsAccountName", "configurationAccountName", "storageAccountName",
        "threshold", "scopes",
    },
    "AnalysisTemplate.spec.metrics.provider.kayenta.scopes.controlScope": {"scope", "region", "step", "start", "end"},
    "AnalysisTemplate.spec.metrics.provider.kayenta.scopes.experimentScope": {"scope", "region", "step", "start", "end"},
    "Rollout.spec.strategy.canary": {"canaryService", "stableService", "trafficRouting", "steps"},
    "Rollout.spec.strategy.canary.steps": {"setCanaryScale", "setWeight", "analysis"},
    "Canary.spec": {"targetRef", "progressDeadlineSeconds", "service", "analysis"},
    "Canary.spec.analysis": {"interval", "threshold", "stepWeights", "webhooks"},
    "Canary.spec.analysis.webhooks": {"name", "type", "url", "timeout", "retries", "muteAlert", "metadata"},
}  # fmt: skip


def _places(value: Any, place: str) -> Iterator[tuple[str, set[str]]]:
    if isinstance(value, dict):
        yield place, set(value)
        for key, below in value.items():
            yield from _places(below, f"{place}.{key}")
    elif isinstance(value, list):
        for below in value:
            yield from _places(below, place)


@pytest.mark.parametrize("file", YAML, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_file_is_sound_yaml(file: Path) -> None:
    config = YamlLintConfig(
        "extends: default\nrules: {line-length: {max: 130}, document-start: disable, braces: {max-spaces-inside: 1},"
        " truthy: {check-keys: false}, comments: {min-spaces-from-content: 2}}"
    )
    assert [str(one) for one in linter.run(file.read_text(encoding="utf-8"), config)] == []


@pytest.mark.parametrize(("file", "kinds"), [(TEMPLATES, 3), ("argo/rollout.yaml", 1), (CANARY, 1)])
def test_custom_resources_have_fields_that_their_definitions_know(file: str, kinds: int) -> None:
    seen = [place for one in documents(file) for place in _places(one["spec"], f"{one['kind']}.spec")]
    checked = [(place, keys - FIELDS[place]) for place, keys in seen if place in FIELDS]
    assert len(documents(file)) == kinds
    assert checked
    assert [one for one in checked if one[1]] == []


def test_no_registry_is_named() -> None:
    for file in DEPLOY.rglob("*.*"):
        images = re.findall(r"image: (\S+)", file.read_text(encoding="utf-8"))
        assert [one for one in images if "/" in one] == [], file


# Paths and commands


def _urls() -> list[tuple[str, str]]:
    """Return method and path of every request to us that stands in deploy/."""
    found = [("POST", hook["url"]) for hook in documents(CANARY)[0]["spec"]["analysis"]["webhooks"]]
    for template in documents(TEMPLATES):
        webs = [one["provider"]["web"] for one in template["spec"]["metrics"] if "web" in one["provider"]]
        found += [(web.get("method", "GET"), web["url"]) for web in webs]
    found += [(stage["method"], stage["url"]) for stage in STAGES]
    kube = next(one for one in documents("kubernetes/vedette.yaml") if one["kind"] == "Deployment")
    (container,) = kube["spec"]["template"]["spec"]["containers"]
    found += [("GET", container[probe]["httpGet"]["path"]) for probe in ("livenessProbe", "readinessProbe")]
    return [(method, re.sub(r"^(http://[^/]+|\{\{args\.vedette\}\})", "", url)) for method, url in found]


def test_every_path_is_a_route() -> None:
    routes = [(route.path_regex, route.methods) for route in all_routes()]
    asked = _urls()
    assert len(asked) > 15
    for method, url in asked:
        path = re.sub(r"\{\{[^}]*\}\}|\$\{[^}]*\}", "x", url).partition("?")[0]
        assert any(pattern.match(path) and method in methods for pattern, methods in routes), (method, url)


def test_every_hook_of_the_canary_is_one_of_ours_and_flaggers() -> None:
    hooks = documents(CANARY)[0]["spec"]["analysis"]["webhooks"]
    assert [hook["url"].rsplit("/", 1)[1] for hook in hooks] == [hook["type"] for hook in hooks]
    assert {hook["type"] for hook in hooks} == set(Hook)
    for hook in hooks:  # what it sends can be read
        assert Asked(name="a", namespace="b", checksum="1", metadata=hook["metadata"]).metadata["policy"] == "checkout"


def test_the_rollback_hook_never_stands_alone() -> None:
    kinds = [hook["type"] for hook in documents(CANARY)[0]["spec"]["analysis"]["webhooks"]]
    assert "rollout" in kinds and "rollback" in kinds
    waits = sum(
        float(hook["timeout"].removesuffix("s")) for hook in documents(CANARY)[0]["spec"]["analysis"]["webhooks"]
        if hook["type"] == "rollout"
    )  # fmt: skip
    assert waits < 30  # the interval


def test_every_command_is_one_of_ours() -> None:
    commands = [*_commands()]
    assert len(commands) >= 7
    for words in commands:
        build_parser(words[0]).parse_args(words)


def _commands() -> Iterator[list[str]]:
    values = {"stage": "25", "polls": "10", "policy": "checkout"}

    def filled(word: str) -> str:
        return re.sub(r"\{\{args\.(\w+)\}\}", lambda found: values.get(found[1], "x"), word)

    (metric,) = named(TEMPLATES, "AnalysisTemplate", "vedette-gate-job")["spec"]["metrics"]
    pod = metric["provider"]["job"]["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        yield [filled(word) for word in container["args"]]
    kube = next(one for one in documents("kubernetes/vedette.yaml") if one["kind"] == "Deployment")
    yield kube["spec"]["template"]["spec"]["containers"][0]["args"]
    for file in ("github/canary.yml", "gitlab/canary.yml"):
        for line in re.findall(r"(?m)^ *(?:- |run: )?vedette (gate .*)$", (DEPLOY / file).read_text(encoding="utf-8")):
            yield shlex.split(line)


def test_a_job_is_asked_once_and_says_what_it_means() -> None:
    job = named(TEMPLATES, "AnalysisTemplate", "vedette-gate-job")["spec"]["metrics"][0]["provider"]["job"]["spec"]
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert "--on-inconclusive" not in job["template"]["spec"]["containers"][0]["args"]


def test_scores_lie_on_the_right_sides_of_the_thresholds() -> None:
    metric = named(TEMPLATES, "AnalysisTemplate", "vedette-gate-kayenta")["spec"]["metrics"][0]
    threshold = metric["provider"]["kayenta"]["threshold"]
    assert SCORES["rollback"] < threshold["marginal"] <= SCORES["inconclusive"] < threshold["pass"] <= SCORES["promote"]


def test_the_policy_of_the_cluster_is_sound_and_its_stages_are_the_steps(tmp_path: Path) -> None:
    files = named("kubernetes/vedette.yaml", "ConfigMap", "vedette-gates")["data"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    weights = [stage.weight for stage in load_policy(tmp_path / "checkout.yaml", {}).policy.stages]
    steps = documents("argo/rollout.yaml")[0]["spec"]["strategy"]["canary"]["steps"]
    asked = [arg["value"] for step in steps if "analysis" in step for arg in step["analysis"]["args"] if arg["name"] == "stage"]
    assert [float(one) for one in asked] == weights
    assert [0, *[step["setWeight"] for step in steps if "setWeight" in step]] == weights
    assert documents(CANARY)[0]["spec"]["analysis"]["stepWeights"] == [one for one in weights if 0 < one < 100]
    kube = next(one for one in documents("kubernetes/vedette.yaml") if one["kind"] == "Deployment")
    args = kube["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [Path(word).name for word in args if word.startswith("/suites/")] == ["checkout-suite.yaml", "checkout.yaml"]


def test_the_service_answers_by_the_name_that_everybody_calls_it_by() -> None:
    kube = next(one for one in documents("kubernetes/vedette.yaml") if one["kind"] == "Deployment")
    args = kube["spec"]["template"]["spec"]["containers"][0]["args"]
    allowed = args[args.index("--allow-host") + 1]
    text = "".join(file.read_text(encoding="utf-8") for file in DEPLOY.rglob("*.*"))
    assert set(re.findall(r"(vedette\.[a-z.]+):8900", text)) == {allowed}


# Spinnaker


@pytest.mark.parametrize(
    ("sides", "ends"), [(SOUND, "SUCCEEDED"), (BROKEN, "TERMINAL"), (BLIND, "TERMINAL")], ids=["sound", "broken", "blind"]
)
def test_a_stage_of_spinnaker_ends_as_the_gate_decides(world: World, sides: Any, ends: str) -> None:
    world.sides_at = lambda weight: sides
    opening, beginning, waiting = STAGES
    opened = {**opening["payload"], "name": "checkout-1", "stage": 0}
    assert _asked(world, opening, opened)[0] == 201
    if sides is SOUND:
        world.go(120)
        assert _asked(world, beginning, beginning["payload"])[0] == 200
    else:
        waiting = {**waiting, "url": waiting["url"].replace("stage=5", "stage=0")}
    seen = []
    for _ in range(400):
        seen.append(looked(waiting, *_asked(world, waiting, None)))
        if seen[-1] != "RUNNING":
            break
        world.go(15)
    assert seen[-1] == ends
    assert "RUNNING" in seen


def test_a_gate_that_is_not_there_ends_a_stage_of_spinnaker(world: World) -> None:
    assert looked(STAGES[2], *_asked(world, STAGES[2], None)) == "TERMINAL"


def test_what_nobody_watches_any_more_is_no_success_for_spinnaker(world: World) -> None:
    _asked(world, STAGES[0], {**STAGES[0]["payload"], "name": "checkout-1", "stage": 0})
    world.go(300)
    asked = {**STAGES[2], "url": STAGES[2]["url"].replace("stage=5", "stage=0")}
    assert looked(asked, *_asked(world, asked, None)) == "SUCCEEDED"
    world.is_deaf = True
    world.go(120)
    assert looked(asked, *_asked(world, asked, None)) == "RUNNING"


def _asked(world: World, stage: dict[str, Any], payload: Any) -> tuple[int, str]:
    body = None if payload is None else json.dumps(payload)
    url = stage["url"].replace("${execution.id}", "1")
    return world.ask(stage["method"], url, {"Content-Type": "application/json"} if body else {}, body)


def test_workflows_are_mappings_that_name_what_they_run() -> None:
    github = yaml.safe_load((DEPLOY / "github/canary.yml").read_text(encoding="utf-8"))
    steps = github["jobs"]["canary"]["steps"]
    assert any("if" in step and "failure()" in step["if"] and "set-weight 0" in step["run"] for step in steps)
    gitlab = yaml.safe_load((DEPLOY / "gitlab/canary.yml").read_text(encoding="utf-8"))
    assert gitlab["judge"]["allow_failure"] == {"exit_codes": [3]}
    assert {job["stage"] for name, job in gitlab.items() if name != "stages"} == set(gitlab["stages"])
