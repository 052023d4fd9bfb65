"""This file is for `vedette coverage`: what a contract states, who looks whether it is so, and what nobody sees."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from vedette.cli.speech import complain, complain_of_suite
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from scenarios.statements import Coverage

SUMMARY = "list a contract's statements with the scenarios that cover them"
EXAMPLES = "examples:\n  vedette coverage askpro\n  vedette coverage suites/mine.yaml --json"
_NARROWEST, _WIDEST = 40, 100  # longer lines are hard to read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", metavar="SUITE", help="a file, or the name of a bundled suite")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    from scenarios.loader import load_suite
    from scenarios.mistakes import SuiteError
    from scenarios.statements import coverage_of

    try:
        suite = load_suite(args.suite)
    except SuiteError as problem:
        complain_of_suite(problem)
        return Exit.USAGE
    if not suite.statements:
        complain(f"'{suite.path}' has no 'statements', so there is nothing to cover")
        return Exit.NOTHING_SELECTED
    found = coverage_of(suite)
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    text = json.dumps(to_json(found), ensure_ascii=False) if args.json else render(suite.name, found, max(width, _NARROWEST))
    sys.stdout.write(text + "\n")
    return Exit.FAILED if found.missing else Exit.PASSED


def to_json(found: Coverage) -> dict[str, Any]:
    return {
        "statements": len(found.statements),
        "covered": len(found.covered),
        "unobservable": [{"statement": name, "reason": found.statements[name].unobservable} for name in found.unobservable],
        "missing": found.missing,
        "by_statement": {name: list(found.scenarios[name]) for name in found.statements},
    }


def render(suite: str, found: Coverage, width: int = _WIDEST) -> str:
    """Return the statements, section by section, for a terminal."""
    lines: list[str] = []
    section = ""
    for name, statement in found.statements.items():
        if statement.section != section:
            section = statement.section
            lines += ["", section]
        lines += _wrapped(f"{_sign(found, name)} {name}: ", statement.says, width)
        if statement.unobservable:
            lines += _wrapped("      cannot be seen: ", statement.unobservable, width)
        lines += [line for scenario in found.scenarios[name] for line in _wrapped("      ", scenario, width)]
    seen = len(found.statements) - len(found.unobservable)
    summary = f"{suite}: {len(found.covered)} of {seen} statements that can be seen are covered"
    unseen = f"{len(found.unobservable)} cannot be seen from outside" if found.unobservable else ""
    return "\n".join([*lines[1:], "", "; ".join(filter(None, [summary, unseen])), *_left_out(found)])


def _sign(found: Coverage, name: str) -> str:
    return "  -" if found.statements[name].unobservable else "  ✓" if found.scenarios[name] else "  ✗"


def _left_out(found: Coverage) -> list[str]:
    return [f"not covered: {name}" for name in found.missing]


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(head + " ".join(text.split()), width, subsequent_indent=" " * 6, break_on_hyphens=False)
