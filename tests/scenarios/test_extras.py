"""What a suite needs and is not installed is told beforehand, and a kind without its extra sends nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from probes import extras
from probes.evidence.source import EvidenceSource
from probes.outcome import Verdict
from probes.probe import Probe, ask
from probes.registry import KINDS, SOURCES
from scenarios.extras import lacking
from scenarios.loader import load_suite
from tests.probes.sessions import session_at

SUITE = """\
targets:
  staging:
    base_url: http://127.0.0.1:9
    evidence: {audit: {source: postgres, dsn: "postgresql://reader@db.test/audit"}, unused: {source: redis, url: "redis://x.test"}}
scenarios:
  - {name: names, probe: dns, host: x.test}
  - {name: more names, probe: dns, host: y.test}
  - name: records
    probe: audit_log
    action: {name: a thing, request: {}}
    contract: bookando-audit
    records: {rows: {source: audit, statement: "select 1 where :correlation_id is not null"}}
  - {name: plain, probe: http, request: {}}
"""


def _declared() -> dict[str, str]:
    found: list[type[Probe] | type[EvidenceSource] | None] = [
        registry.find(name) for registry in (KINDS, SOURCES) for name in registry.names()
    ]
    return {one.extra: one.__name__ for one in found if one is not None and one.extra}


def test_each_extra_is_declared_by_what_needs_it_and_known_by_a_module() -> None:
    assert set(_declared()) == set(extras.MODULES)


def test_all_that_is_missing_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SUITE)
    suite = load_suite(str(tmp_path / "s.yaml"), environ={})
    for module in ("dns", "psycopg", "redis"):
        monkeypatch.setitem(sys.modules, module, None)
    assert lacking(suite.scenarios, suite.targets.values()) == (
        "not installed here: the kind 'dns' needs the extra 'dns'; the source 'audit' needs the extra 'postgres': "
        "pip install 'vedette[dns,postgres]'"
    )
    assert lacking(suite.scenarios[3:], suite.targets.values()) == ""


@pytest.mark.anyio
async def test_a_kind_without_its_extra_sends_nothing_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    kind = KINDS.find("websocket")
    assert kind is not None
    outcome = await ask(kind.model_validate({"echo": "{{nonce}}"}), session_at("http://127.0.0.1:9"), run_id="r", deadline_s=5)
    assert (outcome.verdict, outcome.exchanges) == (Verdict.ERROR, ())
    assert outcome.sentence == "the kind 'websocket' needs the extra 'websocket': pip install 'vedette[websocket]'"
