"""This file is for values from the environment."""

from __future__ import annotations

from typing import Any

import pytest

from probes.fields import Expanded
from scenarios.source import plain, read_text
from scenarios.variables import Expansion, has_held, join

ENVIRON = {"URL": "http://x", "EMPTY": "", "API_TOKEN": "s3cr3t", "NESTED": "${URL}", "SHORT_PASSWORD": "ab"}


def _expanded(text: str) -> tuple[Any, Expansion]:
    expansion = Expansion(ENVIRON)
    return plain(expansion.of(read_text(text, "x.yaml"))), expansion


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${URL}", "http://x"),
        ("${URL}/y", "http://x/y"),
        ("${UNSET:-five}", "five"),
        ("${EMPTY:-five}", "five"),
        ("${UNSET:-}", ""),
        ("${URL:-five}", "http://x"),
        ("$${URL}", "${URL}"),
        ("$${URL} ${URL}", "${URL} http://x"),
        ("$URL", "$URL"),
        ("${NESTED}", "${URL}"),
        ("{{name}}", "{{name}}"),
    ],
)
def test_variables_are_replaced_in_values(written: str, value: str) -> None:
    made, expansion = _expanded(f"a: ['{written}']")
    assert made == {"a": [value]} and expansion.unset == []


def test_keys_are_left_alone() -> None:
    assert _expanded("'${URL}': '${URL}'")[0] == {"${URL}": "http://x"}


def test_what_came_from_the_environment_remembers_its_template() -> None:
    made, _ = _expanded("{a: '${URL}/y', b: '$${URL}', c: plain}")
    assert isinstance(made["a"], Expanded) and made["a"].template == "${URL}/y"
    assert type(made["b"]) is str and type(made["c"]) is str


@pytest.mark.parametrize(
    ("written", "column", "sentence", "remedy"),
    [
        ("x${UNSET}", 6, "the environment variable 'UNSET' is not set", "set it, or give a default: ${UNSET:-…}"),
        ("${EMPTY}", 5, "the environment variable 'EMPTY' is set, but empty", "set it, or give a default: ${EMPTY:-…}"),
        ("${API_TOKN}", 5, "the environment variable 'API_TOKN' is not set", "did you mean 'API_TOKEN'?"),
        ("${URL", 5, "'${' has no end or no valid name", "write ${NAME}, or $${ for the text '${'"),
        ("${1A}", 5, "'${' has no end or no valid name", "write ${NAME}, or $${ for the text '${'"),
    ],
)
def test_a_variable_without_a_value_is_a_mistake_at_its_place(written: str, column: int, sentence: str, remedy: str) -> None:
    expansion = Expansion(ENVIRON)
    node = expansion.of(read_text(f"a: '{written}'", "x.yaml"))
    (mistake,) = expansion.unset
    assert mistake.place is not None
    assert (mistake.place.column, mistake.sentence, mistake.remedy, mistake.path) == (column, sentence, remedy, "a")
    assert has_held(node)


def test_values_whose_name_says_secret_are_known_for_redaction() -> None:
    _, expansion = _expanded("{a: 'Bearer ${API_TOKEN}', b: '${URL}', c: '${SHORT_PASSWORD}'}")
    assert expansion.secrets == {"s3cr3t": "api_token"}


def test_paths_in_the_document_are_readable() -> None:
    assert join(join(join("", "targets"), "staging"), "X-A b") == "targets.staging['X-A b']"
