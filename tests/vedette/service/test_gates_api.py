"""This file is for gates over the API: opened, told, asked and ended by those who may, with words that help."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from reports.gates import Step
from reports.judgement.gate import Phase
from reports.store.errors import StoreError
from tests.vedette.service.conftest import client_of, token_of
from tests.vedette.service.gate_world import KEY, World, side
from vedette.service import gate_going
from vedette.service.access import Scope
from vedette.service.api.gate_models import DecisionAnswer
from vedette.service.app import build_app, close_app
from vedette.service.state import Service

pytestmark = pytest.mark.anyio
HERE = "/api/v1/gates"
BODY = {"policy": "shop", "name": "shop@2"}
WHY = {"reason": "I look first"}
WRITES = [
    ("", BODY), ("/shop@2/stage", {"weight": 5}), ("/shop@2/cancel", WHY), ("/shop@2/hold", WHY), ("/shop@2/resume", WHY),
    ("/shop@2/override", {**WHY, "action": "rollback"}),
]  # fmt: skip
READS = ["", "/shop@2", "/shop@2/decision", "/shop@2/evidence"]


@pytest.fixture
def world(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(gate_going, "AGAIN_S", 0.01)
    where = tmp_path / "results.db"
    where.write_bytes(empty_store.read_bytes())
    folder = tmp_path / "policies"
    folder.mkdir()
    made = World(folder, where)
    yield made
    made.gates.close()


@pytest.fixture
def service(world: World, make_service: Callable[..., Service]) -> Service:
    made = make_service(gates=world.gates)
    made.clock = lambda: world.clock.now
    return made


@asynccontextmanager
async def asking(world: World, service: Service, headers: dict[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(service)
    async with world.going(), client_of(app, headers) as client:
        yield client
    await close_app(app)


async def test_a_gate_is_opened_and_can_be_seen(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        answer = await client.post(HERE, json={**BODY, "stage": 5})
        assert (answer.status_code, answer.headers["Location"]) == (201, f"{HERE}/shop@2")
        await world.rounds(3)
        seen = (await client.get(answer.headers["Location"])).json()
    assert {key: seen[key] for key in ("service", "policy", "canary_version", "weights", "phase", "opened_by", "ended_at")} == {
        "service": "shop/checkout", "policy": "shop", "canary_version": "2", "weights": [5, 50, 100], "phase": "running",
        "opened_by": "anonymous", "ended_at": None,
    }  # fmt: skip
    assert seen["evidence_lines"] == 5 and seen["decision"]["samples"]["pairs"] == 3


async def test_the_same_again_answers_200_and_another_name_learns_who_is_open(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        statuses = [(await client.post(HERE, json=BODY)).status_code for _ in range(3)]
        other = await client.post(HERE, json={**BODY, "name": "shop@3"})
        changed = await client.post(HERE, json={**BODY, "canary_version": "3"})
    assert statuses == [201, 200, 200]
    assert other.status_code == 409 and other.json()["gate"] == "shop@2"
    assert "the gate 'shop@2' is open for the service 'shop/checkout'" in other.json()["detail"]
    assert changed.status_code == 409 and "there is a gate 'shop@2' already" in changed.json()["detail"]
    assert len(world.ledger.list()) == 1


async def test_of_many_requests_at_once_one_opens_a_gate(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        answers = await asyncio.gather(*(client.post(HERE, json={**BODY, "name": f"shop@{n}"}) for n in range(8)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 7
    assert len({one.json()["gate"] for one in answers if one.status_code == 409}) == 1 == len(world.ledger.list())


async def test_a_write_that_is_repeated_with_its_key_is_done_once(world: World, service: Service) -> None:
    async with asking(world, service, {"Idempotency-Key": "one"}) as client:
        answers = [await client.post(HERE, json=BODY) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201] and world.kinds() == ["opened"]


HOSTILE = [
    "../../etc/passwd", "..", ".", "", "a/b", "a b", " a", "a\n", "a\x00b", "a" * 201, "-a", "@a", "a%2fb", "a?b", "a#b", "ä",
    "а", "<script>alert(1)</script>", "'; DROP TABLE gates; --", "${jndi:ldap://x}", "{{7*7}}", "a\u202eb", "a\u200b", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=[f"name-{n}" for n in range(len(HOSTILE))])
async def test_a_hostile_name_is_refused_and_never_repeated(name: str, world: World, service: Service) -> None:
    async with asking(world, service) as client:
        body = json.dumps({**BODY, "name": name})
        opened = await client.post(HERE, content=body, headers={"Content-Type": "application/json"})
        assert opened.status_code == 422 and (len(name) < 3 or name not in opened.text)
        if name and name not in (".", "..") and "\ud800" not in name:
            for path in (f"{HERE}/{quote(name, safe='')}", f"{HERE}/{quote(name, safe='')}/decision"):
                looked = await client.get(path)
                assert looked.status_code in (404, 422) and (len(name) < 3 or name not in looked.text)
    assert world.ledger.list() == []


@pytest.mark.parametrize("name", ["a", "shop@7f6d9c", "a" * 200, "A.b_c@d-e", "0", "policies"])
async def test_a_plain_name_is_taken(name: str, world: World, service: Service) -> None:
    async with asking(world, service) as client:
        assert (await client.post(HERE, json={**BODY, "name": name})).status_code == 201
        for path in READS[1:]:
            assert (await client.get(HERE + path.replace("shop@2", name))).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**BODY, "policy": "shoop"}, "no policy 'shoop'; did you mean 'shop'"),
        ({**BODY, "policy": "../../etc/passwd"}, "this service was given no policy"),
        ({**BODY, "canary_url": "http://169.254.169.254/"}, "a field that is not known"),
        ({**BODY, "canary_version": "1"}, "both sides have the version '1'"),
        ({**BODY, "canary_version": "1\n"}, "body.canary_version"),
        ({**BODY, "stage": 33}, "its stages have 5, 50, 100"),
        ({**BODY, "stage": 101}, "body.stage"),
        ({**BODY, "stage": "NaN"}, "body.stage"),
        ({"policy": "shop"}, "body.name"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:20],
)
async def test_what_cannot_be_judged_is_refused_and_nothing_is_kept(
    body: dict[str, Any], words: str, world: World, service: Service
) -> None:
    async with asking(world, service) as client:
        answer = await client.post(HERE, json=body)
    assert answer.status_code == 422 and words in answer.json()["detail"], answer.text
    assert world.ledger.list() == []


async def test_the_decision_is_told_about_any_stage(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        await world.rounds(25)
        answers = {w: (await client.get(f"{HERE}/shop@2/decision", params={"stage": w})) for w in (5, 50, 100)}
        unknown = await client.get(f"{HERE}/shop@2/decision?stage=51")
        plain = await client.get(f"{HERE}/shop@2/decision")
    assert {w: one.json()["decision"] for w, one in answers.items()} == {5: "promote", 50: "hold", 100: "hold"}
    assert unknown.status_code == 422 and plain.headers["Cache-Control"] == "no-store"
    assert plain.json() == answers[5].json() and len(plain.content) < 2048
    assert DecisionAnswer.model_validate(plain.json()).decision == "promote"
    assert plain.json()["evidence_url"] == f"{HERE}/shop@2/evidence"


async def test_a_decision_asks_nobody_and_folds_nothing(world: World, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        await world.rounds(2)
        asked = world.asked

        def never(*given: object, **more: object) -> None:
            raise AssertionError("a decision is read, not made")

        for name in ("step", "decide", "begun", "sealed"):
            monkeypatch.setattr(f"vedette.service.gate_keeping.{name}", never)
        for name in ("evidence", "lines", "newest", "line", "get", "list"):
            monkeypatch.setattr(world.ledger, name, never)
        assert (await client.get(f"{HERE}/shop@2/decision")).json()["samples"]["pairs"] == 2
        assert world.asked == asked


async def test_the_evidence_is_handed_out_as_it_is_kept(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        await world.rounds(5)
        answer = await client.get(f"{HERE}/shop@2/evidence")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text == "".join(f"{line}\n" for line in world.ledger.evidence(world.kept().id))
    assert KEY not in answer.text


async def test_people_decide_with_their_name_and_a_reason(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        held = await client.post(f"{HERE}/shop@2/hold", json={"reason": f"{KEY} is odd"})
        resumed = await client.post(f"{HERE}/shop@2/resume", json=WHY)
        ended = await client.post(f"{HERE}/shop@2/override", json={"action": "rollback", "reason": "customers call"})
        late = await client.post(f"{HERE}/shop@2/hold", json=WHY)
    assert held.json()["decision"]["held_by"] == "anonymous: [canary_key] is odd"
    assert resumed.json()["decision"]["held_by"] == "" and ended.json()["phase"] == "rolled_back"
    assert late.status_code == 409 and "is over (rolled_back)" in late.json()["detail"]
    trail = {(one.action, json.dumps(dict(one.details))) for one in service.audit.list() if one.action.startswith("gate.")}
    assert {action for action, _ in trail} == {"gate.open", "gate.hold", "gate.resume", "gate.override"}
    assert any("customers call" in details for _, details in trail) and not any(KEY in details for _, details in trail)


@pytest.mark.parametrize("reason", [None, "", " ", "x" * 501, "two\nlines", "a\x00b", 5], ids=lambda reason: repr(reason)[:8])
@pytest.mark.parametrize("what", ["cancel", "hold", "resume", "override"])
async def test_nobody_decides_without_a_reason(what: str, reason: Any, world: World, service: Service) -> None:
    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        body = {"action": "promote"} if what == "override" else {}
        answer = await client.post(f"{HERE}/shop@2/{what}", json=body if reason is None else {**body, "reason": reason})
    assert answer.status_code == 422 and "reason" in answer.json()["detail"]
    assert world.kinds() == ["opened", "stage"]


@pytest.mark.parametrize("method_and_path", [("POST", path) for path, _ in WRITES[1:]] + [("GET", path) for path in READS[1:]])
async def test_what_is_not_there_is_said_to_be_so(method_and_path: tuple[str, str], world: World, service: Service) -> None:
    method, path = method_and_path
    async with asking(world, service) as client:
        answer = await client.request(method, HERE + path, json=dict(WRITES).get(path))
    assert answer.status_code == 404 and "there is no gate of this name" in answer.json()["detail"]


async def test_reading_needs_one_scope_and_writing_another(world: World, make_service: Callable[..., Service]) -> None:
    service = make_service(gates=world.gates, settings={"require_tokens": True, "open_routes": ()})
    reader, keeper = token_of(service, Scope.READ, name="reader"), token_of(service, Scope.GATE, name="ci-deploy")
    async with asking(world, service) as client:
        assert (await client.post(HERE, json=BODY)).status_code == 401
        assert (await client.get(f"{HERE}/shop@2/decision")).status_code == 401
        assert (await client.post(HERE, json=BODY, headers=keeper)).json()["opened_by"] == "ci-deploy"
        assert {(await client.get(HERE + path, headers=keeper)).status_code for path in READS} == {403}
        assert {(await client.post(HERE + path, json=body, headers=reader)).status_code for path, body in WRITES} == {403}
        assert {(await client.get(HERE + path, headers=reader)).status_code for path in READS} == {200}
        held = await client.post(f"{HERE}/shop@2/hold", json=WHY, headers=keeper)
    assert held.json()["decision"]["held_by"] == "ci-deploy: I look first"
    assert [one.who for one in service.audit.list() if one.action == "gate.hold"] == ["ci-deploy"]


async def test_the_list_is_narrowed_and_paged(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        for number in range(5):
            world.clock.go(1)
            await client.post(HERE, json={**BODY, "name": f"shop-{number}"})
            if number < 4:
                await client.post(f"{HERE}/shop-{number}/cancel", json=WHY)
        first = (await client.get(HERE, params={"limit": 2})).json()
        rest = (await client.get(first["next"])).json()
        still_open = (await client.get(HERE, params={"open": True, "service": "shop/checkout", "policy": "shop"})).json()
        misspelt = await client.get(HERE, params={"opn": True})
    assert [one["name"] for one in first["items"] + rest["items"]] == ["shop-4", "shop-3", "shop-2", "shop-1"]
    assert [one["name"] for one in still_open["items"]] == ["shop-4"] and misspelt.status_code == 422


async def test_the_policies_are_listed_without_what_the_sides_are_reached_with(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        answer = await client.get("/api/v1/gate-policies")
    (one,) = answer.json()["items"]
    assert (one["name"], one["service"], one["suite"], one["target"], one["weights"]) == (
        "shop", "shop/checkout", "shop", "staging", [5, 50, 100],
    )  # fmt: skip
    assert "shelves are shown" in one["scenarios"] and "critical_errors" in one["triggers"]
    assert KEY not in answer.text and "127.0.0.1" not in answer.text and "X-Canary" not in answer.text


async def test_a_store_that_is_away_answers_503_and_the_gate_goes_on_later(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: object, **more: object) -> None:
        raise StoreError("the store 'x' is locked by another process (waited 5 s)")

    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        with monkeypatch.context() as broken:
            for name in ("standing", "get", "list", "lines", "open", "newest"):
                broken.setattr(world.ledger, name, away)
            answers = [await client.get(HERE + path) for path in READS]
            answers += [await client.post(HERE + path, json=body) for path, body in WRITES]
        assert {one.status_code for one in answers} == {503} and all("Retry-After" in one.headers for one in answers)
        await world.rounds(3)
        assert (await client.get(f"{HERE}/shop@2/decision")).json()["samples"]["pairs"] == 3


async def test_a_service_that_stops_begins_nothing(world: World, service: Service) -> None:
    service.stopping = True
    async with asking(world, service) as client:
        answers = [await client.post(HERE + path, json=body) for path, body in WRITES]
    assert {one.status_code for one in answers} == {503} and world.ledger.list() == []


async def test_a_thousand_gates_do_not_slow_the_next_one(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        await client.post(HERE, json={**BODY, "stage": 5})
        await world.rounds(1, side("shelves are shown"))
        whole = world.ledger.newest(world.kept().id)
        assert whole is not None
        fill(world, whole, 1000)
        found = await client.get(f"{HERE}/old-0500/decision")
        page = (await client.get(HERE, params={"limit": 500})).json()
    assert found.status_code == 200 and len(page["items"]) == 500 and page["next"]


def fill(world: World, like: Any, many: int) -> None:
    """Keep so many gates that are over."""
    for number in range(many):
        opened_at = like.gate.opened_at - timedelta(minutes=number + 1)
        gate = replace(like.gate, id=f"old-{number:04}", name=f"old-{number:04}", service=f"old-{number}", opened_at=opened_at)
        gate = replace(gate, ended_at=opened_at, phase=Phase.PROMOTED)
        world.ledger.open(gate, Step(like.line, like.state, like.gate.decision, Phase.PROMOTED))
