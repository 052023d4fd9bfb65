"""This file is for testing how both sides are reached: each by its own address, or by what makes a proxy choose it."""

from __future__ import annotations

from typing import Any

import pytest

from probes.evidence.prometheus import Prometheus
from probes.fields import Secret
from probes.kinds.http import Http
from probes.outcome import Verdict
from scenarios.gates.sides import BadSides, both
from scenarios.runner import Runner
from tests.probes.sessions import session_at
from tests.probes.small_service import Asked, Reply, serving
from tests.scenarios.gates.sides_making import THING, a_policy, a_suite
from tests.scenarios.making import Flaky, Granted, scenario


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        pytest.param({"target": "moon"}, "target 'moon' of suite 'shop' is not there", id="no such target"),
        pytest.param({"canary": {"version": "1", "host": "c"}}, "both sides have the version '1'", id="the same version"),
        pytest.param({}, "both sides are reached in the same way", id="the same way"),
        pytest.param({"identity": {}, "canary": {"version": "2", "host": "c"}}, "'identity' needs", id="no identity"),
        pytest.param({"identity": {"path": "/v"}}, "'identity' needs", id="a path alone"),
        pytest.param({"identity": {"header": "X", "field": "$.v"}}, "'identity.field' needs 'identity.path'", id="a field alone"),
        pytest.param({"identity": {"path": "/v", "field": "$["}}, "'identity.field' is no JSONPath", id="a bad field"),
        pytest.param({"canary": {"version": "2", "base_url": "ftp://c"}}, "the canary's base_url should be", id="a bad address"),
        pytest.param({"canary": {"version": "2", "host": "c d"}}, "the canary's host cannot be sent", id="a bad host"),
        pytest.param({"tags": ["moon"]}, "a round would ask nothing: no scenario has the tag 'moon'", id="no scenario"),
    ],
)
def test_sides_that_cannot_be_asked_are_refused_with_the_reason(policy: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSides) as refused:
        both(a_suite(), a_policy(**policy))
    assert says in str(refused.value)


def test_a_round_asks_what_needs_no_grant_and_tries_it_twice_at_most() -> None:
    often = scenario("often", Flaky(failures=0, sessions=[]), retries=7)
    suite = a_suite(THING, often, scenario("breaks", Granted()), allow=["faults"])
    sides = both(suite, a_policy(canary={"version": "2", "host": "c"}))
    assert [(s.name, s.retries) for s in sides.scenarios] == [("the thing is shown", 0), ("often", 1)]
    assert suite.scenarios[1].retries == 7


def test_a_side_says_only_what_differs_from_the_target() -> None:
    suite = a_suite(url="https://shop.example", headers={"X-Key": "k"})
    policy = a_policy(canary={"version": "2", "headers": {"X-Canary": "1"}, "cookies": {"c": "2"}, "host": "canary.example:8443"})
    sides = both(suite, policy)
    canary, baseline = sides.canary.target, sides.baseline.target
    assert baseline == suite.targets["staging"]
    assert (canary.base_url, canary.headers) == (baseline.base_url, baseline.headers)
    assert canary.route.headers == {"X-Canary": "1"} and canary.route.cookies == {"c": "2"}
    assert canary.tls.server_name == "canary.example"


ANONYMOUS = {"request": {"path": "/thing", "anonymous": True, "headers": {"Cookie": "sid=9; c=old"}}, "expect": {"status": 200}}


@pytest.mark.anyio
async def test_every_request_carries_the_sides_route_even_an_anonymous_one() -> None:
    got: list[Asked] = []

    async def answer(asked: Asked) -> Reply:
        got.append(asked)
        return 200, {}, {"name": "thing"}

    side = {"version": "2", "headers": {"X-Canary": "1"}, "cookies": {"c": "new"}, "host": "shop.example"}
    async with serving(answer) as url:
        suite = a_suite(THING, scenario("nobody asks", Http.model_validate(ANONYMOUS)), url=url, headers={"X-Key": "k"})
        sides = both(suite, a_policy(canary=side))
        result = await Runner(sides.canary.suite, "staging").run()
    assert [o.verdict for o in result.outcomes] == [Verdict.PASS, Verdict.PASS]
    plain, anonymous = sorted(got, key=lambda asked: "sid" in asked.headers.get("cookie", ""))
    assert (plain.headers["host"], plain.headers["x-canary"], plain.headers["cookie"]) == ("shop.example", "1", "c=new")
    assert plain.headers["x-key"] == "k" and "x-key" not in anonymous.headers
    assert (anonymous.headers["host"], anonymous.headers["x-canary"]) == ("shop.example", "1")
    assert anonymous.headers["cookie"] == "sid=9; c=new"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "own",
    [
        pytest.param({"headers": {"x-canary": "0"}}, id="a header"),
        pytest.param({"headers": {"Host": "evil.example"}}, id="the host"),
        pytest.param({"cookies": {"c": "0"}}, id="a cookie"),
    ],
)
async def test_a_request_that_says_otherwise_is_not_sent_at_all(own: dict[str, Any]) -> None:
    got: list[Asked] = []

    async def answer(asked: Asked) -> Reply:
        got.append(asked)
        return 200, {}, {}

    side = {"version": "2", "headers": {"X-Canary": "1"}, "cookies": {"c": "1"}, "host": "shop.example"}
    probe = Http.model_validate({"request": {"path": "/thing", **own}, "expect": {"status": 200}})
    async with serving(answer) as url:
        sides = both(a_suite(scenario("it contradicts", probe), url=url), a_policy(canary=side))
        result = await Runner(sides.canary.suite, "staging").run()
    assert result.outcomes[0].verdict is Verdict.ERROR and "by which the target is chosen" in result.outcomes[0].sentence
    assert got == []


@pytest.mark.anyio
async def test_a_redirect_to_the_name_that_is_asked_for_stays_at_the_sides_address() -> None:
    got: list[Asked] = []

    async def answer(asked: Asked) -> Reply:
        got.append(asked)
        return (
            (302, {"Location": f"http://shop.example{asked.path}/"}, None) if asked.path == "/thing" else (200, {}, {"name": "t"})
        )

    probe = Http.model_validate({"request": {"path": "/thing", "follow_redirects": 2}, "expect": {"status": 200}})
    async with serving(answer) as url:
        suite = a_suite(scenario("it leads on", probe), url=url)
        sides = both(suite, a_policy(canary={"version": "2", "host": "shop.example", "headers": {"X-Canary": "1"}}))
        seen: list[tuple[str, int]] = []
        result = await Runner(sides.canary.suite, "staging", seen=lambda name, answer: seen.append((name, answer.status))).run()
    assert result.outcomes[0].verdict is Verdict.PASS
    assert [(asked.path, asked.headers["host"], asked.headers["x-canary"]) for asked in got] == [
        ("/thing", "shop.example", "1"),
        ("/thing/", "shop.example", "1"),
    ]
    assert seen == [("it leads on", 302), ("it leads on", 200)]


@pytest.mark.anyio
async def test_a_secret_in_a_route_is_shown_nowhere() -> None:
    async def answer(asked: Asked) -> Reply:
        return 500, {}, {"you sent": asked.headers}

    side = {"version": "2", "headers": {"X-Canary": Secret("correct-horse")}, "cookies": {"c": Secret("battery-staple")}}
    async with serving(answer) as url:
        sides = both(a_suite(url=url), a_policy(canary=side))
        result = await Runner(sides.canary.suite, "staging").run()
    shown = str(result.outcomes[0])
    assert result.outcomes[0].verdict is Verdict.FAIL and "you sent" in shown
    assert "correct-horse" not in shown and "battery-staple" not in shown


@pytest.mark.anyio
async def test_what_is_not_the_sides_own_host_gets_no_route_and_proves_nothing() -> None:
    got: dict[str, Asked] = {}

    async def elsewhere(asked: Asked) -> Reply:
        got[asked.path] = asked
        return 200, {}, {"name": "thing"}

    async def answer(asked: Asked) -> Reply:
        return 302, {"Location": f"{other}/led-on"}, None

    side = {"version": "2", "headers": {"X-Canary": "1"}, "cookies": {"c": "1"}, "host": "shop.example"}
    async with serving(answer) as url, serving(elsewhere) as other:
        source = Prometheus.model_validate({"url": other})
        suite = a_suite(
            scenario(
                "it leads on", Http.model_validate({"request": {"path": "/", "follow_redirects": 1}, "expect": {"status": 200}})
            ),
            scenario("it is read", Http.model_validate({"request": {"path": "/read", "at": "prom"}, "expect": {"status": 200}})),
            url=url,
            evidence={"prom": source},
        )
        seen: list[str] = []
        sides = both(suite, a_policy(canary=side))
        result = await Runner(sides.canary.suite, "staging", seen=lambda name, answer: seen.append(name)).run()
    assert [o.verdict for o in result.outcomes] == [Verdict.PASS, Verdict.PASS]
    assert seen == ["it leads on"]
    for asked in (got["/led-on"], got["/read"]):
        assert "x-canary" not in asked.headers and "cookie" not in asked.headers and asked.headers["host"] != "shop.example"


def test_a_session_by_itself_hides_what_its_route_holds() -> None:
    route = {"headers": {"X-Canary": Secret("correct-horse")}, "cookies": {"c": Secret("battery-staple")}}
    session = session_at("http://127.0.0.1:9", route=route)
    assert session.redactor.text("correct-horse, battery-staple") == "[header X-Canary], [header c]"
