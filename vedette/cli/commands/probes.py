"""This file is for `vedette probes`: list what can be asked, and explain one kind with all its options."""

from __future__ import annotations

import argparse
import inspect
import sys
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from probes.probe import Probe

SUMMARY = "list the probe kinds, or explain one"
EXAMPLES = "examples:\n  vedette probes\n  vedette probes rate_limit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", nargs="?", help="a kind to explain with all its options")


def run(args: argparse.Namespace) -> int:
    from probes.registry import KINDS, RegistryError

    try:
        if args.kind is None:
            sys.stdout.write("".join(f"{_line(KINDS.find(name))}\n" for name in KINDS.names()))
            return Exit.PASSED
        kind = KINDS.find(args.kind)
    except RegistryError as problem:
        raise UsageError(str(problem)) from problem
    if kind is None:
        near = KINDS.near(args.kind)
        raise UsageError(f"there is no probe kind '{args.kind}'" + (f"; did you mean '{near}'?" if near else ""))
    sys.stdout.write(explain(kind))
    return Exit.PASSED


def _line(kind: type[Probe] | None) -> str:
    if kind is None:
        return ""
    first = (inspect.getdoc(kind) or "").partition("\n")[0]
    needs = f" [needs {', '.join(sorted(kind.grants))}]" if kind.grants else ""
    return f"{kind.kind:<24} {first}{needs}"


def explain(kind: type[Probe]) -> str:
    """Return a kind's reference, from its docstring and its fields: name, type, default, what it means."""
    properties = kind.model_json_schema(mode="validation").get("properties", {})
    lines = [kind.kind, "=" * len(kind.kind), "", inspect.getdoc(kind) or "", ""]
    lines.append(f"needs: {', '.join(sorted(kind.grants)) or 'no grant'}")
    lines += ["", "options (beside those that every scenario has):"]
    comments = field_comments(kind)
    for name, field in kind.model_fields.items():
        shown = field.alias or name
        default = "required" if field.is_required() else f"default {_default(field.get_default(call_default_factory=True))}"
        about = field.description or comments.get(name, "") or properties.get(shown, {}).get("description", "")
        lines.append(f"  {shown:<20} {default}" + (f"\n  {'':<20} {about}" if about else ""))
    return "\n".join(lines) + "\n"


def field_comments(kind: type[Probe]) -> dict[str, str]:
    """Return the comment behind each field in the kind's source: the one place where an option is described."""
    try:
        source = inspect.getsource(kind)
    except OSError:
        return {}
    found = {}
    for line in source.splitlines():
        code, hash_sign, comment = line.partition("  # ")
        name, colon, _ = code.strip().partition(":")
        if hash_sign and colon and name in kind.model_fields:
            found[name] = comment.strip()
    return found


def _default(value: object) -> str:
    text = str(value) if value not in ("", None) else "none"
    return text if len(text) <= 60 else text[:57] + "…"
