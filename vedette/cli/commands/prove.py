"""This file is for `vedette prove`: break the reference systems in every known way, and see that each fault is caught."""

from __future__ import annotations

import argparse
import json
import sys

from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit

SUMMARY = "prove the probes: every fault must be caught, no sound run may fail"
EXAMPLES = (
    "examples:\n"
    "  vedette prove                                         all systems: some minutes, a processor for each of --jobs\n"
    "  vedette prove --system bookando --sound-runs 1        one system, named as its suite\n"
    "  vedette prove --fault cache_off                       one fault; `vedette demo --faults` lists them\n\n"
    "exit codes: 0 if all holds; 1 if a fault was missed or a sound system accused; 3 if a system could not run here,\n"
    "or nothing was tried"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the matrix")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault, repeatable")
    parser.add_argument("--system", action="append", default=[], metavar="NAME", help="only this system's suite, repeatable")
    parser.add_argument(
        "--sound-runs", type=int, default=20, metavar="N", help="runs of each suite without any fault (default: 20)"
    )
    parser.add_argument("--whole", action="store_true", help="put each fault to the whole suite, for the whole matrix")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="targets at a time (default: 4)")


def run(args: argparse.Namespace) -> int:
    import asyncio

    from vedette.jobs.prove import prove

    if args.jobs < 1 or args.sound_runs < 0:
        raise UsageError("--jobs should be a whole number from 1 on, --sound-runs one from 0 on")
    try:
        proof = asyncio.run(
            prove(
                faults=args.fault or None,
                systems=args.system or None,
                sound_runs=args.sound_runs,
                jobs=args.jobs,
                whole=args.whole,
                progress=tell,
            )
        )
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    sys.stdout.write((json.dumps(proof.to_json()) if args.json else proof.render()) + "\n")
    if proof.holds:
        return Exit.PASSED
    return Exit.FAILED if proof.refuted else Exit.INCONCLUSIVE
