"""This file is for the alert rules that the docs show: Prometheus takes them, they name metrics that there are, and they fire."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from reports.metrics.names import ALL

DOCS = Path(__file__).parents[3] / "docs"
FIRING = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'vedette_scenario_good{suite="shop", scenario="broken", target="t", location="l"}', values: '1 0x20'}
      - {series: 'vedette_in_maintenance{suite="shop", scenario="broken", target="t", location="l"}', values: '0x21'}
      - {series: 'vedette_scenario_good{suite="shop", scenario="repaired", target="t", location="l"}', values: '0x21'}
      - {series: 'vedette_in_maintenance{suite="shop", scenario="repaired", target="t", location="l"}', values: '1x21'}
      - {series: 'vedette_watch_heartbeat_total', values: '0+5x5 25x16'}
      - {series: 'vedette_config_last_reload_successful', values: '1x5 0x16'}
    alert_rule_test:
      - {eval_time: 2m, alertname: ScenarioBroken, exp_alerts: []}
      - eval_time: 5m
        alertname: ScenarioBroken
        exp_alerts:
          - exp_labels: {suite: shop, scenario: broken, target: t, location: l}
            exp_annotations: {summary: broken fails at t}
      - {eval_time: 5m, alertname: VedetteAsksNoMore, exp_alerts: []}
      - eval_time: 20m
        alertname: VedetteAsksNoMore
        exp_alerts: [{exp_annotations: {summary: "nothing is asked, or nothing is stored: what is green proves nothing"}}]
      - {eval_time: 5m, alertname: VedetteReloadRefused, exp_alerts: []}
      - eval_time: 20m
        alertname: VedetteReloadRefused
        exp_alerts: [{exp_annotations: {summary: "a suite holds a mistake; what was watched before is watched on"}}]
"""


def rules() -> str:
    (found,) = re.findall(r"^```yaml\n(groups:.*?)^```$", (DOCS / "operations.md").read_text(encoding="utf-8"), re.M | re.S)
    return str(found)


def test_alerts_of_the_docs_name_metrics_that_there_are() -> None:
    known = {metric.name for metric in ALL}
    text = rules() + (DOCS / "metrics.md").read_text(encoding="utf-8").split("## What to alert on")[1].split("\n## ")[0]
    named = set(re.findall(r"\bvedette_[a-z0-9_]+", text))
    assert len(named) > 5 and named - known == set()


def test_the_rules_of_the_docs_fire_when_they_should_and_not_before(require: Callable[[str, bool], None], tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    require("promtool (Debian's package prometheus)", promtool is not None)
    (tmp_path / "rules.yml").write_text(rules(), encoding="utf-8")
    (tmp_path / "tests.yml").write_text(FIRING, encoding="utf-8")
    done = subprocess.run(
        [str(promtool), "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
