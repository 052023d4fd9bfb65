"""This file is for the difference that a reload makes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from scenarios.loader import LIBRARY, load_suite
from scenarios.watch.changes import Changes, changes
from scenarios.watch.events import SeriesKey
from tests.scenarios.making import Says, scenario
from tests.scenarios.watch.making import every, series_of, suite_of, target


def key(name: str, at: str = "staging") -> SeriesKey:
    return SeriesKey("tiny", name, at, "local")


def test_nothing_changes_between_two_loads_of_one_file() -> None:
    names = re.findall(r"\$\{([A-Z0-9_]+)\}", (LIBRARY / "askpro.yaml").read_text(encoding="utf-8"))
    environ = dict.fromkeys(names, "http://127.0.0.1:9")
    before, after = (load_suite("askpro", environ=environ, all_targets=True) for _ in range(2))
    made = changes(series_of(before), series_of(after))
    assert made.unchanged == len(series_of(before)) > 0
    assert not made and made.sentences() == ["nothing has changed"]


def test_what_is_new_gone_changed_and_renamed_is_told_apart() -> None:
    before = series_of(suite_of([scenario("same"), scenario("gone"), scenario("slower"), scenario("old name")]))
    after = series_of(
        suite_of([
            scenario("same"), scenario("new"), scenario("slower", schedule=every(99)),
            scenario("new name", formerly=("older name", "old name")),
        ])
    )  # fmt: skip
    assert changes(before, after) == Changes(
        added=(key("new"),), removed=(key("gone"),), changed=(key("slower"),),
        renamed=((key("old name"), key("new name")),), unchanged=1,
    )  # fmt: skip
    assert changes(before, after).sentences() == [
        "1 is new: 'new' at 'staging'",
        "1 is gone: 'gone' at 'staging'",
        "1 has changed: 'slower' at 'staging'",
        "'old name' is now called 'new name' (suite 'tiny', target 'staging')",
        "1 unchanged",
    ]


def test_a_former_name_that_is_still_there_keeps_its_own_timeline() -> None:
    before = series_of(suite_of([scenario("one")]))
    after = series_of(suite_of([scenario("one"), scenario("two", formerly=("one",)), scenario("three", formerly=("one",))]))
    assert changes(before, after) == Changes(added=(key("two"), key("three")), unchanged=1)


def test_one_timeline_goes_to_one_heir() -> None:
    before = series_of(suite_of([scenario("one")]))
    after = series_of(suite_of([scenario("two", formerly=("one",)), scenario("three", formerly=("one",))]))
    assert changes(before, after) == Changes(added=(key("three"),), renamed=((key("one"), key("two")),))


def test_a_target_that_changes_changes_all_that_is_asked_of_it_and_nothing_else() -> None:
    def made(header: str) -> Any:
        return series_of(suite_of([scenario("a"), scenario("b")], target("staging"), target("live", headers={"X-A": header})))

    assert changes(made("1"), made("2")).changed == (key("a", "live"), key("b", "live"))


def test_many_changes_are_told_in_few_words() -> None:
    before = series_of(suite_of([scenario(f"old {n}") for n in range(20)]))
    after = series_of(suite_of([scenario(f"new {n}", formerly=(f"old {n}",)) for n in range(12)]))
    said = changes(before, after).sentences()
    assert said[0].startswith("8 are gone: 'old 12' at 'staging', ") and said[0].endswith(" and 3 more")
    assert len(said) == 1 + 5 + 1 + 1 and said[-2] == "7 more have another name"


def test_ten_thousand_series_are_compared_in_no_time() -> None:
    def loaded() -> Any:
        return series_of(suite_of([scenario(f"s{n}", Says(says="pass"), tags=("a", "b")) for n in range(10_000)]))

    before, after = loaded(), loaded()
    began = time.process_time()
    assert changes(before, after).unchanged == 10_000
    assert time.process_time() - began < 1.0  # 0.05 s on a quiet machine; this guards against comparing each with each


def test_what_was_asked_before_is_unchanged_where_its_file_is(tmp_path: Path) -> None:
    def loaded() -> Any:
        return series_of(load_suite(str(path)))

    path = tmp_path / "tiny.yaml"
    path.write_text(
        "suite: tiny\ntargets: {staging: {base_url: 'http://127.0.0.1:9', private_networks: true}}\n"
        "scenarios: [{name: one, probe: http, request: {path: /}, expect: {status: 200}}]\n",
        encoding="utf-8",
    )
    before, after = loaded(), loaded()
    (step,) = before[0].scenario.probe._steps
    assert step.request.prepared("key", lambda: "what was sent") == "what was sent"
    assert changes(before, after).unchanged == 1
    path.write_text(path.read_text(encoding="utf-8").replace("status: 200", "status: 204"), encoding="utf-8")
    assert changes(before, loaded()).changed == (key("one"),)
