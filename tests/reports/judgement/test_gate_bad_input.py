"""This file is for what must never promote: no data, sides that cannot be compared, clocks, policies that cannot succeed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from reports.judgement.gate import Decision, Phase, Verb, begun, decide, step
from scenarios.gates.records import BadRecord, Looked, Opened, Record, TrafficSeen
from tests.reports.judgement.gate_making import (
    BEGAN,
    EVERY,
    LEAK,
    SHORT,
    a_round,
    dead,
    decided,
    opened,
    policy,
    rounds,
    seen,
    side,
    stage,
)

Case = tuple[str, Opened, Sequence[Record], Verb, str]
MANY = 80  # rounds: with good ones the stage is shown after some twenty
LONG = 500  # rounds: beyond the stage's time
TRAFFIC = {
    "metrics": [
        {"kind": "rounds", "weight": 0.5},
        {
            "kind": "traffic",
            "weight": 0.5,
            **dict.fromkeys(("canary_total", "canary_failed", "baseline_total", "baseline_failed"), "up"),
        },
    ]
}
MISROUTED = {"right": 2, "wrong": 2, "said_versions": ("1.0",)}


def after(many: int, **traffic: Any) -> TrafficSeen:
    told = {"canary_total": 10, "baseline_total": 90, **traffic}
    return TrafficSeen(BEGAN + EVERY * many, 1, **told)


def traffic_until(last: int, many: int) -> list[Record]:
    """Rounds with readings of traffic that end at round `last`."""
    made: list[Record] = [stage()]
    for number in range(1, many + 1):
        made.append(after(number) if number <= last else after(number, trouble="connection refused"))
        made.append(a_round(number))
    return made


CASES: list[Case] = [
    ("nothing was ever seen", opened(), [stage()], Verb.HOLD, "no_data"),
    ("rounds could not be asked", opened(), [stage(), Looked(BEGAN + 500, "no route")], Verb.HOLD, "no_data"),
    ("nothing until the end", opened(), [stage(), Looked(BEGAN + 4000)], Verb.INCONCLUSIVE, "no_data"),
    ("no stage began", opened(), rounds(MANY), Verb.HOLD, "not_begun"),
    ("the canary was never reached", opened(), [stage(), *rounds(MANY, dead())], Verb.ROLLBACK, "trigger:critical_errors"),
    (
        "the canary was never reached, and no trigger is named",
        opened(triggers=[]),
        [stage(), *rounds(MANY, dead())],
        Verb.ROLLBACK,
        "trigger:canary_unreachable",
    ),
    (
        "a proxy answers for a dead canary",
        opened(triggers=[]),
        [stage(), *rounds(MANY, side("login", "search", right=0, unmarked=4))],
        Verb.ROLLBACK,
        "trigger:canary_unreachable",
    ),
    ("the baseline is missing", opened(), [stage(), *rounds(MANY, None, dead())], Verb.HOLD, "baseline_broken"),
    (
        "the baseline is missing to the end",
        opened(),
        [stage(), *rounds(LONG, None, dead())],
        Verb.INCONCLUSIVE,
        "baseline_broken",
    ),
    ("the baseline is broken", opened(), [stage(), *rounds(40, None, side("login"))], Verb.HOLD, "baseline_broken"),
    (
        "the baseline is broken to the end",
        opened(),
        [stage(), *rounds(LONG, None, side("login"))],
        Verb.INCONCLUSIVE,
        "baseline_broken",
    ),
    (
        "the baseline fails now and then",
        opened(),
        [stage(), *(a_round(n, None, side("search") if n % 5 == 0 else side()) for n in range(1, 50))],
        Verb.HOLD,
        "baseline_broken",
    ),
    ("both are broken", opened(), [stage(), *rounds(50, side("login"), side("login"))], Verb.HOLD, "shared_incident"),
    ("both are broken elsewhere", opened(), [stage(), *rounds(50, side("search"), side("login"))], Verb.HOLD, "shared_incident"),
    (
        "both are broken to the end",
        opened(),
        [stage(), *rounds(LONG, side("search"), side("search"))],
        Verb.INCONCLUSIVE,
        "shared_incident",
    ),
    ("both are dead", opened(), [stage(), *rounds(MANY, dead(), dead())], Verb.HOLD, "shared_incident"),
    ("both are of one version", opened(canary={"version": "1.0"}), [stage(), *rounds(MANY)], Verb.INCONCLUSIVE, "same_version"),
    (
        "the clocks of both are apart",
        opened(),
        [stage(), *rounds(50, side(clock_offset_s=0.4), side(clock_offset_s=-45))],
        Verb.HOLD,
        "clocks_apart",
    ),
    ("the baseline answers for the canary", opened(), [stage(), *rounds(9, side(**MISROUTED))], Verb.HOLD, "misrouted"),
    ("the baseline goes on answering", opened(), [stage(), *rounds(MANY, side(**MISROUTED))], Verb.INCONCLUSIVE, "misrouted"),
    (
        "the canary answers for the baseline",
        opened(),
        [stage(), *rounds(MANY, None, side(**MISROUTED))],
        Verb.INCONCLUSIVE,
        "misrouted",
    ),
    (
        "nobody says a version",
        opened(),
        [stage(), *rounds(MANY, side(right=0, unmarked=4), side(right=0, unmarked=4))],
        Verb.INCONCLUSIVE,
        "misrouted",
    ),
    (
        "the canary's failing answers say no version",
        opened(),
        [stage(), *(a_round(n, side("search", right=2, unmarked=1) if n % 6 == 0 else None) for n in range(1, 60))],
        Verb.HOLD,
        "insufficient_evidence",
    ),
    ("nothing is proven on the canary", opened(), [stage(), *rounds(50, side(none=("login", "search")))], Verb.HOLD, "no_data"),
    (
        "one scenario is never proven on the canary",
        opened(),
        [stage(), *rounds(50, side(none=("search",)))],
        Verb.HOLD,
        "insufficient_evidence",
    ),
    (
        "one scenario is never proven on the baseline",
        opened(),
        [stage(), *rounds(50, None, side(none=("search",)))],
        Verb.HOLD,
        "unproven",
    ),
    (
        "one scenario is proven on neither",
        opened(),
        [stage(), *rounds(50, side(none=("search",)), side(none=("search",)))],
        Verb.HOLD,
        "unproven",
    ),
    ("nothing is left of the rounds", opened(), [stage(), *rounds(50, side(names=()), side(names=()))], Verb.HOLD, "no_data"),
    (
        "a trigger has nothing that arms it",
        opened(armed={LEAK: ("search",)}),
        [stage(), *rounds(50)],
        Verb.HOLD,
        "trigger_unproven",
    ),
    ("and to the end", opened(armed={LEAK: ("search",)}), [stage(), *rounds(MANY)], Verb.INCONCLUSIVE, "trigger_unproven"),
    ("Prometheus was never there", opened(**TRAFFIC), traffic_until(0, 50), Verb.HOLD, "traffic_unread"),
    ("Prometheus went away", opened(**TRAFFIC), traffic_until(5, 50), Verb.HOLD, "traffic_unread"),
    ("Prometheus went away for good", opened(**TRAFFIC), traffic_until(5, MANY), Verb.INCONCLUSIVE, "traffic_unread"),
    (
        "all rounds began at one instant",
        opened(),
        [stage(), *(a_round(1) for _ in range(200))],
        Verb.HOLD,
        "insufficient_evidence",
    ),
    ("rounds come too fast", opened(gap_s=120.0), [stage(), *rounds(50)], Verb.HOLD, "insufficient_evidence"),
    (
        "the clock runs to and fro by a minute",
        opened(),
        [stage(after=10), *(a_round(18 - 6 * (n % 2)) for n in range(200))],
        Verb.HOLD,
        "insufficient_evidence",
    ),
    (
        "the clock runs to and fro by an hour",
        opened(stages=[{**SHORT[0], "max_time": 80_000}]),
        [stage(after=400), *(a_round(400 + 400 * (n % 2)) for n in range(200))],
        Verb.INCONCLUSIVE,
        "clock_unsteady",
    ),
    ("the clock was set ahead", opened(), [stage(), *rounds(10), *rounds(10, after=10_000)], Verb.INCONCLUSIVE, "out_of_time"),
    (
        "it is too early",
        opened(stages=[{**SHORT[0], "min_time": 3000, "max_rounds": 1000}]),
        [stage(), *rounds(200)],
        Verb.HOLD,
        "too_early",
    ),
    (
        "the gate was away instead of watching",
        opened(stages=[{**SHORT[0], "min_time": 1200}]),
        [stage(), *rounds(25), *rounds(5, after=300)],
        Verb.HOLD,
        "too_early",
    ),
    ("rounds ran out", opened(stages=[{**SHORT[0], "margin": 5}]), [stage(), *rounds(60)], Verb.INCONCLUSIVE, "out_of_rounds"),
    (
        "a smoke stage that fails now and then",
        opened(stages=[{"weight": 0, "min_rounds": 3}]),
        [stage(), *(a_round(n, side("search") if n % 3 == 0 else None) for n in range(1, 12))],
        Verb.HOLD,
        "canary_failed",
    ),
]


@pytest.mark.parametrize(("start", "records", "verb", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_nothing_is_promoted(start: Opened, records: Sequence[Record], verb: Verb, code: str) -> None:
    state = begun(start)
    for record in records:
        state = step(state, record)
        decision = decide(state)
        assert decision.verb is not Verb.PROMOTE, (record, decision.reason)
        if verb is not Verb.ROLLBACK:
            assert decision.verb is not Verb.ROLLBACK, (record, decision.reason)
    assert (decision.verb, decision.reason_code) == (verb, code), decision.reason
    assert decision.reason
    assert decide(state).as_json()["decision"] == verb.value


def test_the_same_rounds_promote_where_nothing_is_wrong() -> None:
    """The control of all above: what they are made of does promote."""
    for start, records in ((opened(), [stage(), *rounds(25)]), (opened(**TRAFFIC), traffic_until(25, 25))):
        state = begun(start)
        for record in records:
            state = step(state, record)
        decision = decide(state)
        assert (decision.verb, decision.phase, decision.reason_code) == (Verb.PROMOTE, Phase.PROMOTED, "shown"), decision.reason


BROKEN: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "minimum above maximum": lambda p: {**p, "stages": [{**SHORT[0], "min_rounds": 61}]},
    "least time above most time": lambda p: {**p, "stages": [{**SHORT[0], "min_time": 3601}]},
    "no stage": lambda p: {**p, "stages": []},
    "weights below 1": lambda p: {**p, "metrics": [{"kind": "rounds", "weight": 0.9}]},
    "weights above 1": lambda p: {**p, "metrics": [*p["metrics"], {"kind": "latency", "weight": 0.2, "above": "p75"}]},
    "no metric": lambda p: {**p, "metrics": []},
    "triggers unsaid": lambda p: {**p, "triggers": None},
    "one trigger twice": lambda p: {**p, "triggers": [p["triggers"][0]] * 2},
    "alpha of 1": lambda p: {**p, "alpha": 1.0},
    "beta that is no number": lambda p: {**p, "beta": float("nan")},
    "no version": lambda p: {**p, "canary": {"version": ""}},
    "everything misrouted is borne": lambda p: {**p, "misrouted": 1.0},
    "no policy": lambda p: {},
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_policy_that_cannot_decide_is_refused(broken: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with pytest.raises(BadRecord):
        begun(replace(opened(), policy=broken(policy())))


@pytest.mark.parametrize("gap_s", [-1.0, float("nan"), float("inf")], ids=str)
def test_a_gap_that_is_none_is_refused(gap_s: float) -> None:
    with pytest.raises(BadRecord, match="gap"):
        begun(opened(gap_s=gap_s))


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1.0, 1e300, True, "now"], ids=str)
def test_a_time_that_is_none_is_refused(at: Any) -> None:
    state = begun(opened())
    with pytest.raises(BadRecord, match="seconds since 1970"):
        step(state, Looked(at))
    with pytest.raises(BadRecord, match="seconds since 1970"):
        begun(replace(opened(), at=at))


@pytest.mark.parametrize("index", [-1, 1, 99, True, "0", 0.5], ids=str)
def test_a_stage_that_is_none_is_refused(index: Any) -> None:
    with pytest.raises(BadRecord, match="there is no stage"):
        step(begun(opened()), replace(stage(), index=index))


def test_a_gate_is_opened_once() -> None:
    with pytest.raises(BadRecord, match="opened once"):
        step(begun(opened()), opened())


def test_a_proxy_that_may_hide_failures_of_the_canary_is_told() -> None:
    other = side(wrong=1, right=0)
    strayed = decided([stage(), *(a_round(n, other if n % 6 == 0 else side()) for n in range(1, 13))])
    assert "another version answered for the canary in 2 of 12 rounds: where a proxy steps in for a failure, that hides it" in (
        strayed.warnings
    )
    baseline = decided([stage(), *(a_round(n, None, other if n % 6 == 0 else side()) for n in range(1, 13))])
    assert not any("hides" in one for one in baseline.warnings)


def test_a_canary_whose_proxy_steps_in_for_its_failures_is_not_shown_by_its_good_rounds() -> None:
    def asked(every: int, many: int) -> Decision:
        return decided([stage(), *(a_round(n, side(wrong=1, right=3) if n % every == 0 else None) for n in range(1, many))])

    assert asked(1000, 60).verb is Verb.PROMOTE
    assert asked(6, 300).verb is not Verb.PROMOTE


def test_what_passed_only_at_a_second_attempt_is_told() -> None:
    flaky = side(scenarios={"login": seen(say="flaky: passed at attempt 2 of 2; before: it answered 500"), "search": seen()})
    told = decided([stage(), *rounds(4, flaky), a_round(5, None, flaky)])
    assert "good on the canary, but flaky or slow, in 4 of 5 rounds, on the baseline in 1" in told.warnings
    assert not decided([stage(), *rounds(5, flaky, flaky)]).warnings
