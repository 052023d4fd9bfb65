"""This file is for loading the suites of a service without disturbing it: large ones in a process of their own.

`python -P -m vedette.service.loading SUITE…` is that process. Taking in ten thousand scenarios keeps a core busy for
seconds, in which no tick would start, and leaves memory full of holes; the finished suites come over in a tenth of that.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenarios.model import Suite

LARGE_BYTES = 200_000  # of suite files; what is smaller is loaded in a thread within 0.3 s
_LOADED_WITHIN_S = 300.0
_SUITES, _MISTAKES = b"S", b"M"


class NotLoaded(Exception):
    """The suites hold mistakes. The text is every one of them at its line, as `vedette validate` tells them."""


async def load(suites: Sequence[str], targets: Sequence[str] = ()) -> list[Suite]:
    """Return the suites. Raises: NotLoaded."""
    if _size(suites) < LARGE_BYTES or _has_plugins(suites):
        return await asyncio.to_thread(load_here, suites, targets)
    return await _load_in_child(suites, targets)


def load_here(suites: Sequence[str], targets: Sequence[str] = ()) -> list[Suite]:
    """Return the suites, loaded in this process. With `targets`, each must be in one of them. Raises: NotLoaded."""
    from scenarios.loader import load_suite
    from scenarios.mistakes import SuiteError

    told, loaded = [], []
    for name in suites:
        try:
            known = load_suite(name)
            wanted = [t for t in targets if t in known.target_names and t not in known.targets]
            # A target that was asked for lacks a variable: load for that one, to say which.
            loaded.append(load_suite(name, target=wanted[0]) if wanted else known)
        except SuiteError as problem:
            told.append(problem.render())
    told += _across(loaded, targets) if not told else []
    if told:
        raise NotLoaded("\n".join(told))
    return loaded


def files_of(suites: Sequence[str]) -> list[Path]:
    """Return the files of each suite that has one here, with those that it extends; a missing one is told when it is loaded."""
    from scenarios.finding import files_of as files_of_suite
    from scenarios.finding import find_suite
    from scenarios.mistakes import SuiteError

    found: list[Path] = []
    for name in suites:
        try:
            found += files_of_suite(find_suite(name)[0])
        except SuiteError:
            found.append(Path(name))
    return found


def _across(suites: Sequence[Suite], targets: Sequence[str]) -> list[str]:
    """Return what is wrong with the suites taken together."""
    names = [suite.name for suite in suites]
    twice = sorted({name for name in names if names.count(name) > 1})
    told = [f"error: two suites are named '{name}'; a name stands for one history" for name in twice]
    known = {name for suite in suites for name in suite.target_names}
    unknown = [name for name in targets if name not in known]
    told += [f"error: no suite has a target '{name}'; there are {', '.join(sorted(known))}" for name in unknown]
    if not told and suites and not any(suite.targets for suite in suites):
        told.append("error: no target can be used: variables of each have no value; set them, or name one with --target")
    return told


async def _load_in_child(suites: Sequence[str], targets: Sequence[str]) -> list[Suite]:
    words = [*suites, *(f"--target={name}" for name in targets)]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "vedette.service.loading", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_LOADED_WITHIN_S):
            said, _ = await child.communicate()
    except TimeoutError:
        raise NotLoaded(f"error: the suites could not be loaded within {_LOADED_WITHIN_S:g} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if said[:1] == _SUITES:
        return pickle.loads(said[1:])  # type: ignore[no-any-return]
    if said[:1] == _MISTAKES:
        raise NotLoaded(said[1:].decode("utf-8", "replace"))
    raise NotLoaded(f"error: the process that loads the suites ended with {child.returncode} and said nothing")


def _size(suites: Sequence[str]) -> int:
    total = 0
    for path in files_of(suites):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def _has_plugins(suites: Sequence[str]) -> bool:
    """Return whether a suite names Python files: their classes cannot come over from another process."""
    for path in files_of(suites):
        try:
            with path.open("rb") as file:
                if any(line.startswith(b"plugins") for line in file):
                    return True
        except OSError:
            continue
    return False


def main(words: Sequence[str]) -> int:
    """Load what the words name and write it to standard output, with one byte before it that says what it is."""
    targets = [word.removeprefix("--target=") for word in words if word.startswith("--target=")]
    suites = [word for word in words if not word.startswith("--target=")]
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plug-in prints must not stand between
    try:
        said = _SUITES + pickle.dumps(load_here(suites, targets), protocol=pickle.HIGHEST_PROTOCOL)
    except NotLoaded as problem:
        said = _MISTAKES + str(problem).encode("utf-8", "backslashreplace")
    with out:
        out.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
