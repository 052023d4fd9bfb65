"""This file is for the formats that can be imported: found by folder scan, and told apart by what a file holds."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scenarios.importing.draft import Draft
from scenarios.importing.reading import Input
from scenarios.mistakes import SuiteError


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file. `looks` says whether a file is one, `draft` carries it over; both raise SuiteError."""

    name: str  # as the command line has it
    thing: str  # such as "a HAR file"
    looks: Callable[[Input], bool]
    draft: Callable[[Input], Draft]
    needs: str = ""  # what such a file must hold
    options: tuple[str, ...] = ()  # of the command line that mean something to it


@cache
def formats() -> dict[str, Format]:
    """Return every format by name: each file of this folder that has a FORMAT."""
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        made = getattr(importlib.import_module(f"scenarios.importing.{module.name}"), "FORMAT", None)
        if isinstance(made, Format):
            found[made.name] = made
    return dict(sorted(found.items()))


def draft_of(given: Input, wanted: Format) -> Draft:
    """Return what a file of the wanted format makes. Raises: SuiteError, which names the format that the file has instead."""
    if not _looks(wanted, given):
        other = next((f for f in formats().values() if f is not wanted and _looks(f, given)), None)
        if other is None:
            wanted.looks(given)  # raises where it cannot be read at all
        sentence = f"this is not {wanted.thing}: {wanted.needs}"
        remedy = f"this looks like {other.thing}: vedette import {other.name} {given.shown}" if other else ""
        raise given.refuse(sentence, remedy=remedy)
    made = wanted.draft(given)
    if not made.questions:
        raise given.refuse(f"there is nothing to import: {wanted.thing} without any {made.noun}")
    return made


def _looks(one: Format, given: Input) -> bool:
    try:
        return one.looks(given)
    except SuiteError:
        return False
