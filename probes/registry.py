"""This file is for finding plug-ins: ours by folder scan, strangers' by entry point or by a file that a suite names."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import Generic, TypeVar

from probes.evidence.source import EvidenceSource
from probes.faults.lever import Lever
from probes.probe import Probe

Plugin = TypeVar("Plugin")


class RegistryError(Exception):
    """A plug-in cannot be used: its name is taken, or its file does not load. The text says which and why."""


class Registry(Generic[Plugin]):
    """Plug-ins of one sort by name. Ours are loaded when first asked for, so that a run pays only for what it uses.

    A file in `package` holds the plug-in of the file's own name. A stranger's package offers one through
    the entry point group; a suite's own file is read by `load_file`. A name claimed twice is an error.
    """

    def __init__(self, base: type[Plugin], package: str, name_of: str, group: str, not_plugins: frozenset[str]) -> None:
        self._base = base
        self._package = package
        self._name_of = name_of
        self._group = group
        folder = Path(next(iter(importlib.import_module(package).__path__)))
        self._ours = {m.name for m in pkgutil.iter_modules([str(folder)])} - not_plugins
        self._loaded: dict[str, type[Plugin]] = {}
        self._strangers: dict[str, list[str]] | None = None

    def names(self) -> list[str]:
        """Return every name that can be asked for, sorted."""
        return sorted(self._ours | set(self._entry_points()) | set(self._loaded))

    def find(self, name: str) -> type[Plugin] | None:
        """Return the plug-in of that name, or None. Raises: RegistryError when it is claimed twice or broken."""
        offers = self._entry_points().get(name, [])
        if len(offers) + (name in self._ours) > 1:
            claims = ", ".join([self._package] * (name in self._ours) + offers)
            raise RegistryError(f"the name '{name}' is claimed twice: by {claims}")
        if name in self._loaded:
            return self._loaded[name]
        if name in self._ours:
            return self._keep(name, self._from_module(importlib.import_module(f"{self._package}.{name}"), name))
        if offers:
            return self._keep(name, self._from_entry_point(name, offers[0]))
        return None

    def near(self, name: str) -> str:
        """Return the known name closest to a misspelt one, or an empty text."""
        return next(iter(difflib.get_close_matches(name, self.names(), 1, 0.6)), "")

    def load_file(self, path: Path) -> list[str]:
        """Load the plug-ins that a Python file defines and return their names.

        Raises: RegistryError when the file is missing, does not run, defines none, or claims a taken name.
        """
        module_name = f"vedette_file_{abs(hash(str(path.resolve())))}"
        if module_name not in sys.modules:
            spec = importlib.util.spec_from_file_location(module_name, path)
            if spec is None or spec.loader is None or not path.is_file():
                raise RegistryError(f"there is no Python file '{path}'")
            module = importlib.util.module_from_spec(spec)
            sys.modules[module_name] = module
            try:
                spec.loader.exec_module(module)
            except (Exception, SystemExit) as problem:  # a stranger's file may raise anything; the suite's author is told
                del sys.modules[module_name]
                raise RegistryError(f"the file '{path}' does not load: {type(problem).__name__}: {problem}") from problem
        found = self._in_module(sys.modules[module_name])
        for plugin in found:
            name = getattr(plugin, self._name_of)
            if name in self._ours or name in self._entry_points() or self._loaded.get(name, plugin) is not plugin:
                raise RegistryError(f"the name '{name}' in '{path}' is already taken")
            self._loaded[name] = plugin
        return [getattr(plugin, self._name_of) for plugin in found]

    def _keep(self, name: str, plugin: type[Plugin]) -> type[Plugin]:
        self._loaded[name] = plugin
        return plugin

    def _entry_points(self) -> dict[str, list[str]]:
        if self._strangers is None:
            from importlib.metadata import entry_points

            self._strangers = {}
            for point in entry_points(group=self._group):
                self._strangers.setdefault(point.name, []).append(point.value)
        return self._strangers

    def _from_entry_point(self, name: str, value: str) -> type[Plugin]:
        module_name, _, attribute = value.partition(":")
        try:
            module = importlib.import_module(module_name)
        except (Exception, SystemExit) as problem:  # a stranger's package may raise anything
            raise RegistryError(f"the plug-in '{name}' ({value}) does not load: {type(problem).__name__}: {problem}") from problem
        plugin = getattr(module, attribute, None) if attribute else self._from_module(module, name)
        if not (isinstance(plugin, type) and issubclass(plugin, self._base)):
            raise RegistryError(f"the plug-in '{name}' ({value}) is not a {self._base.__name__}")
        return plugin

    def _from_module(self, module: object, name: str) -> type[Plugin]:
        for plugin in self._in_module(module):
            if getattr(plugin, self._name_of) == name:
                return plugin
        raise RegistryError(f"{getattr(module, '__name__', module)} defines no {self._base.__name__} named '{name}'")

    def _in_module(self, module: object) -> list[type[Plugin]]:
        return [
            thing
            for thing in vars(module).values()
            if isinstance(thing, type)
            and issubclass(thing, self._base)
            and thing.__module__ == getattr(module, "__name__", "")
            and bool(getattr(thing, self._name_of, None))
        ]


KINDS: Registry[Probe] = Registry(Probe, "probes.kinds", "kind", "vedette.probes", frozenset())  # type: ignore[type-abstract]
SOURCES: Registry[EvidenceSource] = Registry(
    EvidenceSource, "probes.evidence", "source_name", "vedette.evidence", frozenset({"source"})
)
_LEVER: type[Lever] = Lever  # type: ignore[type-abstract]
LEVERS: Registry[Lever] = Registry(_LEVER, "probes.faults", "lever_name", "vedette.faults", frozenset({"lever"}))
