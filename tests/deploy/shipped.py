"""This file is for reading what is shipped in deploy/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def documents(name: str) -> list[dict[str, Any]]:
    """Return the documents of a YAML file."""
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def named(file: str, kind: str, name: str) -> dict[str, Any]:
    """Return one document by its kind and its name."""
    return next(one for one in documents(file) if (one["kind"], one["metadata"]["name"]) == (kind, name))
