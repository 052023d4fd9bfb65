"""This file is for small sides of canaries: services on loopback that say their version, and policies that name them."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from probes.kinds.http import Http
from probes.target import Target
from scenarios.gates.policy import Policy
from scenarios.gates.records import RoundSeen
from scenarios.gates.rounds import Rounds
from scenarios.gates.sides import Sides, both
from scenarios.model import Scenario, Suite
from tests.probes.small_service import Asked, Reply, serving
from tests.scenarios.making import scenario

ASKED = {"request": {"path": "/thing"}, "expect": {"status": 200, "json": {"$.name": "thing"}}}
THING = scenario("the thing is shown", Http.model_validate(ASKED))


def a_suite(*scenarios: Scenario, url: str = "http://127.0.0.1:9", **target: Any) -> Suite:
    made = Target.model_validate({"name": "staging", "base_url": url, "private_networks": True, **target})
    asked = scenarios or (THING,)
    return Suite(name="shop", path="shop.yaml", targets={"staging": made}, target_names=("staging",), scenarios=asked)


def a_policy(**changes: Any) -> Policy:
    told = {
        "name": "shop",
        "service": "shop",
        "suite": "shop.yaml",
        "target": "staging",
        "canary": {"version": "2"},
        "baseline": {"version": "1"},
        "identity": {"header": "X-Version"},
    }
    return Policy.model_validate({**told, **changes})


def says(version: str, status: int = 200, **more: Any) -> Callable[[Asked], Awaitable[Reply]]:
    """Return a sound service of that version; an empty one says none. `more` stands in each of its answers."""

    async def answer(asked: Asked) -> Reply:
        marked = {"X-Version": version} if version else {}
        return status, {**marked, **more.get("headers", {})}, {"name": "thing", "version": version}

    return answer


@asynccontextmanager
async def two(
    canary: Callable[[Asked], Awaitable[Reply]],
    baseline: Callable[[Asked], Awaitable[Reply]],
    suite: Suite | None = None,
    **policy: Any,
) -> AsyncIterator[Sides]:
    """Serve both sides, each at its own address, and give them as the policy has them."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(one)) for one in (canary, baseline)]
        reached = {
            "canary": {"base_url": urls[0], "version": "2"},
            "baseline": {"base_url": urls[1], "version": "1"},
        }
        yield both(suite or a_suite(), a_policy(**{**reached, **policy}))


async def a_round(sides: Sides, **options: Any) -> RoundSeen:
    return await Rounds(sides, rng=random.Random(1), **options).ask(time.time())
