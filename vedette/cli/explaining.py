"""This file is for explaining one kind, source, lever or part on a terminal, in as many columns as it has."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from probes.probe import Probe
from vedette.cli.reference import keys_of, needs

_LEAST = 30  # columns for what stands beside a key


def explain(name: str, model: type[BaseModel], width: int | None = None) -> str:
    """Return a kind's, source's, lever's or part's reference for a terminal, wrapped where its width is given."""
    lines = [name, "=" * len(name), "", *_paragraphs(inspect.getdoc(model) or "", width), ""]
    beside = ""
    if issubclass(model, Probe):
        lines += [f"needs: {needs(model)}", ""]
        beside = " (beside those that every scenario has)"
    lines.append(f"options{beside}:")
    for key in keys_of(model):
        indent = "  " * (key.depth + 1)
        under = f"{indent}{'':<20} "
        lines += _wrapped(f"{indent}{key.path:<20} ", f"{key.type}, {key.default}", under, width)
        lines += _wrapped(under, key.meaning, under, width) if key.meaning else []
    return "\n".join(lines) + "\n"


def _paragraphs(text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of a text, made to fit where the width is given; a paragraph that is laid out stays as it is."""
    for number, paragraph in enumerate(text.split("\n\n")):
        laid_out = any(line.startswith((" ", "-")) for line in paragraph.splitlines())
        yield from [""] if number else []
        yield from [paragraph] if width is None or laid_out else textwrap.wrap(paragraph, width, break_on_hyphens=False)


def _wrapped(head: str, text: str, under: str, width: int | None) -> list[str]:
    if width is None or len(head) + len(text) <= width:
        return [head + text]
    room = max(width, len(under) + _LEAST)
    return textwrap.wrap(head + text, room, subsequent_indent=under, break_long_words=False, break_on_hyphens=False)
