"""This file is for Hurl: a file of requests in a row becomes one scenario with steps. Source: hurl.dev, Grammar, version 7."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from scenarios.importing.draft import Commented, Draft, new_draft
from scenarios.importing.expecting import Expecting
from scenarios.importing.formats import Format
from scenarios.importing.hurl_asserts import assertion, capture
from scenarios.importing.hurl_reading import START, Entry, entries
from scenarios.importing.language import PLACE, Say, capture_name, filled, go_duration, on_texts, place, seconds, word
from scenarios.importing.reading import Input
from scenarios.importing.requesting import MOST_HOPS, Asked, request_of, writes
from scenarios.importing.vault import Vault, secret_name

_NO_FILES = "a suite sends no file of yours"
_WITHOUT_MEANING = frozenset({"output", "verbose", "very-verbose", "compressed", "path-as-is", "http1.1", "limit-rate", "delay"})
_HURL_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z][\w-]*)\s*\}\}")


def _looks(given: Input) -> bool:
    text = given.text[:200_000]
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    return bool(START.match(first)) and not text.lstrip().startswith(("{", "["))


def _draft(given: Input) -> Draft:
    name = given.shown.rpartition("/")[2].removesuffix(".hurl")
    draft = new_draft(word(name), "journey", "the Hurl file")
    found = entries(given)
    captured = {name for entry in found for name in entry.names()}
    journey = _Journey(draft, name, captured)
    for entry in found:
        journey.add(entry)
    journey.done()
    return draft


def say_of(vault: Vault, captured: set[str], own: dict[str, str]) -> Say:
    """Return what turns a text into the suite's language: a template is a captured value, an option, or comes from outside."""

    return lambda text: filled(text, _HURL_TEMPLATE, lambda found: _value(vault, found.group(1), captured, own))


def _value(vault: Vault, name: str, captured: set[str], own: dict[str, str]) -> str:
    if name in captured:
        return place(capture_name(name))
    if name in own:
        return vault.hide(own[name], name, f"the variable {name}") if secret_name(name) and own[name] else own[name]
    return {"newUuid": place("nonce"), "newDate": place("now")}.get(name) or vault.outside(
        name, f"the variable {name} (hurl --variable)"
    )


class _Journey:
    """The steps of a file, and the one scenario that they make. Requests of one file share cookies and captured values."""

    def __init__(self, draft: Draft, title: str, captured: set[str]) -> None:
        self._draft = draft
        self._title = title
        self._captured = captured
        self._own: dict[str, str] = {}  # variables that the file itself gives a value
        self._steps: list[dict[str, Any]] = []
        self._bases: list[str] = []
        self._auth: dict[str, Any] = {}
        self._with_auth: list[bool] = []
        self._tls: dict[str, Any] = {}
        self._writes = False
        self._question = draft.ask(title)
        self._names: set[str] = set()

    def add(self, entry: Entry) -> None:
        question, vault = self._question, self._draft.vault
        if entry.option("skip") == "true":
            question.lose(entry.title, "skip: true", "a request that is switched off is left out")
            return
        self._own |= dict(value.partition("=")[::2] for name, value in entry.options if name == "variable")
        say = say_of(vault, self._captured, self._own)
        asked = self._asked(entry, say)
        made = request_of(vault, question, asked)
        if made is None:
            return
        self._options(entry, made.request)
        if made.auth and self._auth and made.auth != self._auth:
            question.lose(f"{entry.title}: authentication", made.auth, "one scenario has one target, and a target one user")
        self._auth = self._auth or made.auth
        self._tls |= asked.tls
        step: dict[str, Any] = {"name": self._name(entry), "request": made.request}
        self._with_auth.append(bool(made.auth))
        expecting = self._expecting(entry, say)
        if expecting.made:
            step["expect"] = expecting.done()
        self._capture(entry, step)
        self._writes = self._writes or writes(entry.method, made.request["path"], entry.body) is not None
        self._steps.append(step)
        self._bases.append(made.base)

    def done(self) -> None:
        question = self._question
        if question.left_out or not self._steps:
            question.leave_out("it holds no request that can be made")
            return
        question.spot = self._draft.spot(self._bases[0], auth=self._auth, tls=self._tls)
        for step, base, with_auth in zip(self._steps, self._bases, self._with_auth, strict=True):
            if self._auth and not with_auth and base == self._bases[0]:
                step["request"]["anonymous"] = True
            if base != self._bases[0]:
                step["request"]["path"] = f"{base}{step['request']['path']}"
                question.mention(
                    step["name"], base, "another origin: it is sent neither the target's credentials nor other headers"
                )
        question.keys["probe"] = "http"
        if len(self._steps) == 1:
            question.keys |= {key: value for key, value in self._steps[0].items() if key != "name"}
        else:
            question.keys["steps"] = self._steps
        if self._writes:
            question.keys["writes"] = Commented(True, "a POST may write; write false if it only asks")
        longest = sum(go_duration(step["request"].get("timeout", "10s")) or 10 for step in self._steps)
        if longest > 30:
            question.keys["timeout"] = seconds(min(longest + 5, 86_400))

    def _name(self, entry: Entry) -> str:
        name, number = entry.title, 1
        while name in self._names:
            number += 1
            name = f"{entry.title} ({number})"
        self._names.add(name)
        return self._draft.vault.masked(name)

    def _asked(self, entry: Entry, say: Say) -> Asked:
        question = self._question
        url = entry.url
        for name, value in entry.query:
            url += f"{'&' if '?' in url else '?'}{_encoded(name)}={_encoded(value)}"
        headers = list(entry.headers)
        headers += [("Cookie", "; ".join(f"{name}={value}" for name, value in entry.cookies))] if entry.cookies else []
        asked = Asked(url, entry.method, headers, entry.body or None, say=say)
        if entry.body_from:
            question.leave_out(f"the body of {entry.title} is '{entry.body_from}', and {_NO_FILES}")
        if entry.body_is_json and "content-type" not in {name.lower() for name, _ in headers}:
            asked.headers.append(("Content-Type", "application/json"))
        if entry.form:
            asked.fields = entry.form
        if entry.multipart:
            asked.parts = entry.multipart
            if any(value.startswith("file,") for _, value in entry.multipart):
                question.leave_out(f"the form of {entry.title} sends a file, and {_NO_FILES}")
        if entry.basic:
            asked.basic = entry.basic
        return asked

    def _options(self, entry: Entry, request: dict[str, Any]) -> None:
        hops = entry.option("max-redirs")
        for name, value in entry.options:
            if name in ("location", "location-trusted") and value == "true":
                most = int(hops) if hops.isdigit() else 50
                request["follow_redirects"] = most if most <= MOST_HOPS else Commented(MOST_HOPS, f"hurl: {most}")
            elif name == "insecure" and value == "true":
                self._tls["verify"] = False
            elif name in ("cacert", "cert", "key"):
                self._tls[{"cacert": "ca_file", "cert": "client_certificate", "key": "client_key"}[name]] = value
            elif name == "max-time" and (limit := go_duration(value if not value.isdigit() else f"{value}s")):
                request["timeout"] = seconds(limit)
            elif name == "retry" and value.isdigit():
                entry.retries = min(int(value), 100)
            elif name not in (*_WITHOUT_MEANING, "variable", "max-redirs", "skip", "retry-interval") and value != "false":
                self._question.lose(f"{entry.title}: {name}", value, "a suite has nothing like this option")

    def _expecting(self, entry: Entry, say: Say) -> Expecting:
        expecting, question = Expecting(), self._question
        if entry.version not in ("", "HTTP", "HTTP/*"):
            expecting.plain("http_version", entry.version.removeprefix("HTTP/"))
        if entry.status.isdigit() and (trouble := expecting.status([int(entry.status)])):
            question.lose(f"{entry.title}: status", entry.status, trouble)
        if entry.status == "*" and not any(text.startswith("status") for text in entry.asserts):
            question.mention(f"{entry.title}: HTTP *", "", "a status of 2xx is expected, or an error page might pass")
        for name, value in entry.answer_headers:
            if trouble := expecting.header(name, "equals", say(value)):
                question.lose(f"{entry.title}: header {name}", value, trouble)
        for text in entry.asserts:
            if trouble := assertion(expecting, text, say):
                question.lose(f"{entry.title}: assert", text, trouble)
        if entry.answer_body.strip() and (trouble := _whole(expecting, entry.answer_body, say)):
            question.lose(f"{entry.title}: body", entry.answer_body, trouble)
        return expecting

    def _capture(self, entry: Entry, step: dict[str, Any]) -> None:
        for name, query in entry.captures:
            made, trouble = capture(query)
            if trouble:
                self._question.lose(f"{entry.title}: capture {name}", query, trouble)
                self._captured.discard(name)
                continue
            secret = {"secret": True} if secret_name(name) or query.endswith(" redact") else {}
            step.setdefault("capture", {})[capture_name(name)] = {**made, **secret}
        if entry.retries:
            pause = go_duration(entry.option("retry-interval") or "1s") or 1
            step["retry"] = {"times": entry.retries, "pause": seconds(pause)}


def _encoded(text: str) -> str:
    parts, end = [], 0
    for found in PLACE.finditer(text):
        parts += [quote(text[end : found.start()], safe=""), found.group()]
        end = found.end()
    return "".join([*parts, quote(text[end:], safe="")])


def _whole(expecting: Expecting, body: str, say: Say) -> str:
    """Expect a whole body: JSON by its value, text as it stands."""
    text = body.strip()
    if text.startswith(("{", "[")):
        try:
            return expecting.json("$", "equals", on_texts(json.loads(text), say))
        except ValueError:
            return "it is no JSON before its templates are filled in"
    if text.startswith("```"):
        inner = re.fullmatch(r"```[\w,]*\n([\s\S]*?)```", text)
        return expecting.body("equals", say(inner[1])) if inner else "it cannot be read"
    if text.startswith("`") and text.endswith("`"):
        return expecting.body("equals", say(text[1:-1]))
    return "only JSON and text can be compared with"


FORMAT = Format("hurl", "a Hurl file", _looks, _draft, "it does not begin with a request such as 'GET https://…'")
