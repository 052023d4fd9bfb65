"""This file is for the stage on which every page is set: the one owner of Jinja2, for reports and for the status page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


def rendered(template: str, **given: Any) -> str:
    """Return a template filled in. Everything is escaped but what is `raw`; a name without a value is an error."""
    return str(_stage().get_template(template).render(**given))


def raw(text: str) -> Any:
    """Mark a text of our own as HTML or CSS that is not to be escaped. Never for what a target or a suite said."""
    from markupsafe import Markup

    return Markup(text)


@cache
def stylesheet(name: str) -> str:
    """Return the text of one stylesheet beside the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _stage() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
