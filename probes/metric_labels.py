"""This file is for what labels must not hold: personal data, and values of which there is no end.

Each value of a label is a series of its own, kept for weeks: an id of a customer costs memory, his address costs more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from probes.exposition import Family, Sample
from probes.metric_families import DETECTORS, PARTS
from probes.outcome import Check, check, control
from probes.pii import find

_CALLED = {
    "connection": "a connection string with credentials",
    "jwt": "a JSON web token",
    "bearer": "an access token",
    "password": "a password or a token",
    "email": "an email address",
    "iban": "an iban (bank account)",
    "card": "a card number",
    "phone": "a phone number",
}
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-fA-F]{16,128}")  # an object id of MongoDB has 24 digits, a trace id 32
_NUMBER = re.compile(r"[0-9]{1,30}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_REMEMBERED = 20_000  # values over all labels: beyond, the cardinality has been told long ago
_LONGEST = 2_000
_FOUND_AT_MOST = 50


@dataclass(slots=True)
class _Label:
    """What was seen of one label of one family."""

    values: set[str] = field(default_factory=set)
    numbers: int = 0
    paths: dict[str, set[str]] = field(default_factory=dict)  # path with its ids replaced -> paths
    told: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Hygiene:
    """Looks at the labels of every sample. `ids` are labels that hold ids by agreement, personal data never."""

    ids: Collection[str] = ()
    ids_at_most: int = 20
    values_at_most: int = 500
    found: list[str] = field(default_factory=list)
    looked_at: int = 0
    left_out: int = 0  # values that came when too many had been looked at
    _labels: dict[tuple[str, str], _Label] = field(default_factory=dict)

    def look(self, family: Family, sample: Sample) -> None:
        for name, value in sample.labels:
            if name in PARTS or not value:
                continue
            label = self._label(family, name)
            if value in label.values:
                continue
            if self.looked_at >= _REMEMBERED:
                self.left_out += 1
                continue
            label.values.add(value)
            self.looked_at += 1
            self._tell(family, sample, name, self._wrong_with(name, value[:_LONGEST], label))
        for name, value in sample.exemplar.labels if sample.exemplar is not None else ():  # of which ids are a part
            self._tell(family, sample, name, _personal(name, value))

    def _label(self, family: Family, name: str) -> _Label:
        label = self._labels.get((family.name, name))
        if label is None:
            label = self._labels[family.name, name] = _Label()
        return label

    def _tell(self, family: Family, sample: Sample, name: str, wrong: Iterable[tuple[str, str]]) -> None:
        for kind, what in wrong:
            label = self._label(family, name)
            if kind not in label.told and len(self.found) < _FOUND_AT_MOST:
                label.told.add(kind)
                self.found.append(f"the label {name} of {family.name} holds {what} (line {sample.line})")

    def checks(self) -> Iterator[Check]:
        first = self.found[0] if self.found else ""
        more = f", and {len(self.found) - 1} more" if len(self.found) > 1 else ""
        yield check(
            "no label holds personal data or ids without end",
            holds=not self.found,
            expected="none",
            observed="; ".join(self.found[:5]) or f"none in {self.looked_at} values",
            say=f"{first}{more}",
        )
        if self.left_out:
            say = f"there are more than {_REMEMBERED} values of labels, so the last {self.left_out} samples were not looked at"
            yield control("every label was looked at", holds=False, observed=f"{self.left_out} were not", say=say)

    def _wrong_with(self, name: str, value: str, label: _Label) -> Iterator[tuple[str, str]]:
        personal = list(_personal(name, value))
        yield from personal
        if name in self.ids:
            return
        if form := _id_form(value):
            yield "id", form
        elif _NUMBER.fullmatch(value):
            label.numbers += 1
            if label.numbers > self.ids_at_most:
                yield "numbers", f"more than {self.ids_at_most} different numbers, so it looks like an id"
        elif value.startswith("/") and not personal:  # the path is shown
            yield from self._path(value, label)
        if len(label.values) > self.values_at_most:
            yield "values", f"more than {self.values_at_most} different values"

    def _path(self, value: str, label: _Label) -> Iterator[tuple[str, str]]:
        """A path with an id in it is one of as many as there are ids; one number alone may be part of a route, as /errors/404."""
        path, mark, _ = value.partition("?")
        if mark:
            yield "query", "a path with its query"
        segments = path.split("/")
        route = "/".join(":id" if _id_form(one) or _NUMBER.fullmatch(one) else one for one in segments)
        if any(_id_form(one) for one in segments):
            yield "path", f"a raw path with an id: {route[:120]}"
        elif route != path:
            same = label.paths.setdefault(route, set())
            same.add(path)
            if len(same) > 1:
                yield "path", f"raw paths with ids: {route[:120]}"


def _personal(name: str, value: str) -> Iterator[tuple[str, str]]:
    for detected in find(f'{name}="{value}"', DETECTORS):
        yield detected.detector, _CALLED[detected.detector]


def _id_form(value: str) -> str:
    if _UUID.fullmatch(value):
        return "a UUID"
    if _HEX.fullmatch(value) and not value.isdigit() and any(sign.isdigit() for sign in value):
        return "a hexadecimal id"
    return "a ULID" if _ULID.fullmatch(value) and any(sign.isdigit() for sign in value[1:]) else ""
