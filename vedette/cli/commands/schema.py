"""This file is for `vedette schema`: print the JSON Schema of suite files, for editors and other tools."""

from __future__ import annotations

import argparse
import json
import sys

from vedette.exit_codes import Exit

SUMMARY = "print the JSON Schema of suite files"
EXAMPLES = (
    "example:\n  vedette schema > suite.schema.json\n"
    "  # and as the first line of a suite: # yaml-language-server: $schema=./suite.schema.json"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


def run(args: argparse.Namespace) -> int:
    from scenarios.schema import suite_schema

    json.dump(suite_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return Exit.PASSED
