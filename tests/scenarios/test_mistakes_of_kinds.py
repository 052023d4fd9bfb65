"""What is wrong with a scenario of a kind is told at its line and column before anything is sent, with what would be right."""

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
      rows: {source: postgres, dsn: "postgresql://reader@db.test/audit"}
scenarios:
"""
LOG = "  - {name: a, probe: log_contract, requests: [{name: r, request: {}}], time_field: $.t, correlation_field: $.c, WRONG}\n"
AUDIT = "  - {name: a, probe: audit_log, action: {name: r, request: {path: /}}, contract: bookando-audit, WRONG}\n"
BROWSER = "  - {name: a, probe: browser, WRONG}\n"
TCP = "  - {name: a, probe: tcp, port: 25, WRONG}\n"
DNS = "  - {name: a, probe: dns, host: x.test, WRONG}\n"
ACCESS = "  - {name: a, probe: access_control, request: {path: /}, WRONG}\n"


def _told(text: str, folder: Path) -> list[str]:
    (folder / "s.yaml").write_text(HEAD + text)
    with pytest.raises(SuiteError) as caught:
        load_suite(str(folder / "s.yaml"), environ={})
    return [f"{m.place.line}:{m.place.column}: {m.sentence} | {m.remedy}" for m in caught.value.mistakes if m.place]


def _sql(statement: str) -> str:
    return f"records: {{rows: {{source: rows, statement: '{statement}'}}}}"


@pytest.mark.parametrize(
    ("kind", "wrong", "at", "told"),
    [
        (
            LOG,
            "schema: {type: objekt}",
            "schema",
            "'schema' is not right | this is not a usable JSON Schema: 'type' should be array, ",
        ),
        (
            LOG,
            "schema: {properties: {id: {pattern: '(?=x)y'}}}",
            "schema",
            "'schema' is not right | this is not a usable JSON Schema: 'properties.id.pattern' is no regular expression without",
        ),
        (
            LOG,
            "schema: {required: id}",
            "schema",
            "'schema' is not right | this is not a usable JSON Schema: at 'required': \"id\"",
        ),
        (LOG, "schema_file: bad.json", "bad.json", "expecting property name enclosed in double quotes in line 2, column 1"),
        (LOG, "contract: bookando-log, fields: {'$.a[': 1}", "'$.a['", "the key '$.a[' is not right | '$.a[' is not a JSONPath"),
        (LOG, "logs: [app]", "probe", "the scenario 'a' is not right | give at least one of 'contract', 'schema'"),
        (AUDIT, "records: {}", "records", "'records' is not right | give exactly one of 'logs', 'rows' and 'api'"),
        (AUDIT, _sql("delete from a where c = :correlation_id"), "'delete", "begins with DELETE; only SELECT"),
        (AUDIT, _sql("with d as (delete from a returning c) select :correlation_id"), "'with", "the statement writes by DELETE"),
        (AUDIT, _sql("with d as (select 1) update a set c = :correlation_id"), "'with", "the statement writes by UPDATE"),
        (BROWSER, "file: nowhere.py, expect: {text: x}", "nowhere.py", "cannot be read: no such file or directory"),
        (BROWSER, "file: bad.py, expect: {text: x}", "bad.py", "line 1: expected ':'"),
        (
            BROWSER,
            "journey: [{open: /}, {click: Sign in}, {expect: {text: x}}]",
            "Sign in",
            "should be a mapping; known in it: css,",
        ),
        (
            BROWSER,
            "journey: [{open: /}, {click: {role: buton}}, {expect: {text: x}}]",
            "buton",
            "'role' cannot be 'buton' | did you mean 'button'?",
        ),
        (
            BROWSER,
            "journey: [{open: /}, {expect: {text: x}}], allow_hosts: ['https://cdn.test/']",
            "'https",
            "should be the name of a host alone, without scheme, port and path",
        ),
        (TCP, "send_hex: zz", "zz", "'send_hex' cannot be 'zz' | should be hexadecimal digits, two for each byte"),
        (DNS, "resolver: 'http://192.0.2.1'", "'http", "should be a host or HOST:PORT, without scheme and path"),
        (ACCESS, "marker: $.id", "$.id", "'marker' cannot be '$.id' | should be a mapping; known in it: "),
        (ACCESS, "methods: DELETE", "DELETE", "'methods' cannot be 'DELETE' | should be a list, such as [DELETE]"),
    ],
    ids=lambda value: str(value)[:40] if "probe:" not in str(value) else "",
)
def test_it_is_told_where_it_stands(kind: str, wrong: str, at: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"type": "object",\n}')
    (tmp_path / "bad.py").write_text("async def journey(page, values)\n    pass\n")
    text = kind.replace("WRONG", wrong)
    (only,) = _told(text, tmp_path)
    column = text.index(at, 0 if at == "probe" else text.index(wrong[:12])) + 1
    column = text.index(kind.split("probe: ")[1].split(",")[0]) + 1 - len("probe: ") if at == "probe" else column
    assert only.startswith(f"8:{column}: ") and told in only


def test_a_long_list_of_choices_is_left_out_where_the_right_one_can_be_guessed(tmp_path: Path) -> None:
    (only,) = _told(BROWSER.replace("WRONG", "journey: [{open: /}, {click: {role: buton}}, {expect: {text: x}}]"), tmp_path)
    assert only.endswith("did you mean 'button'?")
    (only,) = _told(DNS.replace("WRONG", "type: AAA"), tmp_path)
    assert "did you mean 'AAAA'? it should be 'A', " in only
