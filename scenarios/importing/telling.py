"""This file is for what a suite says to people about its import: remarks at scenarios, variables to set, lines to print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.importing.draft import Remark
from scenarios.importing.language import one_line
from scenarios.importing.vault import Vault
from scenarios.importing.writing import comment, entries, shown

_MOST_LINES = 40  # of one value, such as a script


def remark_lines(remark: Remark, vault: Vault) -> list[str]:
    """Return a remark as comments: the original's key and value, and below why it is not carried over, or carried otherwise."""
    key, value = next(iter(vault.masked_fields({remark.key: remark.value}).items()))
    lines = vault.masked(shown(value)).splitlines() or [""]
    why = f"  ^ {'not carried over: ' if remark.lost else ''}{vault.masked(remark.why)}"
    if len(lines) == 1:
        return comment(f"{key}: {lines[0]}\n{why}" if lines[0] else f"{key}\n{why}", 2)
    more = [f"    … {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return comment("\n".join([f"{key}:", *(f"    {line}" for line in lines[:_MOST_LINES]), *more, why]), 2)


def what(remark: Remark, vault: Vault) -> str:
    """Return the key and value of a remark in one line."""
    value = next(iter(vault.masked_fields({remark.key: remark.value}).values()))
    text = one_line(shown(value), 80) if value not in (None, "") else ""
    return f"{remark.key}: {text}" if text and remark.key else remark.key or text


def variable_lines(targets: Mapping[str, Any], vault: Vault) -> list[str]:
    """Return the list of variables at the top, of those that are used."""
    text = "\n".join(entries(targets))
    used = [name for name in vault.about if "${" + name + "}" in text]
    if not used:
        return []
    widest = max(len(name) for name in used)
    listed = [f"  {name.ljust(widest)}  {vault.masked(vault.about[name])}".rstrip() for name in used]
    return comment(
        "\n".join(["", "Set these variables before it is asked; no secret of the original stands in this file:", *listed])
    )


def file_lines(remarks: list[Remark], vault: Vault) -> list[str]:
    """Return the remarks on the file as a whole, for the top of the suite."""
    lines = [line[2:] for remark in remarks for line in remark_lines(remark, vault)]
    return [*comment(""), *lines] if lines else []
