"""This file is for what an importer makes: targets, questions, and a remark for whatever could not be carried over."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from probes.net.egress import Zone, is_address, zone_of
from probes.registry import KINDS
from scenarios.importing.language import on_texts, one_line, word
from scenarios.importing.reading import Path_
from scenarios.importing.vault import Vault

_PRIVATE_ENDINGS = (".local", ".localhost", ".internal", ".lan", ".home", ".home.arpa", ".intranet", ".corp", ".svc", ".test")


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing of the original that the suite says otherwise, or not at all. `lost`: it is not checked or sent any more."""

    key: str
    value: Any
    why: str
    lost: bool = True


@dataclass(frozen=True, slots=True)
class Commented:
    """A value with a few words for people behind it."""

    value: Any
    comment: str


@dataclass(slots=True)
class Spot:
    """A target of the suite to be: where it is, and how to talk to it. `base_url` holds `${NAME}` where the original does."""

    base_url: str
    keys: dict[str, Any] = field(default_factory=dict)
    headline: str = ""
    name: str = ""

    @property
    def host(self) -> str:
        return host_of(self.base_url)


@dataclass(slots=True)
class Question:
    """One endpoint of the original: the keys of the scenario, or why there is none."""

    title: str
    spot: Spot | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    left_out: str = ""
    path: Path_ = ()
    name: str = ""
    host: str = ""  # of a question that is not asked by HTTP: its target is one with this host

    def lose(self, key: str, value: Any, why: str) -> None:
        """Note that something is not checked or sent any more."""
        self.remarks.append(Remark(key, value, why))

    def mention(self, key: str, value: Any, why: str) -> None:
        """Note something that changes no answer of the scenario, such as who is told when it fails."""
        self.remarks.append(Remark(key, value, why, lost=False))

    def leave_out(self, why: str) -> Question:
        self.left_out = self.left_out or why
        return self

    @property
    def lost(self) -> bool:
        return bool(self.left_out) or any(remark.lost for remark in self.remarks)


@dataclass(slots=True)
class Draft:
    """All that one file of another program makes."""

    suite: str
    vault: Vault
    noun: str = "endpoint"
    origin: str = ""  # what kind of file it was, for the first line
    spots: dict[str, Spot] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    maintenance: list[tuple[dict[str, Any], Question | None]] = field(default_factory=list)  # a window, and what it is about

    def spot(self, base_url: str, **keys: Any) -> Spot:
        """Return the target of an address; the same one for the same address and the same keys."""
        base_url = self.vault.environment(base_url).rstrip("/")
        given = {key: value for key, value in keys.items() if value not in (None, {}, "")}
        kept: dict[str, Any] = on_texts(given, self.vault.environment)
        if is_private(host_of(base_url)):
            kept["private_networks"] = Commented(True, f"'{host_of(base_url)}' is a private address")
        known = json.dumps([base_url.lower(), kept], sort_keys=True, default=str)
        if known not in self.spots:
            self.spots[known] = Spot(base_url, kept)
        return self.spots[known]

    def ask(self, title: str, *path: str | int) -> Question:
        """Begin a new question, in the order of the original."""
        made = Question(one_line(title) or f"{self.noun} {len(self.questions) + 1}", path=path)
        self.questions.append(made)
        return made

    def lose(self, key: str, value: Any, why: str) -> None:
        self.remarks.append(Remark(key, value, why))

    def mention(self, key: str, value: Any, why: str) -> None:
        self.remarks.append(Remark(key, value, why, lost=False))

    def keep(self, window: dict[str, Any], about: Question | None = None) -> None:
        """Add a maintenance window, of one question or of all."""
        self.maintenance.append((window, about))


def knows(kind: str) -> bool:
    """Say whether a kind of probe is there."""
    return kind in KINDS.names()


def new_draft(title: str, noun: str, origin: str) -> Draft:
    """Return an empty draft; `title` is what the suite is about."""
    name = word(title, "imported")
    return Draft(name, Vault(name), noun, origin)


def host_of(base_url: str) -> str:
    """Return the host of an address without its port, empty where it has none."""
    try:
        return urlsplit(base_url).hostname or ""
    except ValueError:
        return ""


def is_private(host: str) -> bool:
    """Say whether a host is surely no public one, so that its target has to permit private addresses."""
    if is_address(host):
        return zone_of(host)[0] is Zone.PRIVATE
    host = host.rstrip(".").lower()
    return bool(host) and "$" not in host and ("." not in host or host.endswith(_PRIVATE_ENDINGS))


def is_forbidden(host: str) -> bool:
    """Say whether nothing may ever be sent to a host, such as a cloud's metadata service."""
    return is_address(host) and zone_of(host)[0] is Zone.FORBIDDEN


def bracketed(host: str) -> str:
    """Return a host as an address holds it."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
