"""This file is for what must be true of every importer: valid suites, no secret, nothing dropped without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.importing.formats import draft_of, formats
from scenarios.importing.laying_out import Import, lay_out
from scenarios.importing.reading import read_input
from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import SAMPLES, loaded
from vedette.cli.import_formats import format_names

SECRET = "s3cret"  # is a part of every secret in the samples, and of nothing else
SAMPLE_FILES = sorted(p for p in SAMPLES.iterdir() if p.name.split(".")[0] in format_names())
GOLDEN = Path(__file__).parent.parent.parent / "golden" / "importing"
EXTRA = {"blackbox.yml": {"url": "https://shop.example.com/start"}}


def made_of(path: Path) -> Import:
    given = read_input(path)
    given.extra = EXTRA.get(path.name, {})
    return lay_out(draft_of(given, formats()[path.name.split(".")[0]]), path.name)


def test_the_names_on_the_command_line_are_those_of_the_formats() -> None:
    assert format_names() == list(formats())


def test_every_format_has_a_sample() -> None:
    assert {path.name.split(".")[0] for path in SAMPLE_FILES} == set(formats())


@pytest.mark.parametrize("name", ["curl.sh", "har.har", "postman.json"])
def test_a_suite_reads_as_it_was_approved(name: str) -> None:
    assert made_of(SAMPLES / name).text == (GOLDEN / f"{name.split('.')[0]}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SAMPLE_FILES, ids=lambda p: p.name)
class TestEachSample:
    def test_makes_a_suite_that_is_valid_without_any_variable_set(self, path: Path, tmp_path: Path) -> None:
        made = made_of(path)
        asked = [q for q in made.draft.questions if not q.left_out]
        assert len(loaded(made, tmp_path).scenarios) == len(asked) > 0

    def test_lets_no_secret_through(self, path: Path) -> None:
        assert SECRET in path.read_text(encoding="utf-8")
        made = made_of(path)
        assert SECRET not in made.text
        assert SECRET not in "\n".join(made.lines())

    def test_says_of_every_question_what_became_of_it(self, path: Path) -> None:
        made = made_of(path)
        assert made.whole + made.remarked + made.left_out == len(made.draft.questions)
        for question in made.draft.questions:
            assert (question.name in made.text) if not question.left_out else (f"# left out: {question.title}" in made.text)

    def test_is_told_from_every_other_format(self, path: Path) -> None:
        own = path.name.split(".")[0]
        for name, other in formats().items():
            if name != own:
                with pytest.raises(SuiteError, match=f"this looks like .*vedette import {own} "):
                    draft_of(read_input(path), other)
