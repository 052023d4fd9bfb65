"""This file is for the HTTP hook lever: it breaks, it mends, it retries an undo, and it says what went wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from probes.faults.http_hook import HttpHook
from probes.faults.lever import LeverError
from probes.fields import Expanded
from tests.probes.small_service import Asked, Reply, a_session, a_target, serving

HOOK: dict[str, Any] = {"inject": {"path": "/fault"}, "undo": {"method": "DELETE", "path": "/fault"}}


class Hooks:
    """A service that answers with one status after another, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.seen = list(statuses), list[Asked]()

    async def handle(self, request: Asked) -> Reply:
        self.seen.append(request)
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0], {}, None


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.faults.http_hook.UNDO_WAITS_S", (0.0, 0.0))


async def moved(hooks: Hooks, *deeds: str, **options: Any) -> list[Asked]:
    lever = HttpHook.model_validate({**HOOK, **options})
    async with serving(hooks.handle) as url:
        session = a_session(a_target(url, vars={"dependency": "calcom"}))
        for deed in deeds:
            await getattr(lever, deed)(session)
    return hooks.seen


@pytest.mark.anyio
async def test_it_sends_what_the_suite_says() -> None:
    inject = {"method": "put", "path": "/f/{{vars.dependency}}", "headers": {"X-A": "1"}, "json": {"mode": "down", "n": [1]}}
    seen = await moved(Hooks(204), "inject", "undo", inject=inject)
    assert [(one.method, one.path, one.body) for one in seen] == [
        ("PUT", "/f/calcom", {"mode": "down", "n": [1]}),
        ("DELETE", "/fault", None),
    ]
    assert seen[0].headers["x-a"] == "1"


@pytest.mark.anyio
async def test_an_undo_is_tried_three_times_and_an_inject_once() -> None:
    assert len(await moved(Hooks(500, 503, 200), "undo")) == 3
    hooks = Hooks(500, 200)
    with pytest.raises(LeverError, match="the fault was not put in: POST /fault answered 500 instead of 2xx"):
        await moved(hooks, "inject")
    assert len(hooks.seen) == 1


@pytest.mark.anyio
async def test_an_undo_that_never_works_says_so() -> None:
    hooks = Hooks(500)
    with pytest.raises(LeverError, match="the fault was not taken out: DELETE /fault answered 500 instead of 2xx"):
        await moved(hooks, "undo")
    assert len(hooks.seen) == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("expected", "status", "works"), [(404, 404, True), ([204, 404], 404, True), ([204], 200, False), (None, 302, False)]
)
async def test_only_the_expected_status_will_do(expected: Any, status: int, works: bool) -> None:
    undo = {**HOOK["undo"], "expect_status": expected}
    if works:
        await moved(Hooks(status), "undo", undo=undo)
        return
    with pytest.raises(LeverError, match=f"answered {status} instead of"):
        await moved(Hooks(status), "undo", undo=undo)


@pytest.mark.anyio
async def test_a_service_that_is_not_there_is_a_lever_error() -> None:
    async with serving(Hooks(200).handle) as url:
        pass
    with pytest.raises(LeverError, match="the fault was not put in: POST /fault: "):
        await HttpHook.model_validate(HOOK).inject(a_session(a_target(url)))


@pytest.mark.anyio
async def test_a_secret_is_sent_as_it_is_and_hidden_from_then_on() -> None:
    secret = "s3cret-{{nonce}}-value"
    hooks = Hooks(200)
    inject = {"path": Expanded("/s3cret-path-key", "/${KEY}"), "headers": {"X-Key": Expanded(secret, "${KEY}")}}
    async with serving(hooks.handle) as url:
        session = a_session(a_target(url))
        lever = HttpHook.model_validate({**HOOK, "inject": inject})
        await lever.inject(session)
        assert hooks.seen[0].headers["x-key"] == secret
        assert hooks.seen[0].path == "/s3cret-path-key"
        assert secret not in session.redactor.text(f"it said {secret}")
        assert not any("s3cret-path-key" in exchange.url for exchange in session.exchanges)
    assert lever.describe() == "HTTP hook POST /${KEY}"


@pytest.mark.parametrize("place", ["nonce", "today", "run_id"])
def test_an_undo_may_not_depend_on_the_run(place: str) -> None:
    undo = {"path": "/f", "json": {"deep": [f"x-{{{{{place}}}}}"]}}
    with pytest.raises(ValidationError, match="'undo' may not use '{{" + place):
        HttpHook.model_validate({**HOOK, "undo": undo})
