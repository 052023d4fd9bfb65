"""This file is for the contract of a reference system: something to be asked, sound or broken, by a bundled suite."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path
from typing import ClassVar


class System(ABC):
    """One of the embedded systems, to be started once. Its file is `vedette/reference/NAME/system.py`, beside its `faults.py`.

    `suite` is the bundled suite that must pass on it while it is sound, against each of `targets`; faults are looked
    for with the first of them. Raises: ValueError for a fault that is not its own.
    """

    name: ClassVar[str] = ""
    suite: ClassVar[str] = ""
    targets: ClassVar[tuple[str, ...]] = ("staging", "production")

    def __init__(self, bugs: Collection[str] = (), *, folder: Path) -> None:
        self.bugs = frozenset(bugs)  # what the code asks for: `Fault.asked_for`
        self.folder = folder  # for its log files and all else that it writes

    @abstractmethod
    def running(self) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve on loopback for as long as the context is open, and yield the variables that its suite is loaded with."""

    @classmethod
    def missing(cls) -> str:
        """Return what must be installed before it or its suite can run here, or an empty text."""
        return ""


def system_names() -> list[str]:
    """Return the names of all systems: the folders beside this file that have a `system.py`."""
    here = Path(__file__).parent
    return sorted(m.name for m in pkgutil.iter_modules([str(here)]) if m.ispkg and (here / m.name / "system.py").is_file())


@cache
def find_system(name: str) -> type[System]:
    """Return the system of that name, or of the name of its suite. Raises: ValueError that names a near miss."""
    given, name = name, name.replace("-", "_")
    if name not in system_names():
        near = difflib.get_close_matches(name, system_names(), 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(system_names())}"
        raise ValueError(f"there is no reference system '{given}'; {hint}")
    module = importlib.import_module(f"vedette.reference.{name}.system")
    found = [t for t in vars(module).values() if isinstance(t, type) and issubclass(t, System) and t.name == name]
    if len(found) != 1:
        raise ValueError(f"vedette/reference/{name}/system.py should define one System named '{name}'")
    return found[0]


def lacks(*modules: str) -> list[str]:
    """Return those of the modules that are not installed."""
    return [name for name in modules if importlib.util.find_spec(name) is None]
