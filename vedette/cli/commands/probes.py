"""This file is for `vedette probes`: list what can be asked, and explain one kind with all its options."""

from __future__ import annotations

import argparse
import difflib
import inspect
import shutil
import sys
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from pydantic import BaseModel

    from probes.probe import Probe

_WIDEST = 120
SUMMARY = "list the probe kinds, or explain one"
EXAMPLES = (
    "examples:\n"
    "  vedette probes                list the kinds\n"
    "  vedette probes rate_limit     explain one; also a source, a lever, or a part of a suite:\n"
    "                                target, scenario, request, expectation, operators, bounds, capture\n"
    "  vedette probes --markdown     the whole reference"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="a kind, an evidence source, a fault lever or a part to explain")
    parser.add_argument("--sources", action="store_true", help="list the evidence sources")
    parser.add_argument("--levers", action="store_true", help="list the fault levers")
    parser.add_argument("--markdown", action="store_true", help="print the whole reference, which is docs/probes.md")


def run(args: argparse.Namespace) -> int:
    from probes.registry import RegistryError

    try:
        sys.stdout.write(_answer(args))
    except RegistryError as problem:
        raise UsageError(str(problem)) from problem
    return Exit.PASSED


def _answer(args: argparse.Namespace) -> str:
    from probes.registry import KINDS, LEVERS, SOURCES

    if args.markdown:
        from vedette.cli.reference import markdown

        return markdown()
    if args.name is not None:
        return _explained(args.name)
    if not (args.sources or args.levers):
        return "".join(_kind_line(KINDS.find(name)) for name in KINDS.names())
    names: list[tuple[type[BaseModel] | None, str]] = [(SOURCES.find(n), n) for n in SOURCES.names() if args.sources]
    names += [(LEVERS.find(n), n) for n in LEVERS.names() if args.levers]
    return "".join(f"{name:<24} {_first_line(found)}\n" for found, name in names if found is not None)


def _explained(name: str) -> str:
    from probes.registry import KINDS, LEVERS, SOURCES
    from vedette.cli.explaining import explain
    from vedette.cli.reference import PARTS

    found: list[type[BaseModel] | None] = [KINDS.find(name), SOURCES.find(name), LEVERS.find(name), PARTS.get(name)]
    width = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else None
    texts = [explain(name, model, width) for model in found if model is not None]
    if texts:
        return "\n".join(texts)
    known = [*KINDS.names(), *SOURCES.names(), *LEVERS.names(), *PARTS]
    near = difflib.get_close_matches(name, known, 1, 0.6)
    raise UsageError(f"there is nothing named '{name}' to explain" + (f"; did you mean '{near[0]}'?" if near else ""))


def _kind_line(kind: type[Probe] | None) -> str:
    if kind is None:
        return ""
    needs = f" [needs {', '.join(sorted(kind.grants))}]" if kind.grants else ""
    return f"{kind.kind:<24} {_first_line(kind)}{needs}\n"


def _first_line(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").partition("\n")[0]
