"""This file is for laying a draft out as a suite file: variables first, every remark right at its scenario, and surely valid."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.fragments import PAYLOADS
from scenarios.importing.draft import Commented, Draft, Question, Spot, bracketed
from scenarios.importing.language import BRACES, NAME_LENGTH, names_in, on_texts, one_line, sound, unfilled, word
from scenarios.importing.reading import Path_
from scenarios.importing.telling import file_lines, remark_lines, variable_lines, what
from scenarios.importing.vault import Vault
from scenarios.importing.writing import comment, entries, fits, items
from scenarios.loader import load_suite
from scenarios.mistakes import Mistake, SuiteError
from scenarios.source import FILE_BYTES

_NOT_FILLED = frozenset({"name", "why", "tags", "owner", "schedule", "schema", "capture"})  # no place is filled in there
_WRITING = frozenset({"PUT", "PATCH", "DELETE"})
_SCENARIO = re.compile(r"scenarios\[(\d+)\]")
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Import:
    """A draft that is written down. `text` is empty where nothing could be carried over."""

    text: str
    draft: Draft

    @property
    def whole(self) -> int:
        return sum(not q.left_out and not q.remarks for q in self.draft.questions)

    @property
    def remarked(self) -> int:
        return sum(not q.left_out and bool(q.remarks) for q in self.draft.questions)

    @property
    def left_out(self) -> int:
        return sum(bool(q.left_out) for q in self.draft.questions)

    @property
    def lost(self) -> bool:
        """Tell whether anything of the original is not asked or checked any more."""
        return any(q.lost for q in self.draft.questions) or any(r.lost for r in self.draft.remarks)

    def summary(self) -> str:
        many = len(self.draft.questions)
        return (
            f"{many} {self.draft.noun}{'' if many == 1 else 's'}: {self.whole} carried over whole, "
            f"{self.remarked} with remarks, {self.left_out} left out"
        )

    def lines(self, line_of: Callable[[Path_], int | None] = lambda path: None) -> list[str]:
        """Return every remark as one line for a person, with no secret in it; `line_of` tells where a question stands."""
        vault, made = self.draft.vault, list[str]()
        for question in self.draft.questions:
            line = line_of(question.path) if question.remarks or question.left_out else None
            title = f"line {line}: {question.title}" if line else question.title
            if question.left_out:
                made.append(f"{title}: left out: {question.left_out}")
            made += [f"{title}: {what(r, vault)}: {r.why}" for r in question.remarks]
        made += [f"the file: {what(r, vault)}: {r.why}" for r in self.draft.remarks]
        return [one_line(vault.masked(line), 400) for line in made]


def lay_out(draft: Draft, source: str, *, target: str = "") -> Import:
    """Return the draft as a suite file that `vedette validate` takes. Raises: SuiteError where it would be too large.

    A scenario that could not be read back is left out, with the reason.
    """
    _tidy(draft)
    for _ in range(_MOST_ROUNDS):
        asked = [q for q in draft.questions if not q.left_out]
        if not asked:
            return Import("", draft)
        _name_all(draft, asked, target)
        text = _suite(draft, asked, source)
        if len(text.encode()) > FILE_BYTES:
            raise SuiteError(
                [Mistake(f"the suite would be larger than {FILE_BYTES // 1024 // 1024} MiB; import a part of the file")]
            )
        mistakes = _mistakes_in(text)
        if not mistakes:
            return Import(text, draft)
        _leave_out_wrong(asked, mistakes)
    raise SuiteError([Mistake("the suite could not be made valid", remedy=mistakes[0].sentence)])


def _tidy(draft: Draft) -> None:
    """Take what is left of secrets out of every scenario, and leave out what YAML cannot hold."""
    for question in draft.questions:
        if question.left_out:
            continue
        question.keys = {key: _clean(item, key, draft.vault) for key, item in question.keys.items()}
        if not fits(question.keys):
            question.leave_out("it holds a number or a nesting that a suite cannot hold")


def _clean(value: Any, key: str, vault: Vault, *, sent: bool = False) -> Any:
    """Return the value without secrets and half characters. `sent` tells that it stands in something that is sent or compared."""
    if isinstance(value, Commented):
        return Commented(_clean(value.value, key, vault, sent=sent), vault.masked(value.comment))
    if not sent and key in _NOT_FILLED:
        return sound(value) if key == "capture" else on_texts(sound(value), vault.masked)
    sent = sent or key in PAYLOADS
    if isinstance(value, Mapping):
        return {sound(name): _clean(item, str(name), vault, sent=sent) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, "", vault, sent=sent) for item in value]
    return vault.swept(sound(value)) if isinstance(value, str) else value


def _name_all(draft: Draft, asked: list[Question], target: str) -> None:
    """Give every scenario and target its name; what is equal gets a number."""
    taken: set[str] = set()
    for question in asked:
        title = draft.vault.masked(one_line(sound(question.title))) or draft.noun
        question.name = _unused(title, taken)
    _place_all(draft, asked)
    taken = set()
    by_use = [spot for spot, _ in Counter(_id(q) for q in asked).most_common()]
    for place, key in enumerate(by_use):
        spot = next(q.spot for q in asked if _id(q) == key and q.spot)
        wanted = (
            target if target and not place else word(spot.host or spot.base_url.partition("://")[2] or spot.base_url, "target")
        )
        spot.name = _unused(wanted, taken, "-")


def _place_all(draft: Draft, asked: list[Question]) -> None:
    """Give a target to what is not asked by HTTP: one with its host, or the commonest where it has none."""
    for question in [q for q in asked if q.spot is None and q.host]:
        same = [spot for spot in draft.spots.values() if spot.host == question.host.lower()]
        question.spot = next(iter(same), None) or draft.spot(f"http://{bracketed(question.host)}")
        question.spot.headline = (
            question.spot.headline if same else "nothing is asked of its address by HTTP; other probes take its host"
        )
    if any(question.spot is None for question in asked):
        first = _commonest(asked) or draft.spot(f"https://{draft.suite}.invalid")
        first.headline = first.headline or "no address is asked here; a suite needs one target" * first.base_url.endswith(
            ".invalid"
        )
        for question in asked:
            question.spot = question.spot or first


def _windows(draft: Draft) -> list[dict[str, Any]]:
    windows, taken = [], set[str]()
    for window, about in draft.maintenance:
        if about is not None and about.left_out:
            continue
        named = {"name": _unused(one_line(draft.vault.masked(sound(window["name"])), 90), taken)}
        scope = {"scenarios": [unfilled(about.name)]} if about else {}
        windows.append({**window, **named, **scope})
    return windows


def _commonest(asked: list[Question]) -> Spot | None:
    counted = Counter(id(q.spot) for q in asked if q.spot)
    return next((q.spot for q in asked if q.spot and id(q.spot) == counted.most_common(1)[0][0]), None) if counted else None


def _id(question: Question) -> int:
    return id(question.spot)


def _unused(name: str, taken: set[str], joint: str = " ") -> str:
    made, number = name, 1
    while made in taken:
        number += 1
        end = f"{joint}{number}"
        made = name[: NAME_LENGTH - len(end)].rstrip() + end
    taken.add(made)
    return made


def _suite(draft: Draft, asked: list[Question], source: str) -> str:
    spots = list({id(q.spot): q.spot for q in asked if q.spot}.values())
    several = len(spots) > 1
    targets = {spot.name: _target(spot, [q for q in asked if q.spot is spot], draft) for spot in spots}
    body: list[str] = []
    for question in draft.questions:
        body += ["", *_scenario(question, draft, several)]
    lines = [
        *comment(f"Made by `vedette import` of {draft.origin} '{one_line(draft.vault.masked(source), 80)}'. Read the remarks."),
        *variable_lines(targets, draft.vault),
        *file_lines(draft.remarks, draft.vault),
        *entries({"suite": draft.suite}),
        "",
        "targets:",
        *_targets(targets, spots, asked),
        "",
        "scenarios:",
        *body[1:],
    ]
    if windows := _windows(draft):
        lines += ["", "maintenance:", *items(windows, 2)]
    return "\n".join(lines) + "\n"


def _target(spot: Spot, own: list[Question], draft: Draft) -> dict[str, Any]:
    """Return the keys of a target, with the variables that its scenarios use under `vars`."""
    used = {name.removeprefix("vars.") for q in own for name in names_in(_bare(q.keys)) if name.startswith("vars.")}
    made: dict[str, Any] = {"base_url": spot.base_url, **spot.keys}
    known = draft.vault.variables
    values: dict[str, Any] = {name: "${" + known[name] + "}" for name in sorted(used & set(known))}
    if BRACES in used:
        values[BRACES] = Commented("{{", "two braces that are text, and no place to fill in")
    if values:
        made["vars"] = {**made.get("vars", {}), **values}
    return made


def _targets(targets: Mapping[str, Mapping[str, Any]], spots: list[Spot], asked: list[Question]) -> list[str]:
    lines = comment("add 'environment: production' where it is that; 'staging' is the default", 2)
    for spot in spots:
        lines += [*(comment(spot.headline, 2) if spot.headline else []), *entries({spot.name: targets[spot.name]}, 2)]
        writing = sum(q.spot is spot and _writes(q.keys) for q in asked)
        if writing:
            what = f"{writing} scenario{'s write' if writing > 1 else ' writes'}"
            lines += comment(f"allow: [write]  ({what} and will be skipped until you permit it here)", 4)
    return lines


def _writes(keys: Mapping[str, Any]) -> bool:
    given = _bare(keys.get("writes"))
    if isinstance(given, bool):
        return given
    requests = [keys.get("request"), *(step.get("request") for step in keys.get("steps", []))]
    return any(str(r.get("method", "")).upper() in _WRITING for r in requests if isinstance(r, Mapping))


def _scenario(question: Question, draft: Draft, several: bool) -> list[str]:
    vault = draft.vault
    remarks = [line for remark in question.remarks for line in remark_lines(remark, vault)]
    if question.left_out:
        head = f"left out: {vault.masked(question.title)}"
        return [*comment(head, 2), *comment(f"  ^ {vault.masked(question.left_out)}", 2), *remarks]
    keys = dict(question.keys)
    made: dict[str, Any] = {"name": unfilled(question.name), "probe": keys.pop("probe")}
    if several and question.spot:
        made["targets"] = [question.spot.name]
    if not keys.get("expect", True):
        del keys["expect"]
    return [*remarks, *items([{**made, **keys}], 2)]


def _bare(value: Any) -> Any:
    """Return the value without comments beside it."""
    if isinstance(value, Commented):
        return _bare(value.value)
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list | tuple) else value


def _mistakes_in(text: str) -> tuple[Mistake, ...]:
    """Return what `vedette validate` would say, in an environment that sets nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imported.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            load_suite(str(path), environ={})
        except SuiteError as problem:
            return problem.mistakes
    return ()


def _leave_out_wrong(asked: list[Question], mistakes: tuple[Mistake, ...]) -> None:
    """Leave out each scenario that a mistake names. Raises: SuiteError for one that names none, which is a bug of ours."""
    named = False
    for mistake in mistakes:
        found = _SCENARIO.match(mistake.path)
        if found:
            where = mistake.path[found.end() :].lstrip(".")
            asked[int(found.group(1))].leave_out(f"a suite cannot say it: {mistake.sentence}{f' (at {where})' if where else ''}")
            named = True
    if not named:
        raise SuiteError(mistakes)
