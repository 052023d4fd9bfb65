"""This file is for finding the faces: each stands in a file `face_NAME.py` with its faults and what serves it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from vedette.reference.fault import Fault


class Face(Protocol):
    """What a file `face_NAME.py` offers."""

    FAULTS: tuple[Fault, ...]
    MODULES: tuple[str, ...]  # that must be installed for it and for the kinds that ask it

    def serve(self, bugs: Collection[str], folder: Path) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve on loopback for as long as the context is open, and yield the variables that the suite is loaded with."""


def faces() -> list[Face]:
    here = Path(__file__).parent
    names = sorted(m.name for m in pkgutil.iter_modules([str(here)]) if m.name.startswith("face_"))
    return [importlib.import_module(f"vedette.reference.edge.{name}") for name in names]
