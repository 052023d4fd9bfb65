"""This file is for who may start now: limits, rotation, having a target alone, and being held."""

from __future__ import annotations

import pytest

from scenarios.watch.dispatch import Dispatcher, Lane, Turn


def lanes(dispatcher: Dispatcher, *names: str, limit: int = 2, address: str = "") -> list[Lane]:
    return [dispatcher.lane(("shop", name), address or f"http://{name}", limit) for name in names]


def submit(dispatcher: Dispatcher, lane: Lane, *keys: str, **how: bool) -> list[Turn]:
    turns = [Turn(key, lane, **how) for key in keys]
    assert all(dispatcher.submit(turn) for turn in turns)
    return turns


def started(dispatcher: Dispatcher) -> list[object]:
    found = []
    while (turn := dispatcher.next()) is not None:
        found.append(turn.key)
    return found


def finish(dispatcher: Dispatcher, key: str) -> None:
    turn = dispatcher.turn_of(key)
    assert turn is not None and turn.is_running
    dispatcher.finished(turn)


def test_a_key_that_waits_or_runs_is_not_taken_a_second_time() -> None:
    dispatcher = Dispatcher(10)
    (lane,) = lanes(dispatcher, "a")
    (turn,) = submit(dispatcher, lane, "x")
    assert not dispatcher.submit(Turn("x", lane)), "it waits"
    assert started(dispatcher) == ["x"]
    assert not dispatcher.submit(Turn("x", lane)), "it runs"
    dispatcher.finished(turn)
    dispatcher.finished(turn)  # giving back twice gives back once
    assert (dispatcher.running, lane.running) == (0, 0)
    assert dispatcher.submit(Turn("x", lane))


def test_a_hung_target_takes_no_more_than_its_limit_and_delays_nobody() -> None:
    dispatcher = Dispatcher(100)
    hung, *others = lanes(dispatcher, "hung", "b", "c", limit=8)
    submit(dispatcher, hung, *(f"hung {n}" for n in range(50)))
    for lane in others:
        submit(dispatcher, lane, *(f"{lane.name[1]} {n}" for n in range(3)))
    now = started(dispatcher)
    assert sum(str(k).startswith("hung") for k in now) == 8
    assert sorted(k for k in now if not str(k).startswith("hung")) == ["b 0", "b 1", "b 2", "c 0", "c 1", "c 2"]
    submit(dispatcher, others[0], "b later")
    assert started(dispatcher) == ["b later"]
    assert (len(hung.waiting), dispatcher.waiting) == (42, 42)


def test_targets_are_served_in_rotation_when_all_in_all_too_many_run() -> None:
    dispatcher = Dispatcher(3)
    a, b, c = lanes(dispatcher, "a", "b", "c", limit=5)
    submit(dispatcher, a, *(f"a{n}" for n in range(5)))
    submit(dispatcher, b, "b0", "b1")
    submit(dispatcher, c, "c0")
    assert started(dispatcher) == ["a0", "b0", "c0"]
    for key, follows in (("a0", ["a1"]), ("c0", ["b1"]), ("b0", ["a2"])):
        finish(dispatcher, key)
        assert started(dispatcher) == follows


def test_a_target_is_served_in_order() -> None:
    dispatcher = Dispatcher(10)
    (lane,) = lanes(dispatcher, "a", limit=1)
    submit(dispatcher, lane, "1", "2")
    assert dispatcher.submit(Turn("first", lane), first=True)
    for key in ("first", "1", "2"):
        assert started(dispatcher) == [key]
        finish(dispatcher, key)


def test_one_that_must_be_alone_waits_for_the_others_and_they_for_it() -> None:
    dispatcher = Dispatcher(10)
    (lane,) = lanes(dispatcher, "a", limit=5)
    submit(dispatcher, lane, "1", "2")
    assert started(dispatcher) == ["1", "2"]
    submit(dispatcher, lane, "breaks", alone=True)
    submit(dispatcher, lane, "3")
    assert started(dispatcher) == [], "what comes after it does not overtake it, so it is not starved"
    finish(dispatcher, "1")
    assert started(dispatcher) == []
    finish(dispatcher, "2")
    assert started(dispatcher) == ["breaks"]
    finish(dispatcher, "breaks")
    assert started(dispatcher) == ["3"]


def test_one_that_must_be_alone_has_the_address_alone_whatever_the_suite() -> None:
    dispatcher = Dispatcher(10)
    mine, other = lanes(dispatcher, "mine", "other", address="http://same")
    (far,) = lanes(dispatcher, "far")
    submit(dispatcher, other, "o1")
    assert started(dispatcher) == ["o1"]
    submit(dispatcher, mine, "breaks", alone=True)
    assert started(dispatcher) == []
    submit(dispatcher, other, "o2")
    submit(dispatcher, far, "f")
    assert started(dispatcher) == ["f"], "another address is not concerned"
    finish(dispatcher, "o1")
    assert started(dispatcher) == ["breaks"]
    finish(dispatcher, "breaks")
    assert started(dispatcher) == ["o2"]


def test_one_that_wanted_the_place_alone_and_went_away_holds_nobody_up() -> None:
    dispatcher = Dispatcher(10)
    mine, other = lanes(dispatcher, "mine", "other", address="http://same")
    submit(dispatcher, other, "o1")
    started(dispatcher)
    (breaks,) = submit(dispatcher, mine, "breaks", alone=True)
    assert started(dispatcher) == []
    submit(dispatcher, other, "o2")
    assert dispatcher.withdraw(breaks) and not dispatcher.withdraw(breaks)
    assert started(dispatcher) == ["o2"]


def test_two_that_must_be_alone_take_turns() -> None:
    dispatcher = Dispatcher(10)
    mine, other = lanes(dispatcher, "mine", "other", address="http://same")
    submit(dispatcher, mine, "a", alone=True)
    submit(dispatcher, other, "b", alone=True)
    for key in ("a", "b"):
        assert started(dispatcher) == [key]
        finish(dispatcher, key)


def test_one_that_takes_the_whole_target_waits_for_what_runs_and_then_holds_it() -> None:
    dispatcher = Dispatcher(10)
    held, other = lanes(dispatcher, "held", "other")
    submit(dispatcher, held, "1")
    assert started(dispatcher) == ["1"]
    submit(dispatcher, held, "run", whole=True)
    submit(dispatcher, held, "2")
    submit(dispatcher, other, "o")
    assert started(dispatcher) == ["o"]
    finish(dispatcher, "1")
    assert started(dispatcher) == ["run"] and held.held is not None
    finish(dispatcher, "run")
    assert started(dispatcher) == ["2"] and held.held is None


def test_a_limit_that_grows_at_a_reload_lets_more_start() -> None:
    dispatcher = Dispatcher(10)
    (lane,) = lanes(dispatcher, "a", limit=1)
    submit(dispatcher, lane, "1", "2", "3")
    assert started(dispatcher) == ["1"]
    assert lanes(dispatcher, "a", limit=3) == [lane]
    assert started(dispatcher) == ["2", "3"]


def test_a_target_that_moved_gets_a_lane_at_its_new_address_and_what_runs_ends_in_the_old_one() -> None:
    dispatcher = Dispatcher(10)
    (old,) = lanes(dispatcher, "a", address="http://old")
    submit(dispatcher, old, "1")
    assert started(dispatcher) == ["1"]
    (new,) = lanes(dispatcher, "a", address="http://new")
    assert new is not old and dispatcher.lanes["shop", "a"] is new
    finish(dispatcher, "1")
    dispatcher.forget(old)
    submit(dispatcher, new, "1")
    assert started(dispatcher) == ["1"]


def test_no_slot_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Dispatcher(0)
