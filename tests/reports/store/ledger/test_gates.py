"""This file is for the promises of the ledger of gates: evidence, state and decision change together, once, and one is open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from reports.gates import AnotherIsOpen, Gate, NameTaken, Newest, Step
from reports.judgement.gate import Phase
from reports.store.database import Database
from reports.store.errors import StoreError
from reports.store.ledger.gates import LINES_AT_ONCE, GateLedger

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(anywhere: str) -> Iterator[GateLedger]:
    database = Database(anywhere)
    database.make_ready()
    database.close()
    made = GateLedger(anywhere)
    yield made
    made.close()


def gate(name: str = "a", minutes: int = 0, **keys: Any) -> Gate:
    given = {
        "id": f"id of {name}", "name": name, "service": f"shop/{name}", "policy": "shop", "policy_path": "shop.yaml",
        "location": "local", "canary_version": "2", "baseline_version": "1", "weights": (0.0, 5.0, 100.0), "every_s": 10.0,
        "opened_at": AT + timedelta(minutes=minutes), "opened_by": "ci", "phase": Phase.PENDING, "seq": 1,
        "decision": {"decision": "hold", "e": None},
    }  # fmt: skip
    return Gate(**given | keys)


def step(number: int = 1, phase: Phase = Phase.PENDING, **keys: Any) -> Step:
    given = {"line": f"line {number}", "state": {"n": number}, "decision": {"decision": "hold", "e": None}, "phase": phase}
    return Step(**given | keys)


def opened(ledger: GateLedger, one: Gate) -> Gate:
    made, is_new = ledger.open(one, step())
    assert is_new
    return made


def test_what_is_kept_comes_back_equal_in_every_field(ledger: GateLedger) -> None:
    made = gate(phase=Phase.RUNNING, fresh_until=AT)
    ledger.open(made, step(phase=Phase.RUNNING))
    assert ledger.get("a") == made
    assert ledger.newest(made.id) == Newest(made, {"n": 1}, "line 1")
    assert list(ledger.evidence(made.id)) == ["line 1"]
    assert ledger.get("nothing") is ledger.standing("nothing") is ledger.newest("nothing") is None


def test_a_line_its_state_and_its_decision_are_kept_together(ledger: GateLedger) -> None:
    made = opened(ledger, gate())
    until = AT + timedelta(seconds=30)
    assert ledger.append(made.id, 1, step(2, Phase.RUNNING, decision={"decision": "promote"}, fresh_until=until, shown_upto=2))
    found = ledger.newest(made.id)
    assert found is not None
    now = replace(made, phase=Phase.RUNNING, decision={"decision": "promote"}, fresh_until=until, seq=2, shown_upto=2)
    assert found == Newest(now, {"n": 2}, "line 2")
    assert list(ledger.evidence(made.id)) == ["line 1", "line 2"]
    standing = ledger.standing("a")
    assert standing is not None and (standing.decision, standing.shown_upto) == ({"decision": "promote"}, 2)


def test_where_the_line_cannot_be_kept_the_decision_stays_as_it_was(ledger: GateLedger) -> None:
    made = opened(ledger, gate())
    with pytest.raises(StoreError):
        ledger.append(made.id, 1, step(2, Phase.RUNNING, line=None, decision={"decision": "promote"}))
    assert ledger.get("a") == made and list(ledger.evidence(made.id)) == ["line 1"]


def test_each_place_is_taken_once_however_many_try(ledger: GateLedger) -> None:
    made = opened(ledger, gate())
    done = together(8, lambda n: ledger.append(made.id, 1, step(2, Phase.RUNNING, line=f"by {n}", state={"by": n})))
    assert sorted(done) == [False] * 7 + [True]
    found = ledger.newest(made.id)
    assert found is not None and found.gate.seq == 2
    assert list(ledger.evidence(made.id)) == ["line 1", f"by {found.state['by']}"]


def test_a_line_that_is_kept_twice_is_there_once(ledger: GateLedger) -> None:
    made = opened(ledger, gate())
    assert [ledger.append(made.id, 1, step(2)) for _ in range(2)] == [True, False]
    assert list(ledger.evidence(made.id)) == ["line 1", "line 2"]


def test_a_gate_that_is_over_takes_nothing_more(ledger: GateLedger) -> None:
    made = opened(ledger, gate())
    assert ledger.append(made.id, 1, step(2, Phase.CANCELLED, ended_at=AT))
    assert not ledger.append(made.id, 2, step(3, Phase.RUNNING))
    found = ledger.get("a")
    assert found is not None and (found.phase, found.ended_at, found.seq) == (Phase.CANCELLED, AT, 2)


def test_a_gate_that_could_not_decide_may_be_taken_up_again(ledger: GateLedger) -> None:
    made = opened(ledger, gate(service="shop"))
    assert ledger.append(made.id, 1, step(2, Phase.INCONCLUSIVE, ended_at=AT))
    other = opened(ledger, gate("b", service="shop"))
    with pytest.raises(AnotherIsOpen, match="the gate 'b' is open for the service 'shop'"):
        ledger.append(made.id, 2, step(3, Phase.RUNNING))
    assert list(ledger.evidence(made.id)) == ["line 1", "line 2"]
    assert ledger.append(other.id, 1, step(2, Phase.CANCELLED, ended_at=AT))
    assert ledger.append(made.id, 2, step(3, Phase.RUNNING))
    found = ledger.get("a")
    assert found is not None and (found.phase, found.ended_at, found.seq) == (Phase.RUNNING, None, 3)


def test_the_same_again_is_the_gate_that_is_there(ledger: GateLedger) -> None:
    made = opened(ledger, gate())
    again = gate(id="another id", opened_by="somebody else", minutes=5)
    assert ledger.open(again, step()) == (made, False)
    assert list(ledger.evidence("another id")) == []


@pytest.mark.parametrize("change", ["policy", "canary_version", "baseline_version", "service"])
def test_a_name_stands_for_one_thing(change: str, ledger: GateLedger) -> None:
    opened(ledger, gate())
    with pytest.raises(NameTaken, match="there is a gate 'a' already"):
        ledger.open(gate(id="x", **{change: "other"}), step())


def test_one_gate_is_open_for_a_service(ledger: GateLedger) -> None:
    made = opened(ledger, gate(service="shop"))
    with pytest.raises(AnotherIsOpen, match="the gate 'a' is open for the service 'shop'") as refused:
        ledger.open(gate("b", service="shop"), step())
    assert refused.value.name == "a" and ledger.get("b") is None
    ledger.append(made.id, 1, step(2, Phase.PROMOTED, ended_at=AT))
    opened(ledger, gate("b", service="shop"))


def test_of_many_that_open_at_once_one_wins_and_all_others_learn_its_name(ledger: GateLedger, anywhere: str) -> None:
    ledgers = [GateLedger(anywhere) for _ in range(6)]

    def race(number: int) -> str:
        try:
            return ledgers[number].open(gate(f"gate {number}", service="shop"), step())[0].name
        except AnotherIsOpen as another:
            return f"lost to {another.name}"

    said = together(6, race)
    for one in ledgers:
        one.close()
    (winner,) = [name for name in said if not name.startswith("lost")]
    assert sorted(said) == sorted([winner] + [f"lost to {winner}"] * 5)
    assert [one.name for one in ledger.list()] == [winner]
    assert list(ledger.evidence(f"id of {winner}")) == ["line 1"]


def test_of_many_that_open_the_same_at_once_one_is_made(ledger: GateLedger) -> None:
    said = together(6, lambda n: ledger.open(gate(id=f"id {n}"), step()))
    assert sorted(is_new for _, is_new in said) == [False] * 5 + [True]
    assert len({found.id for found, _ in said}) == 1


def test_the_list_is_narrowed_and_paged(ledger: GateLedger) -> None:
    made = [opened(ledger, gate(name, minutes)) for minutes, name in enumerate("abcde")]
    ledger.append(made[1].id, 1, step(2, Phase.PROMOTED, ended_at=AT))
    assert [one.name for one in ledger.list(2)] == ["e", "d"]
    assert [one.name for one in ledger.list(2, made[3].id)] == ["c", "b"]
    assert [one.name for one in ledger.list(is_open=False)] == ["b"]
    assert [one.name for one in ledger.list(is_open=True)] == ["e", "d", "c", "a"]
    assert [one.name for one in ledger.list(service="shop/c", policy="shop")] == ["c"]
    assert ledger.list(policy="another") == ledger.list(location="fra1") == []


def test_a_service_goes_on_with_its_own_gates(ledger: GateLedger) -> None:
    first, elsewhere = opened(ledger, gate("a", 1)), gate("b", location="fra1")
    opened(ledger, elsewhere)
    opened(ledger, gate("c", 0))
    assert [one.name for one in ledger.unfinished("local")] == ["c", "a"]
    ledger.append(first.id, 1, step(2, Phase.INCONCLUSIVE, ended_at=AT))
    assert [one.name for one in ledger.unfinished("local")] == ["c"]


def test_evidence_comes_in_its_order_and_whole(ledger: GateLedger) -> None:
    made, many = opened(ledger, gate()), LINES_AT_ONCE * 2 + 7
    for number in range(2, many + 1):
        assert ledger.append(made.id, number - 1, step(number))
    assert list(ledger.evidence(made.id)) == [f"line {n}" for n in range(1, many + 1)]
    assert list(ledger.evidence(made.id, after=many - 1)) == [f"line {many}"]
    assert ledger.line(made.id, 3) == "line 3" and ledger.line(made.id, many + 1) is None


def test_evidence_is_forgotten_before_its_gate_and_an_open_gate_forgets_nothing(ledger: GateLedger) -> None:
    old, older, still_open = (opened(ledger, gate(name)) for name in "abc")
    ledger.append(old.id, 1, step(2, Phase.PROMOTED, ended_at=AT - timedelta(days=31)))
    ledger.append(older.id, 1, step(2, Phase.PROMOTED, ended_at=AT - timedelta(days=91)))
    forgotten = ledger.prune(evidence_before=AT - timedelta(days=30), gates_before=AT - timedelta(days=90))
    assert forgotten == 4
    assert [one.name for one in ledger.list()] == ["c", "a"]
    assert [list(ledger.evidence(one.id)) for one in (old, older, still_open)] == [[], [], ["line 1"]]


def test_a_decision_is_read_by_one_narrow_query(ledger: GateLedger) -> None:
    opened(ledger, gate())
    ledger.standing("a")
    said: list[str] = []
    engine = ledger._database._engine
    event.listen(engine, "before_cursor_execute", lambda _c, _u, text, *_: said.append(text))
    ledger.standing("a")
    (query,) = [text for text in said if "SELECT" in text.upper()]
    assert "state" not in query and "gate_evidence" not in query


def test_a_gate_is_not_taken_for_another_by_a_part_of_its_name(ledger: GateLedger) -> None:
    opened(ledger, replace(gate("shop@2"), name="shop@2"))
    assert ledger.get("shop@") is ledger.get("shop%") is ledger.standing("shop_2") is None


def together(many: int, work: Callable[[int], Any]) -> list[Any]:
    """Return what came of calling `work` on so many threads at once."""
    ready, done = threading.Barrier(many), []

    def go(number: int) -> None:
        ready.wait(timeout=30)
        done.append(work(number))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(done) == many
    return done
