"""This file is for `vedette demo`: see the main job done, against an embedded target, broken on purpose if you like."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from vedette.cli.speech import complain
from vedette.exit_codes import Exit

SUMMARY = "see the main job done, against a target of our own"
EXAMPLES = (
    "examples:\n"
    "  vedette demo\n"
    "  vedette demo --faults                            list what can be broken\n"
    "  vedette demo --fault cache_key_without_tenant    break it, and see how it is told"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="break the target in this way, repeatable")
    parser.add_argument("--faults", action="store_true", help="list what can be broken")
    parser.add_argument("--html", type=Path, metavar="PATH", help="where the report goes (default: in the state folder)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every check, and where the time went")


def run(args: argparse.Namespace) -> int:
    if args.faults:
        from vedette.reference.faults import FAULTS

        sys.stdout.write("".join(f"{f.name:<36} {f.owner:<24} {f.story}\n" for f in FAULTS.values()))
        return Exit.PASSED
    from vedette.jobs.demo import demo
    from vedette.jobs.smoke import Order
    from vedette.settings import make_state_folder, no_state_folder, read_settings

    settings = read_settings()
    try:
        make_state_folder(settings)
        settings.reports.mkdir(exist_ok=True)
    except OSError as problem:
        complain(no_state_folder(settings, problem))
        return Exit.INCONCLUSIVE
    report = args.html or settings.reports / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.html"
    return demo(Order(suite="demo", target="reference", reports=("list",), verbose=args.verbose), args.fault, report)
