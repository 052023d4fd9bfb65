"""This file is for judging one audit record: which values are secrets in the clear, and what a chain of records shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from probes.audit_chain import breaks, computed, in_order, unnoticed
from probes.audit_findings import secrets_in
from probes.audit_options import Chain
from probes.audit_trail import AuditRecord, newer

SECRETS: list[tuple[Any, list[str]]] = [
    ({"password": "hunter2"}, ["password"]),
    ({"after": {"user": {"api_key": "k-1"}}}, ["after.user.api_key"]),
    ({"after": [{"token": {"value": "abc", "of": 3}}]}, ["after[0].token.value"]),
    ({"password": "$2y$10$abcdefghijklmnopqrstuv"}, ["password"]),
    ({"pwd": 1234}, ["pwd"]),
    ({"password_repeat": "hunter2", "passwordChangedAt": "yesterday"}, ["password_repeat"]),
    ({"password": "***", "token": "[REDACTED]", "secret": "<hidden>", "api_key": "sk_***_ab", "pwd": None}, []),
    ({"password_changed_at": "2026-01-15T14:30:00Z", "token_count": 3, "api_key_id": "ak-1", "password_changed": True}, []),
    ({"token_refreshed": "2026-01-15T14:30:00+00:00", "tokens": 512}, []),
    ({"actor_type": "api_key", "action": "password_change"}, []),
    ({"password": "redacted"}, []),
    ({"password": "redacted1"}, ["password"]),
]


@pytest.mark.parametrize(("record", "wanted"), SECRETS, ids=[str(list(r))[:50] for r, _ in SECRETS])
def test_a_value_under_the_name_of_a_secret_must_be_masked(record: Any, wanted: list[str]) -> None:
    assert list(secrets_in(record)) == wanted


def linked(many: int, chain: Chain) -> list[AuditRecord]:
    made: list[AuditRecord] = []
    previous: str | None = None
    for number in range(many):
        data = {"n": number, "what": "é|x", "previous_hash": previous, "inner": {"b": 1, "a": None}}
        previous = computed(AuditRecord(data, ""), chain)
        made.append(AuditRecord({**data, "hash": previous}, f"row {number + 1}"))
    return made


CHAINS = [
    {"over": "canonical"},
    {"over": ["$.n", "$.what", "$.previous_hash", "$.inner"]},
    {"over": ["$.previous_hash", "$.n"], "separator": ""},
    {},
]


@pytest.mark.parametrize("options", CHAINS, ids=["canonical", "fields", "no separator", "links only"])
def test_a_whole_chain_is_whole_and_no_manipulation_goes_unnoticed(options: dict[str, Any]) -> None:
    chain = Chain.model_validate(options)
    records = linked(5, chain if chain.over else Chain(over="canonical"))
    assert breaks(records, chain) == [] and unnoticed(records, chain) == []
    assert in_order(list(reversed(records)), chain) == records
    gap = breaks([*records[:2], *records[3:]], chain)
    assert [(one.record.place, one.what) for one in gap] == [("row 4", "does not hold the hash of the record before it")]


def test_each_way_to_break_a_chain_is_named() -> None:
    chain = Chain(over="canonical", genesis="0")
    records = linked(4, chain)
    records[1] = AuditRecord({**records[1].data, "what": "forged"}, "row 2")
    records[2] = AuditRecord({**records[2].data, "previous_hash": "0"}, "row 3")
    records[3] = AuditRecord({**records[3].data, "hash": "none"}, "row 4")
    assert [(one.record.place, one.what) for one in breaks(records, chain)] == [
        ("row 2", "does not have the hash that its fields give"),
        ("row 3", "does not have the hash that its fields give"),
        ("row 3", "begins the chain anew"),
        ("row 4", "has no SHA-256 at $.hash"),
    ]


def test_the_canonical_form_is_known() -> None:
    record = AuditRecord({"b": 1, "a": {"d": None, "c": "é"}, "hash": "x"}, "")
    # printf '{"a":{"c":"é","d":null},"b":1}' | sha256sum
    wanted = "40ec512b5bd28f7b3e81f3eb6c1af9c9ae5c8d7922e6950c30cbe784a115f0c2"
    assert computed(record, Chain(over="canonical")) == wanted


def test_a_hash_that_leaves_out_the_link_is_no_chain() -> None:
    with pytest.raises(ValidationError, match=r"'over' should hold \$\.previous_hash"):
        Chain(over=("$.n",))


def test_of_equal_records_those_that_came_to_it_are_new() -> None:
    one, two = AuditRecord({"a": 1}, "row 1"), AuditRecord({"a": 1}, "row 2")
    assert newer([one, two], [one]) == [two] and newer([one], [one, two]) == []
