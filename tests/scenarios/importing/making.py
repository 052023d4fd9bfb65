"""This file is for importing in tests: from a text to the suite that is made of it, as `vedette import` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.importing.formats import draft_of, formats
from scenarios.importing.laying_out import Import, lay_out
from scenarios.importing.reading import Input
from scenarios.loader import load_suite
from scenarios.model import Suite
from scenarios.source import plain, read_text

SAMPLES = Path(__file__).parent / "samples"


def imported(name: str, text: str, *, shown: str = "shop.x", beside: str = "", **extra: str) -> Import:
    """Return what a text of the named format makes."""
    given = Input(shown, text, extra=extra, beside=Input("beside.x", beside) if beside else None)
    return lay_out(draft_of(given, formats()[name]), shown)


def scenarios(made: Import) -> list[dict[str, Any]]:
    """Return the scenarios of the suite as plain values."""
    return list(plain(read_text(made.text, "suite.yaml"))["scenarios"]) if made.text else []


def only(made: Import) -> dict[str, Any]:
    """Return the one scenario that was made."""
    (one,) = scenarios(made)
    return one


def targets(made: Import) -> dict[str, Any]:
    return dict(plain(read_text(made.text, "suite.yaml"))["targets"])


def loaded(made: Import, folder: Path) -> Suite:
    """Return the suite as `vedette validate` reads it, in an environment that sets nothing."""
    path = folder / "suite.yaml"
    path.write_text(made.text, encoding="utf-8")
    return load_suite(str(path), environ={})
