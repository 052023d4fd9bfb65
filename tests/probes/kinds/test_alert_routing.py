"""This file is for the kind `alert_routing`: its reading of routes and inhibitions, against a real Alertmanager."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.alert_routes import NoRouting, Routing, routing
from probes.evidence.alertmanager import Alertmanager
from probes.evidence.source import EvidenceError
from probes.kinds.alert_routing import AlertRouting
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Loopback, Reply, as_json, outcome_of

PROGRAM, TOOL = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager"), shutil.which("amtool")
CONFIG = """\
route:
  receiver: default
  routes:
    - matchers: ['severity = "P0"']
      receiver: page
      routes: [{matchers: ['team="nobody"'], receiver: quiet}]
    - match: {severity: P1}
      receiver: page
      continue: true
    - matchers: ['{severity="P1", team=~"ops|backend"}']
      receiver: team
    - match_re: {severity: P2|P3}
      receiver: night
      active_time_intervals: [office]
    - matchers: [alertname != "", severity = "", team!~"x+"]
      receiver: rest
receivers:
  - {name: default}
  - name: page
    pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
    slack_configs: [{channel: '#incidents', api_url: 'https://hooks.slack.example/services/T0/B0/secret-of-slack'}]
  - {name: team, slack_configs: [{channel: '#alerts', api_url: 'https://hooks.slack.example/services/T0/B0/x'}]}
  - {name: night, webhook_configs: [{url: 'http://127.0.0.1:9/'}]}
  - {name: quiet}
  - {name: rest}
time_intervals: [{name: office, time_intervals: [{weekdays: ['monday:friday']}]}]
inhibit_rules:
  - {source_matchers: ['severity="P0"'], target_matchers: ['severity=~"P1|P2|P3"'], equal: [alertname]}
  - {source_match: {alertname: ServiceDegraded}, target_match_re: {alertname: HighErrorRate|HighLatencyP99|ServiceDegraded}}
"""
LABELS: list[dict[str, str]] = [
    {"alertname": "A", "severity": "P0"},
    {"alertname": "A", "severity": "P0", "team": "nobody"},
    {"alertname": "A", "severity": "P1", "team": "ops"},
    {"alertname": "A", "severity": "P1", "team": "opsy"},
    {"alertname": "A", "severity": "P2"},
    {"alertname": "A", "severity": "P3"},
    {"alertname": "A", "severity": "P33"},
    {"alertname": "A"},
    {"alertname": "A", "team": "xx"},
    {"severity": "none"},
]
PAIRS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"alertname": "A", "severity": "P0"}, {"alertname": "A", "severity": "P1"}),
    ({"alertname": "A", "severity": "P0"}, {"alertname": "B", "severity": "P1"}),
    ({"alertname": "A", "severity": "P1"}, {"alertname": "A", "severity": "P2"}),
    ({"alertname": "ServiceDegraded"}, {"alertname": "HighErrorRate"}),
    ({"alertname": "HighErrorRate"}, {"alertname": "ServiceDegraded"}),
    ({"alertname": "ServiceDegraded"}, {"alertname": "HighErrorRates"}),
]


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Run a real Alertmanager. Ended by its own id."""
    assert PROGRAM is not None
    (folder / "alertmanager.yml").write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [PROGRAM, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder}", "--cluster.listen-address=",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: urllib.request.urlopen(f"{url}/-/ready", timeout=5).status == 200)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _until(ready: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            if ready():
                return
        except OSError:
            pass
        threading.Event().wait(0.02)
    raise AssertionError("Alertmanager did not come to it")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if PROGRAM is None or TOOL is None:
        yield ""
        return
    with alertmanager(tmp_path_factory.mktemp("alertmanager")) as url:
        yield url


@pytest.fixture
def real(server: str, require: Callable[[str, bool], None]) -> str:
    require("Alertmanager (the Debian package prometheus-alertmanager)", bool(server))
    return server


def read(url: str) -> Routing:
    return asyncio.run(Alertmanager.model_validate({"url": url}).routing())


def test_alerts_are_routed_as_the_real_alertmanager_routes_them(real: str) -> None:
    loaded = read(real)
    for labels in LABELS:
        words = [f"{name}={value}" for name, value in labels.items()]
        asked = [TOOL or "", "config", "routes", "test", f"--alertmanager.url={real}", *words]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        assert ",".join(loaded.names(labels)) == told, labels


def test_alerts_are_held_back_as_the_real_alertmanager_holds_them_back(real: str) -> None:
    loaded = read(real)
    for number, pair in enumerate(PAIRS):
        marked = [{**labels, "pair": str(number)} for labels in pair]
        body = json.dumps([{"labels": labels} for labels in marked]).encode()
        post = urllib.request.Request(f"{real}/api/v2/alerts", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(post, timeout=5).close()

    def seen() -> list[Mapping[str, Any]]:
        with urllib.request.urlopen(f"{real}/api/v2/alerts", timeout=5) as answer:
            return list(json.loads(answer.read()))

    _until(lambda: len(seen()) == 2 * len(PAIRS) and all(one["status"]["state"] != "unprocessed" for one in seen()))
    alerts = seen()
    for place, (source, target) in enumerate(PAIRS):
        silences = loaded.silences(source, target)
        inhibited = [one for one in alerts if one["labels"] == {**target, "pair": str(place)} and one["status"]["inhibitedBy"]]
        # other pairs fire at the same time; what holds this target back must then be said of one of them too
        others = any(loaded.silences(one, target) for pair in PAIRS for one in pair)
        assert bool(inhibited) is others, (source, target)
        assert not silences or inhibited


async def asked(config: str = CONFIG, **options: Any) -> Outcome:
    reply = as_json({"cluster": {"status": "ready"}, "config": {"original": config}})
    async with Loopback(lambda _: reply).running() as server:
        evidence = {"am": Alertmanager.model_validate({"url": server.url})}
        return await outcome_of(AlertRouting.model_validate({"source": "am", **options}), server.url, evidence=evidence)


P0 = {"alertname": "A", "severity": "P0"}
ROUTED: list[Any] = [
    pytest.param({"labels": P0, "to": ["pagerduty", "slack #incidents"], "never": ["webhook"]}, "", id="both ways"),
    pytest.param({"labels": P0, "to": ["slack"]}, "", id="any place of an integration"),
    pytest.param(
        {"labels": P0, "to": ["slack #alerts"]},
        "would not be sent to slack #alerts, but only to pagerduty and slack #incidents",
        id="another place",
    ),
    pytest.param({"labels": {**P0, "team": "nobody"}, "to": ["pagerduty"]}, "would be sent to nobody", id="nobody"),
    pytest.param(
        {"labels": P0, "to": ["pagerduty"], "never": ["slack"]}, "would also be sent to slack #incidents", id="too many"
    ),
    pytest.param(
        {"labels": {"alertname": "A", "severity": "P3"}, "to": ["webhook"]}, "the time interval office keeps it back", id="times"
    ),
    pytest.param({"labels": {"alertname": "A", "severity": "P3"}, "to": ["webhook"], "always": False}, "", id="may be quiet"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("route", "words"), ROUTED)
async def test_who_is_told_is_judged_by_the_routes(route: dict[str, Any], words: str) -> None:
    outcome = await asked(routes=[route])
    assert outcome.verdict is (Verdict.FAIL if words else Verdict.PASS), outcome.sentence
    assert words in outcome.sentence
    assert "secret-of-slack" not in repr(outcome)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("pair", "verdict", "words"),
    [
        pytest.param({"while": P0, "labels": {**P0, "severity": "P2"}}, Verdict.PASS, "", id="held back"),
        pytest.param(
            {"while": P0, "labels": {"alertname": "B", "severity": "P2"}}, Verdict.FAIL, "no inhibition holds it back", id="sent"
        ),
        pytest.param(
            {"while": P0, "labels": {**P0, "severity": "P2"}, "holds": False}, Verdict.FAIL, "would not be sent", id="swallowed"
        ),
    ],
)
async def test_what_is_held_back_is_judged_by_the_inhibitions(pair: dict[str, Any], verdict: Verdict, words: str) -> None:
    outcome = await asked(inhibits=[pair])
    assert outcome.verdict is verdict, outcome.sentence
    assert words in outcome.sentence


@pytest.mark.anyio
async def test_where_all_alerts_go_the_same_way_nothing_is_proven() -> None:
    config = "route: {receiver: all}\nreceivers: [{name: all, pagerduty_configs: [{routing_key: x}]}]\n"
    outcome = await asked(config, routes=[{"labels": P0, "to": ["pagerduty"]}])
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "goes the same way as each of these" in outcome.sentence


@pytest.mark.anyio
async def test_where_any_alert_holds_others_back_nothing_is_proven() -> None:
    config = "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{target_matchers: ['severity=~\"P1|P2\"']}]\n"
    outcome = await asked(config, inhibits=[{"while": P0, "labels": {**P0, "severity": "P1"}}])
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "would be held back by any alert" in outcome.sentence


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(as_json({"config": {}}), "has no 'config.original'", id="no config"),
        pytest.param(as_json({"config": {"original": "route: ["}}), "is no YAML", id="no YAML"),
        pytest.param(as_json({"config": {"original": "[" * 100_000}}), "nested more than 100 levels", id="too deep"),
        pytest.param(as_json({"config": {"original": "#" * 1_100_000}}), "longer than 1048576", id="too long"),
        pytest.param(as_json({"config": {"original": "a: 1"}}), "has no 'route'", id="no route"),
        pytest.param(as_json({"config": {"original": "route: {receiver: x}"}}), "the receiver 'x', which", id="lost"),
        pytest.param(as_json({"config": {"original": "route: {receiver: x, matchers: ['a b']}"}}), "is no matcher", id="matcher"),
        pytest.param(Reply(404, b"not here"), "it answered 404", id="404"),
    ],
)  # fmt: skip
async def test_what_is_no_configuration_is_an_error(reply: Reply, words: str) -> None:
    async with Loopback(lambda _: reply).running() as server:
        with pytest.raises(EvidenceError, match="(?s)" + words.replace("[", r"\[")):
            await Alertmanager.model_validate({"url": server.url}).routing()


def test_a_configuration_that_never_ends_comes_to_an_end() -> None:
    leaf: dict[str, Any] = {"receiver": "x"}
    for _ in range(20):
        leaf = {"receiver": "x", "routes": [leaf] * 10}
    with pytest.raises(NoRouting, match="more than 5000 routes"):
        routing({"route": leaf, "receivers": [{"name": "x"}]})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({}, "give 'routes', or 'inhibits'", id="nothing"),
        pytest.param({"routes": [{"labels": P0}]}, "'to' names nobody", id="nobody"),
        pytest.param({"routes": [{"labels": P0, "to": ["slack #a"], "never": ["slack"]}]}, "rules it out", id="both"),
        pytest.param({"routes": [{"labels": P0, "to": [" slack"]}]}, "should be an integration", id="blank"),
        pytest.param({"inhibits": [{"while": P0, "labels": P0}]}, "the same alert", id="itself"),
    ],
)
def test_what_cannot_fail_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AlertRouting.model_validate({"source": "am", **options})
