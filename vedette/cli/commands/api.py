"""This file is for `vedette api`: print the OpenAPI document of the service, or its reference, without a service."""

from __future__ import annotations

import argparse
import json
import sys

from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

SUMMARY = "print the OpenAPI document of the service"
EXAMPLES = "examples:\n  vedette api > openapi.json    for generating clients\n  vedette api --markdown        for people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="print the reference, which is docs/api.md")


def run(args: argparse.Namespace) -> int:
    try:
        from vedette.service.api.reference import markdown
        from vedette.service.app import whole_document
    except ModuleNotFoundError as problem:
        if problem.name not in ("fastapi", "starlette"):
            raise
        raise UsageError("the service is not installed: pip install 'vedette[serve]'") from problem
    document = whole_document()
    sys.stdout.write(markdown(document) if args.markdown else json.dumps(document, indent=2) + "\n")
    return Exit.PASSED
