"""This file is for the names of cache keys: which appeared, and that each bears the id of exactly one tenant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes.outcome import Check, Evidence, check
from probes.request import fill

if TYPE_CHECKING:
    from probes.session import Session

_PIECE = re.compile(
    r"(?P<place>\{\{[^{}]*\}\})|(?P<stars>\*+)|(?P<any>\?)|(?P<set>\[\^?[^\]]+\])|\\(?P<escaped>.)|(?P<plain>.)", re.S
)
_OPEN = ("stars", "any", "set", None)  # beside these, only a delimiter tells where an id begins and ends
_SHOWN = 20


@dataclass
class KeyWatch:
    """Tells which keys appeared since the first look, by source and pattern."""

    session: Session
    watched: Sequence[tuple[str, str]]
    before: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    new: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    async def look(self) -> None:
        """Read the keys; those that were not there at the first look are new, also when they are gone again later."""
        for watched in self.watched:
            source, pattern = watched
            self.session.doing = f"reading cache keys from '{source}'"
            now = await self.session.key_source(source).keys(glob_of(pattern, self.session.values))
            self.new.setdefault(watched, set()).update(now - self.before.setdefault(watched, now))

    def appeared(self, source: str, pattern: str) -> set[str]:
        return self.new.get((source, pattern), set())


def _is_open(place: str) -> bool:
    return place.strip("{} ").partition(".")[0] in ("tenant", "unique")


def glob_of(pattern: str, values: Mapping[str, Any]) -> str:
    """Return the glob for the key source: a star for tenant and unique values, which differ from request to request."""
    parts = []
    for piece in _PIECE.finditer(pattern):
        place = piece.group("place")
        if place is None:
            parts.append(piece.group())
        else:
            parts.append("*" if _is_open(place) else re.sub(r"([*?\[\]\\])", r"\\\1", str(fill(place, values))))
    return re.sub(r"\*+", "*", "".join(parts))


def key_regex(pattern: str, values: Mapping[str, Any], *, any_tenant: bool) -> re.Pattern[str]:
    """Return what matches the keys of one tenant and one request, or of any tenant.

    Where a wildcard stands beside `{{tenant.…}}`, the value must be delimited: `*{{tenant.id}}*` with 15
    does not match `cal_slots_150`.
    """
    pieces = list(_PIECE.finditer(pattern))
    kinds = [None, *(piece.lastgroup for piece in pieces), None]
    parts = []
    for index, piece in enumerate(pieces, 1):
        kind, text = piece.lastgroup, piece.group()
        if kind == "place" and any_tenant and text.strip("{} ").startswith("tenant."):
            parts.append(".*")
        elif kind == "place":
            literal = re.escape(str(fill(text, values)))
            before = r"(?<![^\W_])" if kinds[index - 1] in _OPEN else ""
            after = r"(?![^\W_])" if kinds[index + 1] in _OPEN else ""
            parts.append(f"{before}{literal}{after}")
        else:
            parts.append({"stars": ".*", "any": ".", "set": text}.get(kind or "") or re.escape(piece.group(kind or 0)))
    return re.compile("".join(parts), re.S)


def owners(
    keys: Iterable[str], regexes: Mapping[str, Sequence[re.Pattern[str]]], overall: Sequence[re.Pattern[str]]
) -> dict[str, list[str]]:
    """Return for each key of ours (matched by `overall`) the tenants whose pattern it matches."""
    return {
        key: [tenant for tenant, own in regexes.items() if any(regex.fullmatch(key) for regex in own)]
        for key in sorted(keys)
        if any(regex.fullmatch(key) for regex in overall)
    }


def judge_keys(owned: Mapping[str, Sequence[str]], tenants: Sequence[str]) -> Check | None:
    """Return the check that each key that appeared bears exactly one tenant's id; None where none appeared."""
    if not owned:
        return None
    wrong = [(key, who) for key, who in owned.items() if len(who) != 1]
    say = ""
    if wrong:
        key, who = wrong[0]
        bears = f"the ids of tenants {_listed(who)} at once" if who else f"the id of none of the tenants {_listed(tenants)}"
        say = f"cache key '{key}' bears {bears}, so that tenants can share the entry"
    return check(
        "each cache key that appeared bears exactly one tenant's id",
        holds=not wrong,
        expected="one tenant a key",
        observed=f"{len(wrong)} of {len(owned)} keys do not",
        say=say,
        evidence=keys_seen(owned),
    )


def keys_seen(owned: Mapping[str, Sequence[str]]) -> Evidence:
    """Return the keys that appeared as evidence, those of no or several tenants first."""
    ordered = sorted(owned, key=lambda key: len(owned[key]) == 1)
    shown = {key: list(owned[key]) for key in ordered[:_SHOWN]}
    return Evidence("keys", f"{len(owned)} cache keys appeared", {"tenants_by_key": shown})


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
