"""This file is for taking in changed suites: what is wrong changes nothing, what is right is swapped in, files are noticed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenarios.model import Suite
from vedette.service import loading
from vedette.service.loading import NotLoaded, load, load_here
from vedette.service.reloading import Fingerprint, Reloader, fingerprint
from vedette.service.state import ReloadResult

pytestmark = pytest.mark.anyio


def suite(name: str = "shop", scenario: str = "answers", more: str = "") -> str:
    return (
        f"suite: {name}\n{more}targets:\n  staging: {{base_url: http://127.0.0.1:9, private_networks: true}}\n"
        f"scenarios:\n  - {{name: {scenario}, probe: http, request: {{path: /}}}}\n"
    )


class Told:
    """What the swap was given, as changes that say the names of the scenarios."""

    def __init__(self, suites: Sequence[Suite]) -> None:
        self.names = [scenario.name for one in suites for scenario in one.scenarios]

    def sentences(self) -> list[str]:
        return self.names


class Desk:
    """A reloader over one file, with what it swapped in and what it told."""

    def __init__(self, path: Path, seen: Fingerprint | None = None) -> None:
        self.swapped: list[list[Suite]] = []
        self.told: list[ReloadResult] = []
        self.reloader = Reloader(
            [str(path)], [], self.swap, lambda: datetime(2026, 11, 21, tzinfo=UTC), [self.told.append], seen=seen
        )

    async def swap(self, suites: list[Suite]) -> Told:
        self.swapped.append(suites)
        return Told(suites)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "shop.yaml"
    made.write_text(suite())
    return made


@pytest.fixture
def desk(path: Path) -> Desk:
    return Desk(path)


async def test_a_right_file_is_swapped_in_and_its_changes_are_told(desk: Desk) -> None:
    result = await desk.reloader.reload("api")
    assert (result.ok, result.asked_by, result.changes, result.error) == (True, "api", ("answers",), "")
    assert desk.told == [result] == [desk.reloader.last]


async def test_a_wrong_file_swaps_nothing_and_says_every_mistake_at_its_line(desk: Desk, path: Path) -> None:
    path.write_text(suite().replace("request", "reqest"))
    result = await desk.reloader.reload("signal")
    assert (desk.swapped, result.ok) == ([], False)
    assert "did you mean 'request'?" in result.error and f"{path}:5" in result.error


async def test_a_file_that_is_gone_swaps_nothing(desk: Desk, path: Path) -> None:
    path.unlink()
    result = await desk.reloader.reload("signal")
    assert (desk.swapped, result.ok) == ([], False)
    assert "there is no file" in result.error


async def test_a_change_is_taken_in_once_it_has_settled_and_only_once(desk: Desk, path: Path) -> None:
    await desk.reloader.look()
    path.write_text(suite(scenario="answers well"))
    await desk.reloader.look()
    assert desk.told == [], "somebody may still be writing"
    await desk.reloader.look()
    await desk.reloader.look()
    assert [result.changes for result in desk.told] == [("answers well",)]


async def test_a_change_between_the_first_load_and_the_first_look_is_taken_in(path: Path) -> None:
    before = fingerprint([str(path)])
    path.write_text(suite(scenario="changed while the service started"))
    desk = Desk(path, seen=before)
    for _ in range(3):
        await desk.reloader.look()
    assert [result.changes for result in desk.told] == [("changed while the service started",)]


async def test_a_swap_that_breaks_is_told_as_a_failed_reload(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(suites: list[Suite]) -> Told:
        raise LookupError("a secret may stand here")

    monkeypatch.setattr(desk.reloader, "_swap", breaks)
    result = await desk.reloader.reload("signal")
    assert (result.ok, result.error) == (False, "the reload broke: LookupError")
    assert desk.told == [result] and "the reload broke" in caplog.text


async def test_a_wrong_file_is_told_once_until_it_changes_again(desk: Desk, path: Path) -> None:
    path.write_text("scenarios: [")
    for _ in range(5):
        await desk.reloader.look()
    assert [result.ok for result in desk.told] == [False]
    path.write_text(suite(scenario="right again"))
    for _ in range(3):
        await desk.reloader.look()
    assert [result.ok for result in desk.told] == [False, True]


async def test_a_link_that_is_turned_to_another_file_is_noticed(tmp_path: Path) -> None:
    """As Kubernetes does with a mounted ConfigMap."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.yaml").write_text(suite(scenario=name))
    link = tmp_path / "now"
    link.symlink_to(tmp_path / "one")
    desk = Desk(link / "shop.yaml")
    (tmp_path / "next").symlink_to(tmp_path / "two")
    os.replace(tmp_path / "next", link)
    for _ in range(2):
        await desk.reloader.look()
    assert [result.changes for result in desk.told] == [("two",)]


async def test_two_reloads_at_once_follow_each_other(desk: Desk) -> None:
    await asyncio.gather(desk.reloader.reload("api"), desk.reloader.reload("signal"))
    assert [result.asked_by for result in desk.told] == ["api", "signal"]


async def test_a_large_suite_is_loaded_in_a_process_of_its_own_and_comes_over_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "a-secret-of-the-shop")
    path.write_text(suite(more="description: ${SHOP_PASSWORD}\n"))
    here = load_here([str(path)])
    monkeypatch.setattr(loading, "LARGE_BYTES", 0)
    (over,) = await load([str(path)])
    assert [over] == here
    assert over.secrets == here[0].secrets != ()


async def test_mistakes_come_over_from_the_other_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE_BYTES", 0)
    path.write_text(suite().replace("http,", "htp,"))
    with pytest.raises(NotLoaded, match="there is no probe 'htp'"):
        await load([str(path)])


async def test_a_process_that_dies_is_told_and_not_taken_for_an_empty_suite(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE_BYTES", 0)
    monkeypatch.setattr(loading.sys, "executable", "/bin/false")
    with pytest.raises(NotLoaded, match="ended with 1 and said nothing"):
        await load([str(path)])


async def test_what_a_plug_in_prints_does_not_stand_between(path: Path) -> None:
    plugin = path.with_name("noisy.py")
    plugin.write_text(
        "from probes.probe import Probe\nprint('noise')\n"
        "class Noisy(Probe, kind='noisy'):\n    async def ask(self, session):\n        yield None\n"
    )
    path.write_text(suite(more="plugins: [noisy.py]\n"))
    assert [one.name for one in await load([str(path)])] == ["shop"]


def test_two_suites_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(suite())
    with pytest.raises(NotLoaded, match="two suites are named 'shop'"):
        load_here([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])


def test_an_unknown_target_is_refused_with_those_that_there_are(path: Path) -> None:
    with pytest.raises(NotLoaded, match="no suite has a target 'production'; there are staging"):
        load_here([str(path)], ["production"])


def test_a_target_that_lacks_a_variable_is_told_when_it_was_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_URL", raising=False)
    path.write_text(suite().replace("scenarios:", "  live: {base_url: '${SHOP_URL}'}\nscenarios:"))
    assert list(load_here([str(path)])[0].targets) == ["staging"]
    with pytest.raises(NotLoaded, match="SHOP_URL"):
        load_here([str(path)], ["live"])
