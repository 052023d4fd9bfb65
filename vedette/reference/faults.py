"""This file is for the catalogue of faults, over all systems: each has its own in a file `faults.py` in its folder."""

from __future__ import annotations

import difflib
import importlib

from vedette.reference.fault import Fault
from vedette.reference.system import system_names

__all__ = ["FAULTS", "Fault", "asked_for", "named"]


def named(name: str) -> Fault:
    """Return the fault of that name. Raises: ValueError that names a near miss."""
    if name in FAULTS:
        return FAULTS[name]
    near = difflib.get_close_matches(name, FAULTS, 1)
    raise ValueError(
        f"there is no fault '{name}'" + (f", did you mean '{near[0]}'?" if near else "; `vedette demo --faults` lists them")
    )


def asked_for(name: str) -> str:
    """Return what the code asks for, by that name or by the name of a fault. Raises: ValueError that names a near miss."""
    return name if any(fault.asked_for == name for fault in FAULTS.values()) else named(name).asked_for


def _all() -> dict[str, Fault]:
    found: dict[str, Fault] = {}
    for system in system_names():
        for fault in importlib.import_module(f"vedette.reference.{system}.faults").FAULTS:
            if fault.name in found or fault.system != system:
                raise ValueError(f"the fault '{fault.name}' stands in the catalogue of '{system}' and of '{fault.system}'")
            found[fault.name] = fault
    return found


FAULTS: dict[str, Fault] = _all()
