"""This file is for the public page as data: chosen scenarios only, our own trouble is nobody's fault, targets have no names."""

from __future__ import annotations

import pytest

from probes.outcome import Verdict
from reports.board import Board
from reports.status.public import headline, parts, places, ratios
from reports.store.watch.answers import Counts, Slot
from tests.reports.status.boards import board_of
from tests.reports.watched import AT, SetClock, scenario, series, tick

P, D, F, E, N = Verdict.PASS, Verdict.DEGRADED, Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE


def test_only_scenarios_with_a_public_tag_are_chosen() -> None:
    board = Board(clock=SetClock())
    board.watch(series(scenario("shown", tags=("public", "x")), scenario("hidden", tags=("x",)), "plain"))
    assert [part.name for part in parts(list(board.lines()), ("public",))] == ["shown"]
    assert parts(list(board.lines()), ()) == []


def test_what_is_skipped_because_something_else_is_broken_does_not_vanish_from_a_green_page() -> None:
    board = Board(clock=SetClock())
    works, skipped, never = series(*(scenario(name, tags=("public",)) for name in ("works", "skipped now", "never asked")))
    board.watch([works, skipped, never])
    for one, verdict in ((works, P), (skipped, P), (skipped, Verdict.SKIPPED), (never, Verdict.SKIPPED)):
        board.take_watched(tick(one, verdict))
    found = parts(list(board.lines()), ("public",))
    assert [part.name for part in found] == ["skipped now", "works"]
    assert headline(found) == ("inconclusive", "Not everything is known at the moment")


def test_several_targets_of_one_environment_are_one_part_as_good_as_the_worst() -> None:
    board = Board(clock=SetClock())
    watched = series(scenario("booking", tags=("public",)), targets=("eu", "us"))
    board.watch(watched)
    board.take_watched(tick(watched[0], P))
    board.take_watched(tick(watched[1], F))
    (part,) = parts(list(board.lines()), ("public",))
    slots = {watched[0].key: [Slot(AT, 300, Counts(passed=3), P)], watched[1].key: [Slot(AT, 300, Counts(failed=1), F)]}
    (place,) = places([part], ratios([part]), slots)
    (entry,) = place.entries
    assert (part.tone, entry.words, entry.day, entry.strip.kinds) == ("fail", "is disturbed", "50.00 %", "f")
    failing = board.line(watched[1].key)
    assert failing is not None and entry.since_at == failing.since_at is not None


@pytest.mark.parametrize(
    ("said", "tone", "sentence"),
    [
        ({"a": P}, "pass", "Everything works"),
        ({"a": P, "b": D}, "degraded", "Everything works, some of it slower than it should"),
        ({"a": P, "b": F}, "fail", "One part is disturbed"),
        ({"a": P, "b": E}, "inconclusive", "Not everything is known at the moment"),
        ({"a": P, "b": None}, "inconclusive", "Not everything is known at the moment"),
        ({}, "skipped", "Nothing is shown here yet"),
    ],
)
def test_the_banner_is_green_only_where_all_is_proven(said: dict[str, Verdict | None], tone: str, sentence: str) -> None:
    assert headline(parts(list(board_of(said, tags=("public",)).lines()), ("public",))) == (tone, sentence)


@pytest.mark.parametrize("verdict", [E, N])
def test_what_we_could_not_prove_is_unknown_and_not_the_targets_fault(verdict: Verdict) -> None:
    board = board_of({"a": verdict}, tags=("public",))
    (line,) = board.lines()
    chosen = parts([line], ("public",))
    (place,) = places(chosen, ratios(chosen), {line.key: [Slot(AT, 300, Counts(errors=3), verdict)]})
    (entry,) = place.entries
    assert (entry.words, entry.strip.kinds) == ("is not known at the moment", "n")


def test_nothing_that_a_target_or_a_suite_said_is_in_what_the_page_is_given() -> None:
    board = Board(clock=SetClock())
    secret = {"owner": "OWNER", "runbook": "https://RUNBOOK", "why": "WHY", "tags": ("public", "OTHERTAG")}
    (one,) = series(scenario("booking", **secret), targets=("TARGET",), suite="SUITE")
    board.watch([one])
    board.take_watched(tick(one, F, version="VERSION"))
    chosen = parts(list(board.lines()), ("public",))
    told = repr(places(chosen, ratios(chosen), {}))
    assert "booking" in told
    for word in ("OWNER", "RUNBOOK", "WHY", "OTHERTAG", "TARGET", "SUITE", "VERSION", "tenant 20", one.key.slug, "example.com"):
        assert word not in told
