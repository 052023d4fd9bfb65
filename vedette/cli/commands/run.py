"""This file is for `vedette run`: ask a target the questions of a suite, once, and decide."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from vedette.cli.arguments import duration, positive
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from vedette.jobs.smoke import Order

SUMMARY = "ask a target the questions of a suite, once"
EXAMPLES = (
    "examples:\n"
    "  vedette run mine.yaml --target staging\n"
    "  vedette run suites/mine.yaml --target staging -t smoke -r list -r html=report.html -r junit=report.xml\n"
    "  vedette run mine.yaml --target production -t smoke,passive -t critical    (smoke and passive) or critical"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", metavar="SUITE", help="a file, or the name of a bundled suite")
    parser.add_argument("--target", metavar="NAME", help="which of the suite's targets to ask (needed where there are several)")
    choice = parser.add_argument_group("what to ask")
    choice.add_argument(
        "-t", "--tags", action="append", default=[], metavar="A,B", help="scenarios with all these tags; repeated: or"
    )
    choice.add_argument("-k", dest="text", default="", metavar="TEXT", help="scenarios whose name contains this")
    choice.add_argument("--list", action="store_true", help="print what would be asked, one scenario a line, and stop")
    choice.add_argument("--dry-run", action="store_true", help="print also what each needs and what the target does not permit")
    how = parser.add_argument_group("how")
    how.add_argument("--timeout", type=duration, metavar="5m", help="stop the whole run after this time")
    how.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    how.add_argument("-j", "--jobs", type=positive, default=8, metavar="N", help="scenarios at work at once (default: 8)")
    how.add_argument("--strict", action="store_true", help="let degraded count as failed")
    out = parser.add_argument_group("what to keep")
    out.add_argument(
        "-r", "--report", action="append", default=[], metavar="NAME[=PATH]",
        help="list, json, jsonl, junit, tap, github or html; to PATH or standard output; repeatable (default: list)",
    )  # fmt: skip
    out.add_argument("--store", metavar="WHERE", help="database to keep results in (default: results.db in the state folder)")
    out.add_argument("--no-store", action="store_true", help="keep nothing")
    out.add_argument("-v", "--verbose", action="store_true", help="show every check, wall time and critical path")


def run(args: argparse.Namespace) -> int:
    from vedette.jobs.smoke import Order, smoke

    order = Order(
        suite=args.suite, target=args.target, tags=args.tags, text=args.text, timeout_s=args.timeout, fail_fast=args.fail_fast,
        strict=args.strict, reports=args.report, verbose=args.verbose, jobs=args.jobs, store=args.store, keep=not args.no_store,
    )  # fmt: skip
    if args.list or args.dry_run:
        return _show(order, dry_run=args.dry_run)
    return smoke(order)


def _show(order: Order, *, dry_run: bool) -> int:
    """Print the plan and send nothing."""
    from scenarios.extras import lacking
    from scenarios.hidden import redactor_of, secrets_of
    from scenarios.selection import choose, why_nothing
    from vedette.cli.speech import complain
    from vedette.jobs.smoke import load

    loaded = load(order)
    if loaded is None:
        return Exit.USAGE
    suite, target_name, selection = loaded
    chosen = choose(suite, target_name, selection)
    if not chosen.scenarios:
        complain(why_nothing(suite, target_name, selection))
        return Exit.NOTHING_SELECTED
    target = suite.targets[target_name]
    shown = redactor_of(secrets_of(suite, target, [s.probe for s in chosen.scenarios])).own
    if dry_run:
        sys.stdout.write(shown(f"{target.name} ({target.environment}) at {target.base_url}; nothing is sent\n"))
    for scenario in chosen.scenarios:
        sys.stdout.write(shown(f"{scenario.severity}  {scenario.kind:<24} {scenario.name}\n"))
        if not dry_run:
            continue
        missing = scenario.probe.needs() - target.allow
        without = lacking([scenario], [target])
        facts = [
            f"needs {', '.join(repr(n) for n in scenario.needs)}" if scenario.needs else "",
            "is asked only because others need it" if scenario.name in chosen.pulled_in else "",
            f"will be skipped: the target does not grant {', '.join(sorted(missing))}" if missing else "",
            f"will be an error: {without}" if without else "",
            f"tags {', '.join(scenario.tags)}" if scenario.tags else "",
        ]
        sys.stdout.write(shown("".join(f"      {fact}\n" for fact in facts if fact)))
    return Exit.PASSED
