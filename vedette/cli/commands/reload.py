"""This file is for `vedette reload`: let a running service take in its suites anew, and say what changed."""

from __future__ import annotations

import argparse
import sys

from vedette.cli.service_client import Client, ServiceRefused, add_service_argument, laid_out, one_line
from vedette.cli.speech import complain, tell
from vedette.exit_codes import Exit

SUMMARY = "let a running service take in its suites anew"
EXAMPLES = "examples:\n  vedette reload\n  vedette reload --service https://vedette.example.com"
WITHIN_S = 120.0  # ten thousand scenarios take their time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_service_argument(parser)


def run(args: argparse.Namespace) -> int:
    client = Client.from_args(args, within_s=WITHIN_S)
    try:
        result = client.post("/api/v1/reload")
    except ServiceRefused as refusal:
        mistakes = refusal.problem.get("mistakes")
        if not isinstance(mistakes, str):
            raise
        sys.stderr.write("".join(f"{laid_out(line)}\n" for line in mistakes.splitlines()))
        complain("the new configuration was refused, the old one keeps probing")
        return Exit.USAGE
    changes = result.get("changes", []) if isinstance(result, dict) else []
    sys.stdout.write("".join(f"{one_line(change)}\n" for change in changes))
    if not changes:
        tell("nothing changed")
    return Exit.PASSED
