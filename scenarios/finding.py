"""This file is for finding suite files: bundled ones by name, others by path, and how their paths are shown."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from scenarios.mistakes import Mistake, SuiteError, near
from scenarios.source import Listing, Node, Scalar, Table, read_file

LIBRARY = Path(__file__).parent / "library"
_FILES = 100
_NAMES_OTHERS = re.compile(r"^(?:extends|statements)\s*:", re.MULTILINE)


def bundled_suites() -> list[str]:
    """Return the names of the suites that come with Vedette."""
    return sorted(file.stem for file in LIBRARY.glob("*.yaml"))


def find_suite(name_or_path: str) -> tuple[Path, bool]:
    """Return the suite's path and whether it is a bundled one. Raises: SuiteError when there is none."""
    return _found(name_or_path, Path(name_or_path), None)


def read_suite(path: Path, bundled: bool, mistakes: list[Mistake]) -> Table:
    """Return the root of a suite file. Raises: SuiteError when it cannot be read, or holds no table."""
    # A bundled suite lies where the package is installed; what it names relatively is meant where the user stands.
    root = read_file(path, shown(path), mistakes, folder=here() if bundled else path.parent)
    if not isinstance(root, Table):
        what = "a single value" if isinstance(root, Scalar) else "a list"
        hint = "a suite is a mapping: suite, targets, scenarios"
        raise SuiteError([*mistakes, Mistake(f"the file holds {what}", root.place, hint)])
    if not root.entries:
        raise SuiteError([*mistakes, Mistake("the file is empty", root.place, "a suite has 'targets' and 'scenarios'")])
    return root


def named_beside(item: Scalar, path: Path) -> tuple[Path, bool]:
    """Return the suite that a suite at `path` names: a bundled one, or a path from there. Raises: SuiteError at its place."""
    return _found(str(item.value), path.parent / str(item.value), item)


def read_named(item: Scalar, mistakes: list[Mistake]) -> Node:
    """Return the root of a file that a suite names, such as that of its statements. Raises: SuiteError."""
    file = beside(item)
    with told_at(item):
        return read_file(file, shown(file), mistakes)


@contextlib.contextmanager
def told_at(item: Scalar) -> Iterator[None]:
    """Tell of a file that cannot be read at the place that names it."""
    try:
        yield
    except SuiteError as problem:
        raise SuiteError([m if m.place else replace(m, place=item.place) for m in problem.mistakes]) from None


def _found(name: str, path: Path, item: Scalar | None) -> tuple[Path, bool]:
    place = item.place if item is not None else None
    names = bundled_suites()
    looks_like_path = path.suffix in (".yaml", ".yml") or os.sep in name
    if not looks_like_path and name in names:
        return LIBRARY / f"{name}.yaml", True
    if _exists(path):
        return path, LIBRARY in path.resolve().parents
    if looks_like_path:
        by_stem = {p.stem: str(p) for p in (path.parent.glob("*.y*ml") if path.parent.is_dir() else ())}
        raise SuiteError([Mistake(f"there is no file '{name}'", place, near(path.stem, by_stem, shown=by_stem))])
    remedy = near(name, names) or f"give a path, or one of the bundled suites: {', '.join(names)}"
    raise SuiteError([Mistake(f"there is no suite '{name}'", place, remedy)])


def shown(path: Path) -> str:
    """Return the path as people know it: from where they stand, if it lies below."""
    try:
        return str(path.relative_to(Path.cwd())) if path.is_absolute() else str(path)
    except (ValueError, OSError):
        return str(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than any file's
        return False


def here() -> Path:
    try:
        return Path.cwd()
    except OSError:
        raise SuiteError([Mistake("the current folder is gone", remedy="change to one that is there")]) from None


def files_of(path: Path) -> list[Path]:
    """Return the file of a suite and those that it extends or names, as far as they can be read, for watching them."""
    found: list[Path] = []
    left = [path]
    while left and len(found) < _FILES:
        file = left.pop(0)
        if file not in found:
            found.append(file)
            left += _named_in(file, _state(file))
    return found


def _state(path: Path) -> tuple[int, int]:
    try:
        seen = path.stat()
    except OSError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_size


@lru_cache(256)
def _named_in(path: Path, state: tuple[int, int]) -> list[Path]:
    """Return the files that one file names; `state` tells whether it was looked at before as it is now."""
    try:
        if not any(state) or not _NAMES_OTHERS.search(path.read_text(encoding="utf-8")):
            return []
        root = read_file(path, str(path), [])
        return list(_others(root, path)) if isinstance(root, Table) else []
    except (OSError, ValueError, SuiteError):
        return []  # whoever loads it is told


def _others(root: Table, path: Path) -> Iterator[Path]:
    extends, statements = root.get("extends"), root.get("statements")
    for item in extends.items if isinstance(extends, Listing) else (extends,):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield named_beside(item, path)[0]
    if isinstance(statements, Scalar) and isinstance(statements.value, str):
        yield beside(statements)


def beside(named: Scalar) -> Path:
    """Return the path of a file that a suite names: from the suite's folder, or a bundled one."""
    file = named.place.file.folder / str(named.value)
    return file if _exists(file) or not _exists(LIBRARY / str(named.value)) else LIBRARY / str(named.value)
