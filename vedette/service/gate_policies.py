"""This file is for the policies that a service was given as files: loaded, taken anew, and found again after a restart."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from probes.fields import Secret
from reports.judgement.planning import fewest_rounds
from scenarios.finding import files_of, named_beside
from scenarios.gates.loading import LoadedPolicy, load_policy
from scenarios.gates.policy import Policy
from scenarios.gates.reading import read_policy
from scenarios.gates.sides import BadSides, Sides, both
from scenarios.loader import load_suite
from scenarios.mistakes import Mistake, Place, SourceFile, SuiteError, near_or_known
from scenarios.source import Scalar
from vedette.service.deploying import Unknown
from vedette.service.gating import CannotAsk
from vedette.service.loading import NotLoaded

HIDDEN = "***"  # stands in a recorded policy for what is not kept


@dataclass(frozen=True, slots=True)
class Given:
    """One policy, and the file it came from as it can be found again."""

    loaded: LoadedPolicy
    path: str

    @property
    def policy(self) -> Policy:
        return self.loaded.policy


class Policies:
    """The policies by name. `take` puts others in their place; gates that are open keep theirs."""

    def __init__(self, given: Mapping[str, Given] | None = None) -> None:
        self.given: Mapping[str, Given] = dict(given or {})
        self.on_taken: Callable[[], None] = lambda: None  # somebody else who must know

    def named(self, name: str) -> Given:
        """Return the policy of a name. Raises: Unknown."""
        found = self.given.get(name)
        if found is None:
            hint = near_or_known(name, self.given)
            raise Unknown(f"this service was given no policy '{name}'" + (f"; {hint}" if hint else ": start it with --gate FILE"))
        return found

    def take(self, given: Mapping[str, Given]) -> list[str]:
        """Let gates be opened with these from now on, and return in sentences what that changes."""
        before, self.given = self.given, dict(given)
        self.on_taken()
        told = [f"took the policy '{name}' away" for name in before if name not in given]
        told += [f"added the policy '{name}'" for name in given if name not in before]
        changed = [n for n in given if n in before and given[n].loaded.recorded() != before[n].loaded.recorded()]
        return told + [f"changed the policy '{name}': gates opened from now on keep to it" for name in changed]

    @property
    def secrets(self) -> list[tuple[str, str]]:
        """Return (value, label) of all that no log may show."""
        return [pair for one in self.given.values() for pair in one.loaded.secrets]


def load_policies(files: Sequence[str], environ: Mapping[str, str] | None = None) -> dict[str, Given]:
    """Return the policies of these files, or of bundled ones, by name. Blocks. Raises: NotLoaded."""
    told: list[str] = []
    loaded: dict[str, Given] = {}
    for file in files:
        try:
            one = load_policy(file, environ, fewest=fewest_rounds)
            both(one.suite, one.policy)
        except SuiteError as problem:
            told.append(problem.render())
            continue
        except BadSides as problem:
            told.append(f"error: the policy '{file}' cannot be followed: {problem}")
            continue
        name = one.policy.name
        if name in loaded:
            told.append(f"error: two policies are named '{name}': '{loaded[name].loaded.path}' and '{one.path}'")
        loaded[name] = Given(one, _findable(file))
    if told:
        raise NotLoaded("\n".join(told))
    return loaded


def files_of_policies(files: Sequence[str]) -> list[Path]:
    """Return the files whose change is a change of a policy: its own, and those of its suite."""
    found: list[Path] = []
    for file in files:
        path = Path(file)
        if not path.exists():
            continue
        found.append(path)
        try:
            root = read_policy(path, os.environ, []).root
            suite = root.get("suite")
            found += files_of(named_beside(suite, path)[0]) if isinstance(suite, Scalar) else []
        except SuiteError:  # a mistake is told when it is loaded
            continue
    return found


def sides_again(recorded: Mapping[str, Any], path: str, environ: Mapping[str, str] | None = None) -> tuple[Policy, Sides]:
    """Return the policy that a gate was opened with, and its sides, with credentials as they are now. Blocks.

    The suite is read anew. What the policy's file says by now matters only for what is never kept: the values of headers
    and cookies, and secrets. Raises: CannotAsk.
    """
    environment = os.environ if environ is None else environ
    try:
        policy = Policy.model_validate(_with_values(recorded, path, environment))
        scalar = Scalar(policy.suite, Place(SourceFile(path, ()), 1, 1))
        found = named_beside(scalar, _file_of(path, environment))[0]
        suite = load_suite(str(found), target=policy.target, environ=environment)
        return policy, both(suite, policy)
    except SuiteError as problem:
        raise CannotAsk(f"the policy's files cannot be used: {_first(problem.mistakes)}") from problem
    except BadSides as problem:
        raise CannotAsk(f"the sides cannot be asked: {problem}") from problem
    except ValidationError as problem:
        raise CannotAsk(f"the policy that the gate was opened with cannot be read: {problem.errors()[0]['msg']}") from problem


def with_versions(given: Given, canary: str, baseline: str) -> LoadedPolicy:
    """Return the policy for these versions; an empty one is that of the file."""
    policy = given.policy
    sides = {"canary": canary, "baseline": baseline}
    new = {side: getattr(policy, side).model_copy(update={"version": version}) for side, version in sides.items() if version}
    return replace(given.loaded, policy=policy.model_copy(update=new))


def _with_values(recorded: Mapping[str, Any], path: str, environ: Mapping[str, str]) -> Any:
    """Return a recorded policy with what its file has now where something was hidden. Raises: CannotAsk, SuiteError."""
    if HIDDEN not in json.dumps(recorded):
        return recorded
    mistakes: list[Mistake] = []
    now = read_policy(Path(path), environ, mistakes).policy
    if now is None or mistakes:
        raise SuiteError(mistakes)
    return _shown(recorded, _plain(now), "")


def _shown(recorded: Any, now: Any, place: str) -> Any:
    if isinstance(recorded, Mapping):
        known = now if isinstance(now, Mapping) else {}
        return {key: _shown(value, known.get(key), f"{place}.{key}".lstrip(".")) for key, value in recorded.items()}
    if isinstance(recorded, list):
        those = now if isinstance(now, list) else []
        return [_shown(one, those[n] if n < len(those) else None, f"{place}[{n}]") for n, one in enumerate(recorded)]
    if not isinstance(recorded, str) or HIDDEN not in recorded:
        return recorded
    if not isinstance(now, str | Secret):
        raise CannotAsk(f"the policy's file no longer has '{place}', whose value is not kept")
    return now


def _plain(value: Any) -> Any:
    """Return a model as mappings and lists; secrets stay what they are."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def _file_of(path: str, environ: Mapping[str, str]) -> Path:
    """Return the file of a policy, which need not be there any more, or that of a bundled one."""
    return Path(path) if Path(path).is_absolute() else read_policy(Path(path), environ, []).path


def _findable(file: str) -> str:
    path = Path(file)
    return str(path.absolute()) if path.exists() else file


def _first(mistakes: Sequence[Mistake]) -> str:
    one = mistakes[0]
    return one.sentence if one.place is None else f"{one.sentence} ({one.place.file.path}:{one.place.line})"
