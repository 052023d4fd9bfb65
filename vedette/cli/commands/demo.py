"""This file is for `vedette demo`: see the main job done, against an embedded system, broken on purpose if you like."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, complain, tell
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from vedette.reference.system import System

SUMMARY = "see the main job done, against a target of our own"
EXAMPLES = (
    "examples:\n"
    "  vedette demo\n"
    "  vedette demo --faults                            list what can be broken\n"
    "  vedette demo --fault cache_key_without_tenant    break it, and see how it is told\n"
    "  vedette demo --system bookando                   one of the whole systems, asked by its own suite\n"
    "  vedette demo --system bookando mine.yaml         the same, asked by a suite of yours on top of that one"
)
_PLAIN = "demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", nargs="?", metavar="SUITE", help="a file, in place of the system's own suite")
    parser.add_argument(
        "--system", metavar="NAME", help="a bundled suite whose system is started (default: demo, a booking service)"
    )
    parser.add_argument("--target", metavar="NAME", help="which of the suite's targets is asked (default: the system's first)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="break the system in this way, repeatable")
    parser.add_argument("--faults", action="store_true", help="list in which ways the system can be broken")
    parser.add_argument("--html", type=Path, metavar="PATH", help="where the report goes (default: in the state folder)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every check, and where the time went")


def run(args: argparse.Namespace) -> int:
    system = _system(args.system, args.fault)
    if args.faults:
        return _list(system)
    from vedette.jobs.demo import demo, demo_of_system
    from vedette.jobs.smoke import Order
    from vedette.settings import make_state_folder, no_state_folder, read_settings

    settings = read_settings()
    try:
        make_state_folder(settings)
        settings.reports.mkdir(exist_ok=True)
    except OSError as problem:
        complain(no_state_folder(settings, problem))
        return Exit.INCONCLUSIVE
    report = args.html or settings.reports / f"{system.suite}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.html"
    target = args.target or system.targets[0]
    order = Order(suite=args.suite or system.suite, target=target, reports=("list",), verbose=args.verbose)
    if system.name == _PLAIN:
        return demo(order, args.fault, report)
    return demo_of_system(order, system, args.fault, report)


def _system(wanted: str | None, faults: Sequence[str]) -> type[System]:
    """Return the system that is named, else the one that all faults are of. Raises: UsageError."""
    from vedette.reference.faults import named
    from vedette.reference.system import find_system

    try:
        broken = {name: named(name).system for name in faults}
        system = find_system(wanted or next(iter(broken.values()), _PLAIN))
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    for fault, whose in broken.items():
        if whose != system.name:
            raise UsageError(f"'{fault}' breaks the system '{whose}', not '{system.name}'")
    return system


def _list(system: type[System]) -> Exit:
    from vedette.reference.faults import FAULTS
    from vedette.reference.system import system_names

    faults = [fault for fault in FAULTS.values() if fault.system == system.name]
    width = max(len(fault.name) for fault in faults)
    sys.stdout.write("".join(f"{f.name:<{width}}  {f.owner:<22}  {f.story}\n" for f in faults))
    others = ", ".join(name for name in system_names() if name != system.name)
    tell(f"{len(faults)} faults of '{system.name}'; --system names another: {others}")
    return Exit.PASSED
