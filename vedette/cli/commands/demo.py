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
    "  vedette demo --system bookando mine.yaml         the same, asked by a suite of yours on top of that one\n"
    "  vedette demo canary                              two versions behind a proxy: the new one is rolled out by its gate\n"
    "  vedette demo canary --fault api_fails            the same with a new version that is broken, and rolled back"
)
_PLAIN = "demo"
_CANARY = "canary"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", nargs="?", metavar="SUITE", help="a file, in place of the system's own suite; or 'canary'")
    parser.add_argument(
        "--system", metavar="NAME", help="a bundled suite whose system is started (default: demo, a booking service)"
    )
    parser.add_argument("--target", metavar="NAME", help="which of the suite's targets is asked (default: the system's first)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="break the system in this way, repeatable")
    parser.add_argument("--faults", action="store_true", help="list in which ways the system can be broken")
    parser.add_argument("--html", type=Path, metavar="PATH", help="where the report goes (default: in the state folder)")
    canary = parser.add_argument_group("of 'vedette demo canary'")
    canary.add_argument("--policy", metavar="POLICY", help="the gate's policy (default: canary-quick, which is bundled)")
    canary.add_argument("--speed", type=float, metavar="N", help="how many times as fast time goes by (default: 50)")
    canary.add_argument("--seed", type=int, metavar="N", help="what the callers ask for, drawn alike (default: 0)")
    canary.add_argument("--evidence", type=Path, metavar="FILE", help="where the evidence goes (default: in the state folder)")
    canary.add_argument("--json", action="store_true", help="write the verdict as JSON")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every check, and where the time went")


def run(args: argparse.Namespace) -> int:
    if args.suite == _CANARY and not args.faults:
        return _canary(args)
    for option in ("policy", "speed", "seed", "evidence", "json"):
        if getattr(args, option) not in (None, False):
            raise UsageError(f"--{option} is for `vedette demo canary`")
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


def _canary(args: argparse.Namespace) -> int:
    """Roll a version out by its gate. Raises: UsageError for what only belongs to a suite."""
    from vedette.jobs.canary_demo import CanaryOrder, demo_canary

    for option in ("system", "target", "html", "verbose"):
        if getattr(args, option) not in (None, False):
            raise UsageError(f"--{option} is not for `vedette demo canary`")
    _system(_PLAIN, args.fault)
    given = {name: getattr(args, name) for name in ("policy", "speed", "seed", "evidence") if getattr(args, name) is not None}
    return demo_canary(CanaryOrder(faults=tuple(args.fault), as_json=args.json, **given))


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
