"""This file is for which scenarios are chosen."""

from __future__ import annotations

import pytest

from scenarios.selection import choose, parse_selection, why_nothing
from tests.scenarios.making import scenario, suite

SUITE = suite(
    scenario("health is live", tags=("smoke",)),
    scenario("tenants are apart", tags=("smoke", "security"), needs=("health is live",)),
    scenario("logs are clean", tags=("security",)),
    scenario("the limit holds", tags=("burst",), needs=("tenants are apart",)),
    scenario("only there", tags=("smoke",), targets=("production",)),
)
LIVE, APART, CLEAN, LIMIT = (s.name for s in SUITE.scenarios[:4])


@pytest.mark.parametrize(
    ("tags", "text", "expected", "pulled"),
    [
        ([], "", [LIVE, APART, CLEAN, LIMIT], []),
        (["security"], "", [LIVE, APART, CLEAN], [LIVE]),
        (["smoke,security"], "", [LIVE, APART], [LIVE]),
        (["smoke,security", "burst"], "", [LIVE, APART, LIMIT], [LIVE]),
        (["burst"], "", [LIVE, APART, LIMIT], [LIVE, APART]),
        ([], "LOGS", [CLEAN], []),
        (["smoke"], "apart", [LIVE, APART], [LIVE]),
        (["smoke"], "logs", [], []),
    ],
)
def test_tags_and_text_choose(tags: list[str], text: str, expected: list[str], pulled: list[str]) -> None:
    chosen = choose(SUITE, "staging", parse_selection(tags, text))
    assert [s.name for s in chosen.scenarios] == expected
    assert chosen.pulled_in == set(pulled)


@pytest.mark.parametrize(
    ("tags", "text", "sentence"),
    [
        (["smok"], "", "no scenario has the tag 'smok'; did you mean 'smoke'?"),
        (["zzz"], "", "no scenario has the tag 'zzz'; known here: burst, security, smoke"),
        ([], "tenant are apart", "no scenario has 'tenant are apart' in its name; did you mean 'tenants are apart'?"),
        ([], "helth", "no scenario has 'helth' in its name; did you mean 'health'?"),
        (["burst"], "logs", "no scenario matches -t burst -k logs"),
    ],
)
def test_a_selection_that_chose_nothing_is_told_why(tags: list[str], text: str, sentence: str) -> None:
    selection = parse_selection(tags, text)
    assert choose(SUITE, "staging", selection).scenarios == ()
    assert why_nothing(SUITE, "staging", selection) == sentence


def test_a_suite_with_nothing_for_the_target_says_so() -> None:
    tiny = suite(scenario("only there", targets=("production",)))
    assert why_nothing(tiny, "staging", parse_selection()) == "no scenario of suite 'tiny' is for target 'staging'"
