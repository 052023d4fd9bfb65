"""This file is for taking values out of answers: what is found, and what may not hold up the other probes."""

from __future__ import annotations

import pytest

from probes.capture import Capture
from tests.probes.answers import answer

BACKTRACKING = r"(?:(?:a|aa)+)+b|(c)$"  # takes an engine that backtracks years on a hundred letters


@pytest.mark.parametrize(
    ("text", "said"),
    [("a" * 100 + "c", "took longer than 0.5 s"), ("a" * 100_000, "the body holds nothing that matches")],
    ids=["given up", "refused in linear time"],
)
def test_an_expression_that_backtracks_for_ever_ends(text: str, said: str) -> None:
    value, trouble = Capture.model_validate({"regex": BACKTRACKING}).take(answer(text))
    assert value is None and said in trouble


def test_a_name_between_braces_is_refused_in_the_path_of_a_capture() -> None:
    with pytest.raises(ValueError, match=r"cannot hold '\{\{name\}\}'"):
        Capture.model_validate({"json": "$['{{it}}']"})


@pytest.mark.parametrize(
    ("capture", "document", "said"),
    [
        ({"json": "$.id"}, '{"id": null}', "null at $.id"),
        ({"json": "$.id"}, '{"id": ""}', "an empty text at $.id"),
        ({"regex": "id=([a-z]*)"}, "id=&x", "an empty text at the body by id="),
    ],
)
def test_nothing_is_no_value_to_go_on_with(capture: dict[str, str], document: str, said: str) -> None:
    """Two nulls are equal, and `/things/{{id}}` without an id is the list of all: what follows would prove nothing."""
    value, trouble = Capture.model_validate(capture).take(answer(document))
    assert value is None and said in trouble


@pytest.mark.parametrize("document", ['{"id": 0}', '{"id": false}', '{"id": []}'])
def test_a_value_that_is_merely_small_is_one(document: str) -> None:
    assert Capture.model_validate({"json": "$.id"}).take(answer(document))[1] == ""
