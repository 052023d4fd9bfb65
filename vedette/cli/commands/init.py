"""This file is for `vedette init`: write a commented suite and a CI workflow to start from, over nothing that exists."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit

SUMMARY = "write a commented starter suite and a workflow for CI"
STARTER = Path(__file__).parent.parent / "starter"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="where to write (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write each file that is not there yet and say which; an existing file is never touched."""
    from scenarios.schema import suite_schema

    wanted = {
        "vedette.yaml": (STARTER / "suite.yaml").read_text(encoding="utf-8"),
        "suite.schema.json": json.dumps(suite_schema(), indent=2) + "\n",
        ".github/workflows/smoke.yml": (STARTER / "github-workflow.yml").read_text(encoding="utf-8"),
    }
    written = [name for name, text in wanted.items() if _write_new(args.folder / name, text)]
    if not written:
        tell("nothing was written: all files are there already")
        return Exit.PASSED
    suite = args.folder / "vedette.yaml"
    tell(f"\nnext: vedette validate {suite}, then vedette run {suite} --target staging")
    return Exit.PASSED


def _write_new(path: Path, text: str) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if not path.exists():  # what stands in the way is a file where a folder should be
            raise UsageError(f"'{path}' could not be written: '{path.parent}' is not a folder") from None
        tell(f"kept    {path} (it is there already)")
        return False
    except OSError as problem:
        raise UsageError(f"'{path}' could not be written: {problem.strerror}") from problem
    tell(f"wrote   {path}")
    return True
