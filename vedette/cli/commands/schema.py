"""This file is for `vedette schema`: print the JSON Schema of suite files, or of gate policies, for editors and other tools."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

SUMMARY = "print the JSON Schema of suite files, or of gate policies"
EXAMPLES = (
    "examples:\n  vedette schema > suite.schema.json\n"
    "  # and as the first line of a suite: # yaml-language-server: $schema=./suite.schema.json\n"
    "  vedette schema --gate > gate.schema.json    the same for the policies of canary gates"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gate", action="store_true", help="of the policies of canary gates")
    parser.add_argument("--markdown", action="store_true", help="with --gate: the reference, which is docs/gate-policy.md")


def run(args: argparse.Namespace) -> int:
    if args.markdown and not args.gate:
        raise UsageError("--markdown belongs to --gate; `vedette probes --markdown` is the reference of suites")
    if args.markdown:
        from vedette.cli.gate_reference import markdown

        sys.stdout.write(markdown())
        return Exit.PASSED
    json.dump(_schema(gate=args.gate), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return Exit.PASSED


def _schema(*, gate: bool) -> dict[str, Any]:
    if gate:
        from scenarios.gates.schema import policy_schema

        return policy_schema()
    from scenarios.schema import suite_schema

    return suite_schema()
