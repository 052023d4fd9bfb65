"""This file is for Postman: scripts that are known, variables, authentication that is inherited, journeys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import imported, only, scenarios, targets

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
SCRIPTS: dict[str, dict[str, Any]] = {
    "pm.test('x', function () { pm.response.to.have.status(201); });": {"status": 201},
    "pm.test('x', () => pm.response.to.have.status(201))": {"status": 201},
    "pm.expect(pm.response.code).to.be.oneOf([200, 202]);": {"status": [200, 202]},
    "tests['ok'] = responseCode.code === 200;": {"status": 200},
    "pm.response.to.be.ok": {"status": "2xx"},
    "pm.response.to.have.header('X-A');": {"headers": {"X-A": {"exists": True}}},
    "pm.expect(pm.response.headers.get('X-A')).to.eql('b');": {"headers": {"X-A": "b"}},
    "pm.expect(pm.response.responseTime).to.be.below(200);": {"duration": "200ms"},
    "pm.expect(pm.response.text()).to.include('hello');": {"body": {"contains": "hello"}},
    "pm.expect(pm.response.json().a.b[0]).to.eql('x')": {"json": {"$.a.b[0]": "x"}},
    "var d = JSON.parse(responseBody);\npm.expect(d['a b'].c).to.equal(5)": {"json": {"$['a b'].c": 5}},
    "const {length} = 1; const j = pm.response.json()\nconst d = j.data\npm.expect(d.n).to.be.above(3).and.to.be.at.most(9)": {
        "json": {"$.data.n": {"gt": 3, "le": 9}}
    },
    "const j = pm.response.json();\npm.expect(j.list).to.be.an('array').that.is.not.empty": {
        "json": {"$.list": {"type": "array", "empty": False}}
    },
    "const j = pm.response.json();\npm.expect(j.list).to.have.lengthOf(3)": {"json": {"$.list": {"length": 3}}},
    "const j = pm.response.json();\npm.expect(j.list.length).to.be.greaterThan(0)": {"json": {"$.list": {"length": {"gt": 0}}}},
    "const j = pm.response.json();\npm.expect(j).to.have.property('id')": {"json": {"$.id": {"exists": True}}},
    "const j = pm.response.json();\npm.expect(j.s).to.match(/^a\\/b$/i)": {"json": {"$.s": {"matches": "(?i)^a/b$"}}},
    "const j = pm.response.json();\npm.expect(j.s).to.not.eql(null)": {"json": {"$.s": {"not_equals": None}}},
    "const j = pm.response.json();\npm.expect(j.ok).to.be.true; // really\n/* yes */ pm.expect(j.no).to.be.false": {
        "json": {"$.ok": True, "$.no": False}
    },
}
UNKNOWN = [
    "pm.expect(tv4.validate(a, b)).to.be.true",
    "if (x) { pm.response.to.have.status(200) }",
    "pm.sendRequest('https://x', () => {})",
    "pm.expect(compute()).to.eql(3)",
    "for (const a of b) { pm.expect(a).to.eql(1) }",
    "pm.expect(pm.response.json().a).to.eql(other)",
]


def collection(*items: dict[str, Any], **more: Any) -> str:
    return json.dumps({"info": {"name": "Shop", "schema": SCHEMA}, "item": list(items), **more})


def request(name: str = "one", url: Any = "https://a.example/x", script: str = "", **more: Any) -> dict[str, Any]:
    events = [{"listen": "test", "script": {"exec": script.split("\n")}}] if script else []
    return {"name": name, "event": events, "request": {"method": "GET", "url": url, **more}}


@pytest.mark.parametrize("script", SCRIPTS, ids=range(len(SCRIPTS)))
def test_a_script_of_a_known_form_becomes_an_expectation(script: str) -> None:
    made = imported("postman", collection(request(script=script)))
    lost = [line for line in made.lines() if "{length}" not in line]
    assert (only(made)["expect"], lost) == ({"status": "2xx", **SCRIPTS[script]}, [])


@pytest.mark.parametrize("script", UNKNOWN)
def test_any_other_script_stands_as_a_comment_at_the_scenario(script: str) -> None:
    made = imported("postman", collection(request(script=script)))
    assert f"# test: {script}" in made.text
    assert (only(made)["expect"], made.lost) == ({"status": "2xx"}, True)


def test_a_value_that_a_script_keeps_makes_steps_of_what_belongs_together() -> None:
    first = request("in", script="pm.environment.set('token', pm.response.json().token)")
    last = request("out", "https://a.example/me", header=[{"key": "Authorization", "value": "Bearer {{token}}"}])
    made = imported("postman", collection(first, request("between"), last))
    journey, alone = scenarios(made)
    assert (journey["name"], alone["name"]) == ("in, and 1 more", "between")
    assert journey["steps"][0]["capture"] == {"token": {"json": "$.token", "secret": True}}
    assert journey["steps"][1]["request"]["headers"] == {"Authorization": "Bearer {{token}}"}


def test_authentication_is_inherited_and_can_be_switched_off() -> None:
    bearer = {"type": "bearer", "bearer": [{"key": "token", "value": "abc-token-1"}]}
    folder = {"name": "f", "item": [request("a"), request("b", auth={"type": "noauth"})]}
    found = scenarios(imported("postman", collection(folder, request("c"), auth=bearer)))
    assert ["headers" in s["request"] for s in found] == [True, False, True]


def test_an_environment_gives_variables_their_values_and_keeps_its_secrets() -> None:
    environment = {
        "name": "staging",
        "values": [
            {"key": "base", "value": "https://s.example/api", "enabled": True},
            {"key": "plain", "value": "7", "enabled": True},
            {"key": "hidden", "value": "zzz-9-zzz", "type": "secret", "enabled": True},
            {"key": "off", "value": "nope", "enabled": False},
        ],
    }
    made = imported(
        "postman", collection(request(url="{{base}}/x/{{plain}}?a={{hidden}}&b={{off}}")), beside=json.dumps(environment)
    )
    (target,) = targets(made).values()
    assert target["base_url"] == "https://s.example"
    assert only(made)["request"]["path"] == "/api/x/{{vars.plain}}?a={{vars.shop_hidden_secret}}&b={{vars.off}}"
    assert target["vars"] == {"plain": "7", "shop_hidden_secret": "${SHOP_HIDDEN_SECRET}", "off": "${OFF}"}
    assert "zzz" not in made.text


def test_a_collection_of_version_1_is_refused_with_the_way_out() -> None:
    with pytest.raises(SuiteError, match=r"export it as 'Collection v2\.1'"):
        imported("postman", json.dumps({"info": {"schema": SCHEMA.replace("v2.1.0", "v1.0.0")}, "item": [request()]}))


def test_variables_in_circles_come_from_outside() -> None:
    variables = [{"key": "a", "value": "{{b}}"}, {"key": "b", "value": "{{a}}"}]
    made = imported("postman", collection(request(url="https://a.example/{{a}}"), variable=variables))
    assert only(made)["request"]["path"] == "/{{vars.a}}"
