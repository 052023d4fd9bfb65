"""This file is for a journey that is written in Python: read without being run, then run with every mistake at its line."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from probes.browsing.blame import Blame, blame

_LARGEST = 256 * 1024
_NAME = "journey"


class JourneyBroke(Exception):
    """The journey's file cannot be used. The text is one sentence with file and line."""


def checked(path: Path) -> None:
    """Say whether the file could be a journey, without running it. Raises: ValueError with what would be right."""
    tree = _tree(path)
    found = [n for n in tree.body if isinstance(n, ast.AsyncFunctionDef | ast.FunctionDef) and n.name == _NAME]
    if not found:
        raise ValueError(f"'{path}' should define `async def journey(page, values)`")
    function = found[-1]
    parameters = [*function.args.posonlyargs, *function.args.args]
    if not isinstance(function, ast.AsyncFunctionDef) or len(parameters) != 2:
        raise ValueError(f"'{path}' line {function.lineno}: should be `async def journey(page, values)`")


def _tree(path: Path) -> ast.Module:
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"'{path}' is larger than {_LARGEST} bytes, which is no journey")
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as problem:
        why = (getattr(problem, "strerror", None) or "it is not UTF-8").lower()
        raise ValueError(f"'{path}' cannot be read: {why}") from None
    except SyntaxError as problem:
        raise ValueError(f"'{path}' line {problem.lineno}: {problem.msg}") from None


def loaded(path: Path) -> Callable[[Any, Mapping[str, Any]], Any]:
    """Return the journey of the file, which is run for it: it is trusted as the suite is. Raises: JourneyBroke."""
    try:
        checked(path)
        names: dict[str, Any] = {"__name__": "journey", "__file__": str(path)}
        exec(compile(_tree(path), str(path), "exec"), names)
    except ValueError as problem:
        raise JourneyBroke(f"the journey's file cannot be used: {problem}") from None
    except (Exception, SystemExit) as problem:  # whatever the file does when it is run
        raise JourneyBroke(_sentence(path, problem)) from problem
    function: Callable[[Any, Mapping[str, Any]], Any] = names[_NAME]
    return function


def whose_fault(path: Path, problem: BaseException, within_s: float) -> Blame:
    """Return whose fault it is that a journey raised: an assertion and a page that does not react are the target's."""
    where = f"{path.name}:{_line(path, problem)}"
    if isinstance(problem, AssertionError):
        said = " ".join(str(problem).split())[:200]
        return Blame(f"{where}: {said or 'its assertion does not hold'}")
    if type(problem).__module__.startswith("playwright."):
        found = blame(problem, within_s)
        return Blame(f"{where}: {found.why}", found.ours, found.dead)
    return Blame(_sentence(path, problem), ours=True)


def _sentence(path: Path, problem: BaseException) -> str:
    return f"the journey's file broke: {path.name}:{_line(path, problem)}: {type(problem).__name__}: {problem}"


def _line(path: Path, problem: BaseException) -> int:
    """Return the last line of the file that was at work."""
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else 0
