"""This file is for `vedette validate`: find every mistake of a suite at its line, without sending anything."""

from __future__ import annotations

import argparse

from vedette.cli.speech import tell
from vedette.exit_codes import Exit

SUMMARY = "find every mistake of a suite, without sending anything"
EXAMPLES = "examples:\n  vedette validate askpro\n  vedette validate suites/mine.yaml --target staging"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", nargs="+", metavar="SUITE", help="a file, or the name of a bundled suite")
    parser.add_argument("--target", help="check also that every variable of this target has a value")
    parser.add_argument("--all-targets", action="store_true", help="the same for all targets")


def run(args: argparse.Namespace) -> int:
    from scenarios.extras import lacking
    from scenarios.loader import load_suite
    from scenarios.mistakes import SuiteError
    from vedette.cli.speech import complain_of_suite

    codes = [Exit.PASSED]
    for name in args.suite:
        try:
            suite = load_suite(name, target=args.target, all_targets=args.all_targets)
        except SuiteError as problem:
            complain_of_suite(problem)
            codes.append(Exit.USAGE)
            continue
        count, several = len(suite.scenarios), len(suite.target_names) > 1
        asked = f"{count} scenario{'s' * (count != 1)}, target{'s' * several}"
        tell(f"{suite.path}: {asked} {', '.join(suite.target_names)}: no mistakes")
        if missing := lacking(suite.scenarios, suite.targets.values()):
            tell(f"note: {missing}")
    return max(codes)
