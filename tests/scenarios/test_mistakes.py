"""This file is for how mistakes are told."""

from __future__ import annotations

import time

import pytest

from scenarios.mistakes import Mistake, Place, SourceFile, SuiteError, near, near_or_known


def _render(line: str, column: int, width: int, number: int = 41, remedy: str = "did you mean 'threshold'?") -> list[str]:
    file = SourceFile("scenarios/askpro.yaml", ("",) * (number - 1) + (line,))
    place = Place(file, number, column, width)
    return SuiteError([Mistake("unknown field 'threshhold'", place, remedy)]).render().split("\n")


def test_a_mistake_is_told_with_place_line_caret_and_remedy() -> None:
    assert _render("      threshhold: 5", 7, 10) == [
        "error: unknown field 'threshhold'",
        "  --> scenarios/askpro.yaml:41:7",
        "   |",
        "41 |       threshhold: 5",
        "   |       ^^^^^^^^^^ did you mean 'threshold'?",
    ]


def test_the_caret_stands_right_after_tabs_and_wide_characters() -> None:
    assert _render("\tあx: 5", 3, 1, remedy="")[-1] == "   | \t  ^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    shown, caret = _render("a" * 300 + "HERE" + "b" * 300, 301, 4, remedy="")[3:5]
    start = caret.index("^")
    assert shown[start : start + 4] == "HERE" and len(shown) < 135
    assert shown.startswith("41 | …") and shown.endswith("…")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  password: hunter2", "  password: ***"),
        ("  pasword: hunter2 and more", "  pasword: ***"),
        ("  api_key: 'hunter2'", "  api_key: ***"),
        ("  Authorization: Bearer hunter2", "  Authorization: ***"),
        ("  auth: {bearer: hunter2, x: 1}", "  auth: {bearer: ***, x: 1}"),
        ("  - {password: 'hunter2, x', y: 1}", "  - {password: ***, y: 1}"),
        ("  url: redis://me:hunter2@host/0", "  url: redis://me:***@host/0"),
        ("  bearer: ${TOKEN}", "  bearer: ${TOKEN}"),
        ('  bearer: "${TOKEN}"', '  bearer: "${TOKEN}"'),
        ("  password: {file: secret.txt}", "  password: {file: secret.txt}"),
        ("  name: no secret is told", "  name: no secret is told"),
    ],
)
def test_a_secret_in_the_line_is_not_shown(line: str, shown: str) -> None:
    assert _render(line, len(line) - len(line.lstrip()) + 1, 3)[3] == f"41 | {shown}"


def test_the_caret_moves_with_what_was_masked() -> None:
    line = "auth: {bearer: hunter2-hunter2, usr: x}"
    shown, caret = _render(line, line.index("usr") + 1, 3, remedy="")[3:5]
    assert shown[caret.index("^") :].startswith("usr")
    assert _render(line, line.index("hunter2") + 1, 15, remedy="")[4].endswith(" ^^^")


def test_fifty_mistakes_are_shown_and_the_rest_counted() -> None:
    file = SourceFile("x.yaml", tuple("a" for _ in range(70)))
    mistakes = [Mistake(f"number {n}", Place(file, n, 1)) for n in range(60, 0, -1)]
    told = SuiteError(mistakes).render()
    assert told.startswith("error: number 1\n") and told.endswith("\n\nand 10 more")
    assert told.count("error: ") == 50


def test_what_is_told_twice_at_one_place_is_told_once() -> None:
    place = Place(SourceFile("x.yaml", ("a",)), 1, 1)
    assert len(SuiteError([Mistake("wrong", place, path="a"), Mistake("wrong", place, path="b")]).mistakes) == 1


def test_colour_is_only_there_when_asked_for() -> None:
    error = SuiteError([Mistake("wrong", Place(SourceFile("x.yaml", ("a",)), 1, 1))])
    assert "\x1b[" in error.render(color=True) and "\x1b[" not in error.render(color=False)


def test_a_mistake_without_a_place_is_told_with_its_remedy() -> None:
    assert SuiteError([Mistake("there is no suite 'x'", remedy="did you mean 'y'?")]).render() == (
        "error: there is no suite 'x'\n  = did you mean 'y'?"
    )


def test_near_names_are_found_whatever_their_case() -> None:
    assert near("p0", ["P0", "P1"]) == "did you mean 'P0'?"
    assert near("zzz", ["P0"]) == ""
    assert near_or_known("zzz", ["b", "a"]) == "known here: a, b"


def test_a_file_cannot_speak_to_the_terminal() -> None:
    place = Place(SourceFile("x.yaml", ("a: \x1b[2J",)), 1, 4)
    told = SuiteError([Mistake("unknown field '\x1b[2J'", place, "\x07")]).render()
    assert "\x1b" not in told and "\x07" not in told and "unknown field '·[2J'" in told


def test_a_very_long_line_is_told_at_once() -> None:
    file = SourceFile("a.yaml", (f"{'x' * 100_000} bearer: hunter2",))
    began = time.process_time()
    told = SuiteError([Mistake("too long", Place(file, 1, 1))]).render()
    assert time.process_time() - began < 30  # milliseconds, but minutes where the cost is the square of the length
    assert "hunter2" not in told


@pytest.mark.parametrize("key", ["my_bearer_token_2", "x-api-key", "DB_PASSWORD"])
def test_a_secret_word_within_a_longer_key_hides_the_value(key: str) -> None:
    file = SourceFile("a.yaml", (f"  - {{a: 1, {key}: hunter2, b: 2}}",))
    told = SuiteError([Mistake("wrong", Place(file, 1, 3))]).render()
    assert "hunter2" not in told
    assert key in told
