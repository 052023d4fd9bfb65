"""This file is for Postman: collections of version 2.0 and 2.1, with an environment. Source: schema.postman.com."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from scenarios.importing.draft import Draft, Question, new_draft
from scenarios.importing.expecting import Expecting
from scenarios.importing.formats import Format
from scenarios.importing.language import Say, word
from scenarios.importing.postman_journeys import Asking, captured_in, lay
from scenarios.importing.postman_scripts import Script, lines_of, says_something
from scenarios.importing.postman_variables import Variables, templates_in
from scenarios.importing.reading import Input, listing, table, text_of, truth
from scenarios.importing.requesting import Asked

_NO_FILES = "a suite sends no file of yours"
_DEEPEST = 30  # folders in folders
_LANGUAGES = {
    "json": "application/json",
    "xml": "application/xml",
    "html": "text/html",
    "text": "text/plain",
    "javascript": "application/javascript",
}


@dataclass(frozen=True, slots=True)
class _Folder:
    """What requests inherit of the folders that they lie in."""

    names: tuple[str, ...] = ()
    auth: dict[str, Any] = field(default_factory=dict)
    scripts: tuple[str, ...] = ()


def _looks(given: Input) -> bool:
    value = table(given.value)
    info = table(value.get("info"))
    return ("schema" in info and "postman" in text_of(info["schema"])) or (isinstance(value.get("item"), list) and bool(info))


def _draft(given: Input) -> Draft:
    collection = table(given.value)
    _refuse_version(given, collection)
    name, environment = text_of(table(collection.get("info")).get("name")) or "postman", _environment(given)
    captured: set[str] = set()
    for _ in range(2):  # what scripts keep for later requests is known only once all have been read
        draft = new_draft(name, "request", "the Postman collection")
        variables = Variables(draft, collection, environment)
        variables.captured = captured
        walk = _Walk(draft, variables)
        walk.folder(collection, _Folder(), ())
        captured = captured_in(walk.found)
    lay(draft, walk.found, variables)
    return draft


def _refuse_version(given: Input, collection: dict[str, Any]) -> None:
    schema = text_of(table(collection.get("info")).get("schema"))
    if schema and "/v2" not in schema:
        raise given.refuse(
            "this is a Postman collection of another version", "info", "schema", remedy="export it as 'Collection v2.1'"
        )


def _environment(given: Input) -> dict[str, Any]:
    if given.beside is None:
        return {}
    value = table(given.beside.value)
    if not isinstance(value.get("values"), list):
        raise given.beside.refuse("this is not a Postman environment: it has no list of 'values'")
    return value


class _Walk:
    def __init__(self, draft: Draft, variables: Variables) -> None:
        self.found: list[Asking] = []
        self._draft = draft
        self._variables = variables

    def folder(self, item: dict[str, Any], above: _Folder, path: tuple[str | int, ...]) -> None:
        here = _Folder(above.names, table(item.get("auth")) or above.auth, (*above.scripts, *_scripts(item, "test")))
        for event in _scripts(item, "prerequest"):
            self._draft.lose(" / ".join(above.names) or "the collection", event, "scripts before a request are not run")
        for number, inner in enumerate(map(table, listing(item.get("item")))):
            at = (*path, "item", number)
            if "request" in inner:
                self._request(inner, here, at)
            elif isinstance(inner.get("item"), list) and len(here.names) < _DEEPEST:
                name = text_of(inner.get("name")) or "folder"
                self.folder(inner, _Folder((*here.names, name), here.auth, here.scripts), at)

    def _request(self, item: dict[str, Any], folder: _Folder, path: tuple[str | int, ...]) -> None:
        request = item["request"] if isinstance(item["request"], dict) else {"url": text_of(item["request"])}
        question = self._draft.ask(" / ".join((*folder.names, text_of(item.get("name")))), *path)
        if folder.names and (tag := word(folder.names[0])):
            question.keys["tags"] = [tag]
        for before in _scripts(item, "prerequest"):
            question.lose("prerequest", before, "scripts before a request are not run")
        script = Script(Expecting(), self._variables.say)
        for text in (*folder.scripts, *_scripts(item, "test")):
            for statement, why in script.read(text):
                question.lose("test", statement, why)
        asking = Asking(question, self._asked(question, request, folder, self._variables.say), script)
        behaviour = table(item.get("protocolProfileBehavior"))
        asking.follows = "followRedirects" not in behaviour or truth(behaviour["followRedirects"])
        if "strictSSL" in behaviour and not truth(behaviour["strictSSL"]):
            asking.asked.tls["verify"] = False
        asking.uses = templates_in([request, folder.auth if _inherits(request) else {}])
        self.found.append(asking)

    def _asked(self, question: Question, request: dict[str, Any], folder: _Folder, say: Say) -> Asked:
        headers = [
            (text_of(h.get("key")), text_of(h.get("value")))
            for h in map(table, listing(request.get("header")))
            if not truth(h.get("disabled")) and h.get("key")
        ]
        url = self._variables.with_base(_url(request.get("url")))
        asked = Asked(url, text_of(request.get("method")) or "GET", headers, say=say)
        _body(question, asked, table(request.get("body")))
        _auth(question, asked, folder.auth if _inherits(request) else table(request.get("auth")))
        return asked


def _inherits(request: dict[str, Any]) -> bool:
    return not isinstance(request.get("auth"), dict)


def _scripts(item: dict[str, Any], listen: str) -> list[str]:
    found = []
    for event in map(table, listing(item.get("event"))):
        if event.get("listen") == listen and not truth(event.get("disabled")):
            text = lines_of(table(event.get("script")).get("exec"))
            found += [text] if says_something(text) else []
    return found


def _url(url: Any) -> str:
    """Return the address with its path variables (`/:id`) filled in."""
    if not isinstance(url, dict):
        return text_of(url)
    raw = text_of(url.get("raw"))
    if not raw:
        host, path = url.get("host"), url.get("path")
        raw = ".".join(map(text_of, listing(host))) or text_of(host)
        raw = f"{text_of(url.get('protocol')) or 'http'}://{raw}" if "{{" not in raw[:2] else raw
        raw += "/" + "/".join(text_of(p) for p in listing(path))
        query = [
            f"{text_of(q.get('key'))}={text_of(q.get('value'))}"
            for q in map(table, listing(url.get("query")))
            if not truth(q.get("disabled"))
        ]
        raw += f"?{'&'.join(query)}" if query else ""
    head, mark, rest = raw.partition("?")
    for variable in map(table, listing(url.get("variable"))):
        key = text_of(variable.get("key"))
        parts = head.split("/")
        head = "/".join(
            text_of(variable.get("value")) or f"{{{{{key}}}}}" if part == f":{key}" and key else part for part in parts
        )
    return head + mark + rest


def _body(question: Question, asked: Asked, body: dict[str, Any]) -> None:
    mode = text_of(body.get("mode"))
    if truth(body.get("disabled")) or not mode:
        return
    given = {name.lower() for name, _ in asked.headers}
    if mode == "raw":
        asked.body = text_of(body.get("raw")) or None
        language = text_of(table(table(body.get("options")).get("raw")).get("language"))
        if asked.body and "content-type" not in given:
            asked.headers.append(("Content-Type", _LANGUAGES.get(language, "text/plain")))
    elif mode == "graphql":
        graphql = table(body.get("graphql"))
        try:
            variables = json.loads(text_of(graphql.get("variables")) or "{}")
        except ValueError:
            variables = {}
            question.lose("graphql.variables", graphql.get("variables"), "they are no JSON")
        asked.body = json.dumps({"query": text_of(graphql.get("query")), "variables": variables}, ensure_ascii=False)
        asked.headers += [] if "content-type" in given else [("Content-Type", "application/json")]
    elif mode in ("urlencoded", "formdata"):
        pairs = [p for p in map(table, listing(body.get(mode))) if not truth(p.get("disabled"))]
        if any(p.get("type") == "file" for p in pairs):
            question.leave_out(f"its form sends a file, and {_NO_FILES}")
        fields = [(text_of(p.get("key")), text_of(p.get("value"))) for p in pairs]
        asked.fields, asked.parts = (fields, None) if mode == "urlencoded" else (None, fields)
    else:
        question.leave_out(f"its body is of the mode '{mode[:20]}', and {_NO_FILES}")


def _auth(question: Question, asked: Asked, auth: dict[str, Any]) -> None:
    kind = text_of(auth.get("type"))
    given = auth.get(kind)
    values = (
        {text_of(p.get("key")): text_of(p.get("value")) for p in map(table, given)}
        if isinstance(given, list)
        else {key: text_of(value) for key, value in table(given).items()}
    )
    token = values.get("token") or values.get("accessToken", "")
    if kind in ("", "noauth"):
        return
    if kind == "basic":
        asked.basic = (values.get("username", ""), values.get("password", ""))
    elif kind in ("bearer", "oauth2") and token:
        if values.get("addTokenTo") == "queryParams":
            asked.url += f"{'&' if '?' in asked.url else '?'}access_token={token}"
        else:
            asked.headers.append(("Authorization", f"{values.get('headerPrefix', '').strip() or 'Bearer'} {token}"))
    elif kind == "apikey" and values.get("key"):
        if values.get("in") == "query":
            asked.url += f"{'&' if '?' in asked.url else '?'}{values['key']}={values.get('value', '')}"
        else:
            asked.headers.append((values["key"], values.get("value", "")))
    else:
        question.lose(f"auth: {kind}", sorted(values), "only Basic authentication, tokens and API keys are sent")


FORMAT = Format("postman", "a Postman collection", _looks, _draft, "it has no 'info' with Postman's schema", ("environment",))
