"""This file is for `vedette restore`: take out every fault that a killed run left behind."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vedette.exit_codes import Exit

SUMMARY = "take out the faults that a killed run left behind"
EXAMPLES = (
    "The undo of each fault is written to the state folder before the fault is put in, without secrets: set the\n"
    "environment variables that the suite needs before you restore. Every `vedette run` does the same at its start."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="only show what is open")
    parser.add_argument("--force", action="store_true", help="also undo what belongs to runs that are still alive")
    parser.add_argument("--forget", metavar="ID", help="strike one out without undoing it, once you have mended it by hand")
    parser.add_argument(
        "--plugin", action="append", default=[], type=Path, metavar="FILE", help="a Python file that defines a lever of the suite"
    )


def run(args: argparse.Namespace) -> int:
    from vedette.jobs.mend import forget, mend, open_faults
    from vedette.settings import read_settings

    settings = read_settings()
    if args.list:
        found = open_faults(settings)
        sys.stdout.write("".join(f"{sentence}\n" for sentence in found) or "nothing is open\n")
        return Exit.PASSED
    if args.forget:
        sys.stdout.write(forget(settings, args.forget) + "\n")
        return Exit.PASSED
    results = mend(settings, force=args.force, plugins=args.plugin)
    sys.stdout.write("".join(f"{r.fate}: {r.sentence}\n" for r in results) or "nothing had to be undone\n")
    return Exit.UNDO_FAILED if any(r.fate == "failed" for r in results) else Exit.PASSED
