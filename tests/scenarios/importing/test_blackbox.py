"""This file is for the Blackbox exporter: each option of a module, and whom its modules are asked of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import Import, imported, only, scenarios, targets

URL = "https://a.example/x"
HTTP: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "codes": ({"valid_status_codes": [200, 301]}, {"status": [200, 301]}),
    "versions": ({"valid_http_versions": ["HTTP/1.1"]}, {"http_version": ["HTTP/1.1"]}),
    "not in the body": ({"fail_if_body_matches_regexp": ["a+", "b"]}, {"body": {"not_matches": "(?:a+)|(?:b)"}}),
    "in the body": (
        {"fail_if_body_not_matches_regexp": ["Hello you", "v\\d"]},
        {"body": {"contains": "Hello you", "matches": "v\\d"}},
    ),
    "no such header": (
        {"fail_if_header_matches": [{"header": "X", "regexp": ".*", "allow_missing": True}]},
        {"headers": {"X": {"exists": False}}},
    ),
    "header is not": ({"fail_if_header_matches": [{"header": "X", "regexp": "a"}]}, {"headers": {"X": {"not_matches": "a"}}}),
    "header is": ({"fail_if_header_not_matches": [{"header": "X", "regexp": "a"}]}, {"headers": {"X": {"matches": "a"}}}),
    "plain CEL": (
        {"fail_if_body_json_not_matches_cel": "body.a['b c'][0] == 'd' && body.e == 3"},
        {"json": {"$.a['b c'][0]": "d", "$.e": 3}},
    ),
    "TLS must be there, and is": ({"fail_if_not_ssl": True}, {}),
}
LOST: dict[str, dict[str, Any]] = {
    "no TLS": {"fail_if_ssl": True},
    "any CEL": {"fail_if_body_json_not_matches_cel": "body.a.size() > 3"},
    "header that may be missing": {"fail_if_header_not_matches": [{"header": "X", "regexp": "a", "allow_missing": True}]},
    "proxy": {"proxy_url": "http://p:1"},
    "HTTP/2 only": {"valid_http_versions": ["HTTP/2.0"]},
    "three patterns in the body": {"fail_if_body_not_matches_regexp": ["a.", "b.", "c."]},
    "look-around": {"fail_if_body_matches_regexp": ["(?!a)"]},
    "token by OAuth": {"oauth2": {"client_id": "x"}},
    "versions of TLS": {"tls_config": {"max_version": "TLS12"}},
}


def asked(module: dict[str, Any], url: str = URL) -> Import:
    return imported("blackbox", json.dumps({"modules": {"one": module}}), url=url)


@pytest.mark.parametrize("name", HTTP)
def test_what_fails_a_probe_becomes_an_expectation(name: str) -> None:
    options, expect = HTTP[name]
    made = asked({"prober": "http", "http": options})
    assert (only(made).get("expect", {}), made.lost) == (expect, False)


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_said_stands_at_the_scenario(name: str) -> None:
    made = asked({"prober": "http", "http": LOST[name]})
    assert (made.remarked, made.lost) == (1, True)


def test_credentials_of_files_are_named_and_not_read() -> None:
    made = asked({"prober": "http", "http": {"basic_auth": {"username": "me", "password_file": "/run/secret"}}})
    (target,) = targets(made).values()
    assert target["auth"] == {"username": "me", "password": {"file": "/run/secret"}}


@pytest.mark.parametrize(
    ("module", "url", "keys"),
    [
        ({"prober": "tcp"}, "db.example:5432", {"probe": "tcp", "host": "db.example", "port": 5432}),
        ({"prober": "tcp", "tcp": {"tls": True}}, "https://a.example", {"probe": "tcp", "port": 443, "tls": True}),
        (
            {"prober": "tcp", "tcp": {"query_response": [{"send": "PING"}, {"expect": "^PONG"}]}},
            "db.example:6379",
            {"send": "PING\n", "expect": {"matches": "(?m)^PONG"}},
        ),
        ({"prober": "grpc", "grpc": {"service": "s"}}, "a.example:50051", {"probe": "grpc_health", "service": "s", "tls": False}),
        (
            {"prober": "dns", "dns": {"query_name": "a.example", "query_type": "MX", "valid_rcodes": ["NXDOMAIN"]}},
            "1.1.1.1",
            {"probe": "dns", "host": "a.example", "type": "MX", "resolver": "1.1.1.1", "nxdomain": True},
        ),
    ],
    ids=["tcp", "tls", "exchange", "grpc", "dns"],
)
def test_other_probers_have_probes_of_their_own(module: dict[str, Any], url: str, keys: dict[str, Any]) -> None:
    found = only(asked(module, url))
    assert {**found, **keys} == found


@pytest.mark.parametrize("prober", ["icmp", "unix", "websocket", "new"])
def test_a_prober_that_cannot_be_said_is_left_out(prober: str) -> None:
    made = asked({"prober": prober})
    assert (made.text, made.left_out) == ("", 1)


def test_a_prometheus_file_says_whom_and_how_often() -> None:
    jobs = {
        "scrape_configs": [
            {"job_name": "own", "static_configs": [{"targets": ["localhost:9090"]}]},
            {
                "job_name": "Web pages",
                "scrape_interval": "5m",
                "params": {"module": ["one"]},
                "static_configs": [{"targets": ["a.example", URL]}],
            },
        ]
    }
    modules = {"modules": {"one": {"prober": "http"}, "two": {"prober": "http"}}}
    made = imported("blackbox", json.dumps(modules), beside=json.dumps(jobs))
    assert [(s["name"], s["tags"], s["schedule"]) for s in scenarios(made)] == [
        ("one a.example", ["web-pages"], {"every": "5m"}),
        (f"one {URL}", ["web-pages"], {"every": "5m"}),
    ]
    assert "two: left out: no job of the prometheus.yml asks it" in made.lines()


@pytest.mark.parametrize("beside", ["{}", "scrape_configs: []", "scrape_configs: [{job_name: x}]"])
def test_a_prometheus_file_that_asks_nothing_by_the_exporter_is_refused(beside: str) -> None:
    with pytest.raises(SuiteError, match=r"beside\.x"):
        imported("blackbox", "modules: {one: {prober: http}}", beside=beside)
