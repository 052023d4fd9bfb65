"""This file is for which version is where: every outcome carries the version that the last deployment of its target named."""

from __future__ import annotations

from collections.abc import Mapping


class Versions:
    """The version deployed last, by suite and target. `of` is for the watcher, which asks for every tick."""

    def __init__(self, known: Mapping[tuple[str, str], str] | None = None) -> None:
        self._known = dict(known or {})

    def of(self, suite: str, target: str) -> str:
        """Return the version, empty where no deployment was told."""
        return self._known.get((suite, target), "")

    def mark(self, suite: str, target: str, version: str) -> None:
        """Let everything that is asked from now on carry this version."""
        self._known[suite, target] = version

    def all(self) -> dict[tuple[str, str], str]:
        return dict(self._known)
