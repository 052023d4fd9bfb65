"""What a scenario names of its target must be there, and be of the right sort, or its line says so before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.loader import load_suite
from scenarios.mistakes import SuiteError

HEAD = """\
targets:
  staging:
    base_url: http://x.test
    evidence:
      app: {source: log_file, path: app.log}
      figures: {source: prometheus, url: "http://p.test"}
      rows: {source: postgres, dsn: "postgresql://reader@db.test/audit"}
      keys: {source: redis, url: "redis://cache.test"}
  other: {base_url: "http://y.test", evidence: {figures: {source: log_file, path: figures.log}}}
scenarios:
"""
LOG = "  - {name: a, probe: log_contract, contract: bookando-log, requests: [{name: r, request: {path: /}}], logs: [NAME]}\n"
QUERY = "  - {name: a, probe: promql, source: NAME, query: up, expect: {ge: 1}}\n"
AUDIT = "  - {name: a, probe: audit_log, action: {name: r, request: {path: /}}, contract: bookando-audit, records: RECORDS}\n"
ROWS = AUDIT.replace("RECORDS", "{rows: {source: NAME, statement: 'select 1 where :correlation_id is not null'}}")
ROUTES = "  - {name: a, probe: alert_routing, source: NAME, routes: [{labels: {alertname: X}, to: [pagerduty]}]}\n"
ASKED = "  - {name: a, probe: http, request: {at: NAME, path: /}}\n"


def _told(text: str, folder: Path) -> list[str]:
    (folder / "s.yaml").write_text(HEAD + text)
    try:
        load_suite(str(folder / "s.yaml"), environ={})
    except SuiteError as problem:
        return [f"{m.place.line}:{m.place.column}: {m.sentence} | {m.remedy}" for m in problem.mistakes if m.place]
    return []


@pytest.mark.parametrize(
    ("scenario", "name", "told"),
    [
        (LOG, "rows", "'rows' is no source of log lines | it is of kind postgres; there is app or figures"),
        (LOG, "ap", "no target of this suite has the evidence source 'ap' | did you mean 'app'?"),
        (QUERY, "app", "'app' is no source of metric values | it is of kind log_file; there is figures"),
        (
            AUDIT.replace("RECORDS", "{logs: [NAME]}"),
            "keys",
            "'keys' is no source of log lines | it is of kind redis; there is app or",
        ),
        (ROWS, "app", "'app' is no source of rows, such as a database | it is of kind log_file; there is rows"),
        (ROUTES, "figures", "'figures' is no source of kind alertmanager | it is of kind log_file, prometheus; nor is any other"),
        (ASKED, "keys", "'keys' is no source with an HTTP API | it is of kind redis; there is figures"),
    ],
    ids=["logs", "unknown", "samples", "audit logs", "rows", "alertmanager", "api"],
)
def test_a_source_of_another_sort_is_a_mistake_at_its_name(scenario: str, name: str, told: str, tmp_path: Path) -> None:
    text = scenario.replace("NAME", name)
    (only,) = [one for one in _told(text, tmp_path) if "is no" in one or "no target" in one]
    column = text.index(name, text.index(": " + name) if ": " + name in text else text.index("[" + name)) + 1
    assert only.startswith(f"11:{column}: {told}")


@pytest.mark.parametrize("scenario", [LOG, QUERY], ids=["logs", "samples"])
def test_a_name_that_is_of_the_sort_at_one_of_the_targets_is_no_mistake(scenario: str, tmp_path: Path) -> None:
    assert _told(scenario.replace("NAME", "figures"), tmp_path) == []


def test_a_source_whose_kind_is_not_known_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD.replace("source: prometheus", "source: prometeus") + QUERY.replace("NAME", "figures"))
    with pytest.raises(SuiteError) as caught:
        load_suite(str(tmp_path / "s.yaml"), environ={})
    assert [m.sentence for m in caught.value.mistakes] == ["there is no source 'prometeus'"]
