"""This file is for the policies of a service: mistakes at their line, reloads, and what a gate keeps to after a restart."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probes.fields import Secret
from tests.scenarios.gates.policy_making import SUITE
from tests.vedette.service.gate_world import KEY, POLICY
from tests.vedette.service.test_reloading import Told
from vedette.service.deploying import Unknown
from vedette.service.gate_policies import Policies, files_of_policies, load_policies, sides_again
from vedette.service.gating import CannotAsk
from vedette.service.loading import NotLoaded
from vedette.service.reloading import Also, Reloader, fingerprint

ENVIRON = {"CANARY_KEY": KEY}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "suite.yaml").write_text(SUITE)
    made = tmp_path / "shop.yaml"
    made.write_text(POLICY.format(name="shop", service="shop/checkout", more=""))
    return made


def recorded(file: Path) -> Any:
    return load_policies([str(file)], ENVIRON)["shop"].loaded.recorded()


def change(file: Path, *pairs: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def test_every_mistake_of_every_file_is_told_at_its_line(file: Path, tmp_path: Path) -> None:
    change(file, ("service: shop/checkout", "service: shop checkout"), ("every: 0.05", "evry: 0.05"))
    with pytest.raises(NotLoaded) as told:
        load_policies([str(file), str(tmp_path / "nothing.yaml")], ENVIRON)
    said = str(told.value)
    assert (
        f"{file}:2:10" in said
        and f"{file}:9:1" in said
        and "did you mean 'every'?" in said
        and f"there is no file '{tmp_path / 'nothing.yaml'}'" in said
    )


def test_two_policies_of_one_name_are_a_mistake(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(file.read_text())
    with pytest.raises(NotLoaded, match="two policies are named 'shop'"):
        load_policies([str(file), str(other)], ENVIRON)


def test_a_service_without_policies_says_how_it_gets_one() -> None:
    with pytest.raises(Unknown, match="this service was given no policy 'shop': start it with --gate FILE"):
        Policies().named("shop")


def test_what_a_reload_changes_is_said(file: Path) -> None:
    policies = Policies(load_policies([str(file)], ENVIRON))
    assert policies.take(load_policies([str(file)], ENVIRON)) == []
    change(file, ("weight: 50", "weight: 40"))
    assert policies.take(load_policies([str(file)], ENVIRON)) == [
        "changed the policy 'shop': gates opened from now on keep to it"
    ]
    change(file, ("name: shop", "name: shop2"))
    assert policies.take(load_policies([str(file)], ENVIRON)) == ["took the policy 'shop' away", "added the policy 'shop2'"]


def test_a_policy_and_its_suite_are_watched_for_changes(file: Path) -> None:
    assert [one.name for one in files_of_policies([str(file), "canary-demo", "nothing.yaml"])] == ["shop.yaml", "suite.yaml"]
    before = fingerprint([], [str(file)])
    change(file.with_name("suite.yaml"), ("path: /shelves", "path: /shelf"))
    assert fingerprint([], [str(file)]) != before


def test_what_is_recorded_says_no_secret(file: Path) -> None:
    assert KEY not in str(recorded(file)) and "CANARY_KEY" not in str(recorded(file))


# After a restart


def test_the_policy_is_the_one_that_the_gate_was_opened_with(file: Path) -> None:
    kept = recorded(file)
    change(file, ("weight: 50, margin: 20", "weight: 40, margin: 1.5"), ('version: "2"', 'version: "9"'), ("[smoke]", "[shelf]"))
    policy, sides = sides_again(kept, str(file), {"CANARY_KEY": "another-key"})
    assert [(one.weight, one.margin) for one in policy.stages] == [(5, 30), (50, 20), (100, None)]
    assert sides.canary.version == "2" and len(sides.scenarios) == 3


def test_credentials_are_taken_anew(file: Path) -> None:
    _, sides = sides_again(recorded(file), str(file), {"CANARY_KEY": "another-key"})
    key = sides.canary.target.route.headers["X-Canary"]
    assert isinstance(key, Secret) and key.reveal() == "another-key"


def test_without_headers_the_policys_file_is_not_needed(file: Path) -> None:
    change(file, (', headers: {X-Canary: "${CANARY_KEY}"}', ', base_url: "http://127.0.0.1:8"'))
    kept = recorded(file)
    file.unlink()
    policy, sides = sides_again(kept, str(file), {})
    assert policy.name == "shop" and str(sides.canary.target.base_url).startswith("http://127.0.0.1:8")


def test_an_address_that_came_with_a_secret_is_found_again(file: Path) -> None:
    change(file, ('version: "1"', 'version: "1", base_url: "http://${BASELINE_TOKEN}.localhost:1"'))
    kept = load_policies([str(file)], {**ENVIRON, "BASELINE_TOKEN": "hidden-one"})["shop"].loaded.recorded()
    assert "hidden-one" not in str(kept)
    _, sides = sides_again(kept, str(file), {**ENVIRON, "BASELINE_TOKEN": "hidden-two"})
    assert "hidden-two.localhost" in str(sides.baseline.target.base_url)


def test_a_bundled_policy_is_found_again() -> None:
    environ = {f"VEDETTE_{name}_URL": f"http://127.0.0.1:{n}" for n, name in enumerate(("DEMO", "CANARY", "BASELINE"), 1)}
    environ |= {"VEDETTE_DEMO_LOG": "/tmp/app.log", "VEDETTE_REFERENCE_TOKEN": "a-token"}
    (given,) = load_policies(["canary-demo"], environ).values()
    policy, sides = sides_again(given.loaded.recorded(), given.path, environ)
    assert policy.stages == given.policy.stages and sides.canary.target.base_url == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("no file", "the policy's files cannot be used: there is no file"),
        ("no suite", "the policy's files cannot be used: there is no file"),
        ("no variable", "the policy's files cannot be used: the environment variable 'CANARY_KEY' is not set"),
        ("no header", "the policy's file no longer has 'canary.headers.X-Canary', whose value is not kept"),
        ("no target", "there is no target 'staging'"),
    ],
)
def test_what_cannot_be_asked_any_more_is_said(broken: str, words: str, file: Path) -> None:
    kept, environ = recorded(file), dict(ENVIRON)
    if broken == "no file":
        file.unlink()
    if broken == "no suite":
        file.with_name("suite.yaml").unlink()
    if broken == "no variable":
        environ.clear()
    if broken == "no header":
        change(file, ("X-Canary:", "X-Other:"))
    if broken == "no target":
        change(file.with_name("suite.yaml"), ("  staging:", "  production:"))
    with pytest.raises(CannotAsk) as told:
        sides_again(kept, str(file), environ)
    assert words in str(told.value) and KEY not in str(told.value)


# Reloading


@pytest.mark.anyio
async def test_policies_are_taken_in_with_the_suites_both_or_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", KEY)
    policies, swapped = Policies(load_policies([str(file)])), []

    async def swap(suites: list[Any]) -> Told:
        swapped.append(suites)
        return Told([])

    learned = asyncio.Event()
    policies.on_taken = learned.set
    suite = file.with_name("suite.yaml")
    reloader = Reloader([str(suite)], [], swap, lambda: datetime(2026, 11, 21, tzinfo=UTC), gates=Also([str(file)], policies))  # type: ignore[arg-type]
    change(file, ("weight: 50", "weight: 40"))
    taken = await reloader.reload("api")
    assert taken.ok and taken.changes == ("changed the policy 'shop': gates opened from now on keep to it",)
    assert policies.named("shop").policy.stages[1].weight == 40 and learned.is_set() and len(swapped) == 1
    change(file, ("weight: 40", "weight: 400"))
    refused = await reloader.reload("api")
    assert not refused.ok and f"{file.name}:13" in refused.error and len(swapped) == 1
    assert policies.named("shop").policy.stages[1].weight == 40
    change(file, ("weight: 400", "weight: 45"))
    suite.write_text("suite: [")
    assert not (await reloader.reload("api")).ok and policies.named("shop").policy.stages[1].weight == 40


@pytest.mark.anyio
async def test_a_policys_file_that_was_changed_is_noticed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", KEY)
    policies = Policies(load_policies([str(file)]))

    async def swap(suites: list[Any]) -> Told:
        return Told([])

    reloader = Reloader(
        [str(file.with_name("suite.yaml"))], [], swap, lambda: datetime(2026, 11, 21, tzinfo=UTC),
        gates=Also([str(file)], policies),
    )  # type: ignore[arg-type]  # fmt: skip
    await reloader.look()
    change(file, ("weight: 50", "weight: 40"))
    await reloader.look()
    await reloader.look()
    assert policies.named("shop").policy.stages[1].weight == 40
