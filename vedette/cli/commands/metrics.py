"""This file is for `vedette metrics`: list every metric that the service tells, with its labels and what it means."""

from __future__ import annotations

import argparse
import sys

from vedette.exit_codes import Exit

SUMMARY = "list the metrics of the service"
EXAMPLES = "example:\n  vedette metrics               one line for each\n  vedette metrics --markdown    the whole reference"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="print the whole reference, which is docs/metrics.md")


def run(args: argparse.Namespace) -> int:
    from reports.metrics.reference import markdown, plain

    sys.stdout.write(markdown() if args.markdown else plain())
    return Exit.PASSED
