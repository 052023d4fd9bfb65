"""This file is for reading a policy file: its keys and values, each mistake at its line. What it means is looked at later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from scenarios.finding import shown
from scenarios.gates.policy import Metric, Policy
from scenarios.mistakes import Mistake, SuiteError, near, near_or_known
from scenarios.parts import Workshop
from scenarios.source import Listing, Node, Scalar, Table, read_file
from scenarios.validation import validate
from scenarios.variables import Expansion

EXAMPLES = Path(__file__).parent / "examples"
_SAYS_SERVICE = re.compile(r"^service\s*:", re.MULTILINE)  # beside our policies lie suites of theirs
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_METRICS = {model.model_fields["kind"].default: model for model in get_args(get_args(Metric)[0])}
_SIDES = ("canary", "baseline")
_NEVER_EMPTY = {"stages": "leave it out for the stages of the profile", "metrics": "leave it out for rounds alone"}


@dataclass(frozen=True, slots=True)
class Read:
    """A policy file as it stands, variables replaced. `policy` is None where something is wrong with its keys or values."""

    path: Path
    root: Table
    policy: Policy | None
    secrets: Mapping[str, str]  # value -> label


def bundled_policies() -> list[str]:
    """Return the names of the policies that come with Vedette."""
    return sorted(file.stem for file in EXAMPLES.glob("*.yaml") if _SAYS_SERVICE.search(file.read_text(encoding="utf-8")))


def read_policy(path: Path, environ: Mapping[str, str], mistakes: list[Mistake]) -> Read:
    """Return what a policy file says, with every reason in `mistakes` why it is no policy. Raises: SuiteError, unread."""
    file = _found(path)
    root = read_file(file, shown(file), mistakes)
    if not isinstance(root, Table) or not root.entries:
        what = "is empty" if isinstance(root, Table) else f"holds a {'list' if isinstance(root, Listing) else 'single value'}"
        hint = "a policy is a mapping: service, suite, target, canary, baseline, identity"
        raise SuiteError([*mistakes, Mistake(f"the file {what}", root.place, hint)])
    expansion = Expansion(environ)
    expanded = expansion.of(root)
    assert isinstance(expanded, Table)
    mistakes += expansion.unset
    return Read(file, expanded, _policy(expanded, file.stem, mistakes), expansion.secrets)


def _found(path: Path) -> Path:
    """Return the path of a policy, or of a bundled one of that name. Raises: SuiteError where there is none."""
    bundled = EXAMPLES / f"{path}.yaml"
    if path.exists():
        return path
    if len(path.parts) == 1 and path.suffix not in (".yaml", ".yml"):
        if bundled.exists():
            return bundled
        names = bundled_policies()
        remedy = near(str(path), names) or f"give a path, or one of the bundled policies: {', '.join(names)}"
        raise SuiteError([Mistake(f"there is no policy '{path}'", remedy=remedy)])
    beside = {p.stem: str(p) for p in (path.parent.glob("*.y*ml") if path.parent.is_dir() else ())}
    raise SuiteError([Mistake(f"there is no file '{path}'", remedy=near(path.stem, beside, shown=beside))])


def _policy(root: Table, stem: str, mistakes: list[Mistake]) -> Policy | None:
    before = len(mistakes)
    given = {}
    first = next(iter(root.entries.values())).place
    if "name" not in root.entries:
        given["name"] = stem if _NAME.fullmatch(stem) else "policy"
        if given["name"] != stem:
            mistakes.append(Mistake("'name' is missing", first, "the file's name cannot be one: it is letters, digits and . _ -"))
    for key, remedy in _NEVER_EMPTY.items():
        node = root.get(key)
        if isinstance(node, Listing) and not node.items:
            mistakes.append(Mistake(f"'{key}' should not be empty", node.place, remedy, key))
    if "profile" in root.entries and "stages" in root.entries:
        say = "'profile' and 'stages' are both given"
        mistakes.append(
            Mistake(say, root.key_place("profile"), "'stages' takes the place of the profile's: leave one out", "profile")
        )
    root = _with_known_metrics(_with_secret_files(root, mistakes), mistakes)
    made = validate(Policy, root, "", mistakes, given=given, key_place=first, called="the policy")
    return made if len(mistakes) == before else None


def _with_secret_files(root: Table, mistakes: list[Mistake]) -> Table:
    """Return the root with the paths of secret files of both sides beginning in the policy's folder."""
    workshop, entries = Workshop(mistakes), dict(root.entries)
    for key in _SIDES:
        node = root.get(key)
        if isinstance(node, Table):
            entries[key] = replace(entries[key], node=workshop.with_secret_files(node))
    return Table(entries, root.place)


def _with_known_metrics(root: Table, mistakes: list[Mistake]) -> Table:
    """Return the root without metrics whose kind is missing or unknown, which is told: their other keys mean nothing."""
    node = root.get("metrics")
    if not isinstance(node, Listing):
        return root
    wrong = [m for n, item in enumerate(node.items) if (m := _wrong_kind(item, f"metrics[{n}]")) is not None]
    if not wrong:
        return root
    mistakes += wrong
    return Table({k: e for k, e in root.entries.items() if k != "metrics"}, root.place)


def _wrong_kind(item: Node, path: str) -> Mistake | None:
    if not isinstance(item, Table):
        return Mistake("a metric should be a mapping", item.place, f"its 'kind' is one of {', '.join(_METRICS)}", path)
    kind = item.get("kind")
    if kind is None:
        return Mistake("'kind' is missing", item.place, f"one of {', '.join(_METRICS)}", path)
    if isinstance(kind, Scalar) and kind.value in _METRICS:
        return None
    name = str(kind.value) if isinstance(kind, Scalar) and not kind.held else ""
    return Mistake(f"there is no kind of metric '{name}'", kind.place, near_or_known(name, _METRICS), f"{path}.kind")
