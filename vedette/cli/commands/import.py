"""This file is for `vedette import`: make a suite of another program's file, with a remark for all that is lost."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, complain, complain_of_suite, tell
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from scenarios.importing.laying_out import Import
    from scenarios.importing.reading import Input

SUMMARY = "make a suite of another program's file: Gatus, Postman, OpenAPI, HAR, curl and others"
EXAMPLES = (
    "examples:\n"
    "  vedette import gatus config.yaml -o shop.yaml\n"
    "  vedette import postman shop.postman_collection.json --environment staging.postman_environment.json -o shop.yaml\n"
    "  vedette import blackbox blackbox.yml --url https://shop.example.com\n"
    "  vedette import har visit.har --target staging > visit.yaml\n\n"
    "what could not be carried over stands as a comment at its scenario, and on standard error;\n"
    "secrets become variables, listed at the top of the suite; docs/importing.md says what each format loses\n\n"
    "exit codes: 0 if nothing is lost; 3 if something of the original is not asked or checked any more, so that the suite\n"
    "proves less than the original did; 2 if the file cannot be used (nothing is written)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from vedette.cli.import_formats import format_names

    parser.add_argument("format", choices=format_names(), metavar="FORMAT", help=f"one of {', '.join(format_names())}")
    parser.add_argument("file", type=Path, metavar="FILE", help="the other program's file; - reads standard input")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="write here (default: standard output)")
    parser.add_argument("--force", action="store_true", help="write over a file that exists")
    parser.add_argument("--target", metavar="NAME", help="name of the target (of the one with the most scenarios)")
    parser.add_argument("--url", metavar="URL", help="blackbox, openapi: the address to ask")
    parser.add_argument("--environment", type=Path, metavar="FILE", help="postman: an environment; blackbox: a prometheus.yml")
    parser.add_argument("--assets", action="store_true", help="har: keep scripts, styles, images and fonts too")


def run(args: argparse.Namespace) -> int:
    from scenarios.mistakes import SuiteError

    if args.output is not None and args.output.exists() and not args.force:
        raise UsageError(f"'{args.output}' is there already; --force writes over it")
    if args.target is not None and (not args.target.strip() or not args.target.isprintable()):
        raise UsageError("--target should be a name")
    try:
        made, given = _made(args)
    except SuiteError as problem:
        complain_of_suite(problem)
        return Exit.USAGE
    if made.text:
        _write(made.text, args.output)
    else:
        complain("nothing could be carried over, so no suite was written")
    for line in made.lines(given.line):
        tell(f"  {line}")
    tell(made.summary())
    return Exit.INCONCLUSIVE if made.lost else Exit.PASSED


def _made(args: argparse.Namespace) -> tuple[Import, Input]:
    from scenarios.importing.formats import draft_of, formats
    from scenarios.importing.laying_out import lay_out

    wanted = formats()[args.format]
    for option in ("url", "environment", "assets"):
        if getattr(args, option) and option not in wanted.options:
            raise UsageError(f"--{option} means nothing to '{wanted.name}'")
    given = _read(args.file)
    given.extra = {"url": args.url or "", "assets": "yes" if args.assets else ""}
    if args.environment is not None:
        given.beside = _read(args.environment)
    return lay_out(draft_of(given, wanted), args.file.name, target=args.target or ""), given


def _read(path: Path) -> Input:
    from scenarios.importing.reading import read_input, read_stream

    return read_stream(sys.stdin.buffer) if str(path) == "-" else read_input(path)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"'{output}' could not be written: {problem.strerror}") from problem
