"""This file is for the names of the formats that can be imported, told without loading any: `--help` stays quick."""

from __future__ import annotations

from pathlib import Path

_MARK = "\nFORMAT = "


def format_names() -> list[str]:
    """Return the name of each file of the importers' folder that has a FORMAT, as the command line has it."""
    import scenarios

    folder = Path(next(iter(scenarios.__path__))) / "importing"
    return sorted(p.stem.replace("_", "-") for p in folder.glob("*.py") if _MARK in p.read_text(encoding="utf-8"))
