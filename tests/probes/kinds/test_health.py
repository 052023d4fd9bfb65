"""This file is for the kind `health`: sound endpoints pass, and each lie is caught."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from probes.kinds.health import Health
from probes.outcome import Outcome, Verdict, to_json
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

STRICT = {"dependencies": ["database", "redis"], "alias": "/api/v1/health", "tick": "20ms"}
ACTIVE = {**STRICT, "fault": "database_down", "fault_dependency": "database", "bite_within": "200ms", "poll": "5ms",
          "recover_within": "200ms"}  # fmt: skip
LEVER = {
    "database_down": {
        "lever": "http_hook",
        "inject": {"method": "POST", "path": "/_control/database-down"},
        "undo": {"method": "DELETE", "path": "/_control/database-down"},
    }
}

Bug = Callable[["Service", Asked, Reply], Reply]


@dataclass
class Service:
    """Health endpoints that are sound, but for one bug."""

    bug: Bug = lambda service, asked, reply: reply
    down: set[str] = field(default_factory=set)
    times: int = 0

    def __call__(self, asked: Asked) -> Reply:
        return self.bug(self, asked, self.sound(asked))

    def sound(self, asked: Asked) -> Reply:
        self.times += 1
        at = datetime.now(UTC) + timedelta(microseconds=self.times)
        body = {"status": "ok", "timestamp": at.isoformat()}
        if asked.path == "/_control/database-down":
            (self.down.add if asked.method == "POST" else self.down.discard)("database")
            return Reply(204)
        if asked.path == "/health/live":
            return as_json(body, 200, ("Cache-Control", "no-store"))
        if asked.path in ("/health/ready", "/api/v1/health"):
            checks = {name: {"status": "down" if name in self.down else "ok"} for name in ("database", "redis")}
            status = "not_ready" if self.down else "ready"
            return as_json({**body, "status": status, "checks": checks}, 503 if self.down else 200, ("Cache-Control", "no-store"))
        return as_json({"error": "not found"}, 404)


def on(path: str, change: Callable[[dict[str, Any]], Any], *headers: tuple[str, str]) -> Bug:
    """Change the JSON that the path answers."""

    def bug(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.path != path:
            return reply
        document = json.loads(reply.body)
        changed = change(document)
        return replace(reply, body=json.dumps(document if changed is None else changed).encode(), headers=reply.headers + headers)

    return bug


def answering(path: str, reply: Reply) -> Bug:
    return lambda service, asked, sound: reply if asked.path == path else sound


async def asked_with(bug: Bug | None = None, options: dict[str, Any] = STRICT, **more: Any) -> Outcome:
    async with Loopback(Service(bug) if bug else Service()).running() as server:
        return await outcome_of(Health.model_validate(options), server.url, **more)


def active_target() -> dict[str, Any]:
    from probes.registry import LEVERS

    lever = LEVERS.find("http_hook")
    assert lever is not None
    options = {key: value for key, value in LEVER["database_down"].items() if key != "lever"}
    return {"allow": ["faults"], "faults": {"database_down": lever.model_validate(options)}}


async def test_sound_endpoints_pass_and_the_report_says_that_the_split_was_not_exercised() -> None:
    outcome = await asked_with()
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    notes = [c.say for c in outcome.checks if c.verdict is Verdict.SKIPPED]
    assert notes == ["the split of liveness and readiness was not exercised: the scenario names no 'fault'"]


def later(document: dict[str, Any], **shift: float) -> None:
    document["timestamp"] = (datetime.fromisoformat(document["timestamp"]) + timedelta(**shift)).isoformat()


BUGS: dict[str, tuple[Bug, Verdict, str]] = {
    "a dependency is down": (
        lambda service, asked, reply: (service.down.add("database"), service.sound(asked))[1],
        Verdict.FAIL, "readiness says database is down (GET /health/ready answered 503, correlation id "),
    "200 though a dependency is down": (
        on("/health/ready", lambda d: d["checks"]["redis"].update(status="down")),
        Verdict.FAIL, "readiness says redis is down (GET /health/ready answered 200"),
    "a dependency is not named": (
        on("/health/ready", lambda d: d["checks"].pop("redis") and None),
        Verdict.FAIL, "readiness does not name redis under 'checks'"),
    "no checks at all": (on("/health/ready", lambda d: d.pop("checks") and None),
        Verdict.FAIL, "readiness names no dependency under 'checks'"),
    "503 for no reason": (
        answering("/health/ready", as_json({"status": "starting"}, 503)),
        Verdict.FAIL, "readiness is not ready and names no dependency that is down"),
    "liveness is down": (answering("/health/live", Reply(500)), Verdict.FAIL, "liveness answers 500 instead of 200"),
    "credentials are asked for": (answering("/health/live", Reply(401)), Verdict.FAIL, "liveness asks for credentials"),
    "a redirect": (answering("/health/live", Reply(302, b"", (("Location", "/login"),))), Verdict.FAIL, "redirects"),
    "an HTML page": (
        answering("/health/live", Reply(200, b"<html>up</html>", (("Content-Type", "text/html"),))),
        Verdict.FAIL, "liveness is not JSON: the body is HTML instead of JSON"),
    "JSON as text": (
        lambda service, asked, reply: replace(reply, headers=(("Content-Type", "text/plain"),))
        if asked.path == "/health/live" else reply,
        Verdict.FAIL, "liveness is not JSON: the content type is text/plain"),
    "an empty body": (answering("/health/live", Reply(200)), Verdict.FAIL, "liveness is not JSON: the body is empty"),
    "status not well": (on("/health/live", lambda d: d.update(status="failing")), Verdict.FAIL,
        "says status 'failing' with a 200"),
    "status no text": (on("/health/live", lambda d: d.update(status=True)), Verdict.FAIL, "says status true with a 200"),
    "no timestamp": (on("/health/live", lambda d: d.pop("timestamp") and None), Verdict.FAIL, "no timestamp with an offset"),
    "no offset": (
        on("/health/live", lambda d: d.update(timestamp=d["timestamp"][:26])), Verdict.FAIL, "no timestamp with an offset"),
    "an hour old": (on("/health/live", lambda d: later(d, hours=-1)), Verdict.FAIL, "liveness timestamp is 1:00:00 old"),
    "an hour ahead": (on("/health/live", lambda d: later(d, hours=1)), Verdict.FAIL, "liveness timestamp is 1:00:00 ahead"),
    "a frozen timestamp": (
        on("/health/live", lambda d: d.update(timestamp=STARTED)), Verdict.FAIL, "timestamp stands still: an old answer"),
    "a clock that is set back": (
        lambda service, asked, reply: on("/health/live", lambda d: later(d, seconds=-service.times))(service, asked, reply),
        Verdict.FAIL, "liveness timestamp went backwards"),
    "kept in caches": (
        lambda service, asked, reply: replace(reply, headers=(("Content-Type", "application/json"),
            ("Cache-Control", "public, max-age=60"))) if asked.path == "/health/live" else reply,
        Verdict.FAIL, "liveness may be kept in caches (Cache-Control: max-age=60, public)"),
    "out of a cache": (on("/health/ready", lambda d: None, ("Age", "12")), Verdict.FAIL,
        "readiness came out of a cache (Age: '12')"),
    "an alias that disagrees": (
        on("/api/v1/health", lambda d: d["checks"]["redis"].update(status="down")),
        Verdict.FAIL, "alias says redis is down where readiness says it is up"),
    "a catch-all 200": (
        lambda service, asked, reply: as_json({"status": "ok"}) if reply.status == 404 else reply,
        Verdict.INCONCLUSIVE, "an address that cannot exist is answered like health"),
    "a catch-all page": (
        lambda service, asked, reply: Reply(200, b"<html>") if reply.status == 404 else reply,
        Verdict.INCONCLUSIVE, "an address that cannot exist is answered like health"),
}  # fmt: skip
STARTED = datetime.now(UTC).isoformat()


@pytest.mark.parametrize("name", BUGS)
async def test_each_bug_is_caught_by_a_sentence_that_names_it(name: str) -> None:
    bug, verdict, sentence = BUGS[name]
    outcome = await asked_with(bug)
    assert (outcome.verdict, sentence in outcome.sentence) == (verdict, True), outcome.sentence


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Traceback (most recent call last)", "a stack trace"),
        ("#0 /var/www/html/app/Http/Kernel.php(141): handle()", "a stack trace"),
        ("Error: x\n    at Object.<anonymous> (/srv/server.js:10:5)", "a stack trace"),
        ("postgres://app:hunter22@db:5432/app", "a connection string"),
        ("redis://cache.internal:6379", "a connection string"),
        ("Server=db;Database=x;User Id=sa;Password=hunter22", "a connection string"),
        ("AKIAABCDEFGHIJKLMNOP", "a secret"),
        ("db_password=hunter22", "a secret"),
        ("could not open /var/www/html/storage/app.sqlite", "an internal path"),
        (r"C:\inetpub\wwwroot\app.config", "an internal path"),
    ],
)
async def test_what_is_internal_is_named_by_kind_and_never_shown(text: str, kind: str) -> None:
    outcome = await asked_with(on("/health/live", lambda d: d.update(note=text)))
    assert outcome.verdict is Verdict.FAIL
    assert "liveness shows" in outcome.sentence and kind in outcome.sentence
    told = str(to_json(outcome))
    assert "hunter22" not in told and text[3:] not in told and text[:20] not in told


async def test_a_php_path_with_escaped_slashes_is_seen() -> None:
    def escape(service: Service, asked: Asked, reply: Reply) -> Reply:
        sound = json.loads(reply.body or b"{}")
        body = json.dumps({**sound, "disk": "/var/www/html"}).replace("/", r"\/").encode()
        return replace(reply, body=body) if asked.path == "/health/live" else reply

    assert "an internal path" in (await asked_with(escape)).sentence


async def test_a_password_key_is_a_secret_and_a_masked_one_is_not() -> None:
    assert "a secret" in (await asked_with(on("/health/live", lambda d: d.update(password="hunter22")))).sentence
    masked = {"password": "******", "app_secret": "configured", "api_key": None, "access_token": {"status": "ok"}}
    outcome = await asked_with(on("/health/live", lambda d: d.update(masked)))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_slow_liveness_is_degraded_and_then_fails() -> None:
    def slow(service: Service, asked: Asked, reply: Reply) -> Reply:
        time.sleep(0.03)  # the server's slowness is what is tested
        return reply

    soft = await asked_with(slow, {**STRICT, "live_warn_above": "20ms"})
    assert soft.verdict is Verdict.DEGRADED and "liveness took" in soft.sentence
    hard = await asked_with(slow, {**STRICT, "live_within": "20ms"})
    assert hard.verdict is Verdict.FAIL and "liveness took" in hard.sentence


async def test_whole_seconds_are_given_the_time_to_move_on() -> None:
    def whole(d: dict[str, Any]) -> None:
        d["timestamp"] = d["timestamp"][:19] + "Z"

    outcome = await asked_with(on("/health/live", whole), {**STRICT, "tick": "1.1s"})
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_it_is_asked_without_the_targets_credentials() -> None:
    async with Loopback(Service()).running() as server:
        await outcome_of(Health.model_validate(STRICT), server.url, headers={"X-Api-Key": "key"})
        assert len(server.asked) > 5 and not any("x-api-key" in asked.headers for asked in server.asked)


async def test_the_active_part_passes_on_a_sound_service_and_leaves_it_mended() -> None:
    service = Service()
    async with Loopback(service).running() as server:
        outcome = await outcome_of(Health.model_validate(ACTIVE), server.url, **active_target())
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert {m.name for m in outcome.measurements} >= {"time to notice", "time to recover"}
    assert service.down == set()


def ready_says(change: Callable[[dict[str, Any]], Any], status: int) -> Bug:
    def bug(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.path not in ("/health/ready", "/api/v1/health") or not service.down:
            return reply
        return replace(on(asked.path, change)(service, asked, reply), status=status)

    return bug


ACTIVE_BUGS: dict[str, tuple[Bug, str]] = {
    "liveness follows the database": (
        lambda service, asked, reply: replace(reply, status=503) if service.down and asked.path == "/health/live" else reply,
        "liveness went down with database"),
    "liveness hangs up": (
        lambda service, asked, reply: Reply(hang_up=True) if service.down and asked.path == "/health/live" else reply,
        "liveness went down with database"),
    "readiness does not look": (
        ready_says(lambda d: {**d, "status": "ready", "checks": {"database": "ok", "redis": "ok"}}, 200),
        "readiness still says all is well 0.2 s after database was taken down"),
    "readiness keeps its 200": (ready_says(lambda d: None, 200), "answers 200 although it says that database is down"),
    "readiness blames another": (
        ready_says(lambda d: {**d, "checks": {"database": "ok", "redis": "down"}}, 503),
        "answers 503 but does not name database as down"),
    "readiness hangs up": (
        lambda service, asked, reply: Reply(hang_up=True) if service.down and asked.path == "/health/ready" else reply,
        "readiness did not become 503 when database was taken down; it did not answer"),
    "the alias is a constant": (
        lambda service, asked, reply: replace(reply, status=200) if asked.path == "/api/v1/health" else reply,
        "while database was down the alias answered 200 where GET /health/ready answered 503"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVE_BUGS)
async def test_each_bug_of_the_split_is_caught(name: str) -> None:
    bug, sentence = ACTIVE_BUGS[name]
    outcome = await asked_with(bug, ACTIVE, **active_target())
    assert outcome.verdict is Verdict.FAIL and sentence in outcome.sentence, outcome.sentence


async def test_readiness_that_stays_down_is_caught() -> None:
    def sticky(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.method == "DELETE":
            service.down.add("database")
        return reply

    outcome = await asked_with(sticky, ACTIVE, **active_target())
    assert outcome.verdict is Verdict.FAIL
    assert "readiness did not recover within 0.2 s after database came back: it says 503" in outcome.sentence


async def test_a_fault_that_does_not_bite_never_passes() -> None:
    def toothless(service: Service, asked: Asked, reply: Reply) -> Reply:
        service.down.clear()
        return reply

    outcome = await asked_with(toothless, ACTIVE, **active_target())
    assert outcome.verdict is Verdict.FAIL and "or the fault did not bite" in outcome.sentence
    assert [c.name for c in outcome.controls if c.verdict is Verdict.INCONCLUSIVE] == ["readiness changed after the fault"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [({}, "has no fault 'database_down'"), ({"allow": []}, "does not grant faults")],
    ids=["no such fault", "no grant"],
)
async def test_without_the_means_the_active_part_is_a_note(target: dict[str, Any], reason: str) -> None:
    outcome = await asked_with(None, ACTIVE, **({**active_target(), **target} if target else {}))
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert [reason in c.say for c in outcome.checks if c.verdict is Verdict.SKIPPED] == [True]


@pytest.mark.parametrize(
    ("options", "trouble"),
    [
        ({"live": None, "ready": None}, "at least one of 'live' and 'ready'"),
        ({"fault": "x"}, "'fault_dependency'"),
        ({"fault": "x", "fault_dependency": "database", "live": None}, "needs both"),
        ({"ready": None, "alias": "/x"}, "'alias' needs 'ready'"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], trouble: str) -> None:
    with pytest.raises(ValidationError, match=trouble):
        Health.model_validate(options)


async def test_a_state_that_shows_a_connection_string_is_not_quoted() -> None:
    def loud(d: dict[str, Any]) -> None:
        d["checks"]["redis"] = "no route to redis://cache.internal:6379"

    outcome = await asked_with(on("/health/ready", loud))
    told = str(to_json(outcome))
    assert "says redis is (a connection string, not shown)" in told and "cache.internal" not in told
