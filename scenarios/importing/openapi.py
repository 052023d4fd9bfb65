"""This file is for OpenAPI 3.0, 3.1 and Swagger 2.0: each operation with known parameters becomes a scenario."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from scenarios.importing.draft import Draft, Question, new_draft
from scenarios.importing.expecting import Expecting
from scenarios.importing.formats import Format
from scenarios.importing.language import literal, word
from scenarios.importing.openapi_schema import Schemas
from scenarios.importing.openapi_security import secure
from scenarios.importing.openapi_values import NOTHING, Refs, body_of, content_of, example_of
from scenarios.importing.reading import Input, listing, table, text_of, truth
from scenarios.importing.requesting import Asked, ask_http, writes

_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_UNSAID = "it has neither an example nor a default nor an enumeration"


def _looks(given: Input) -> bool:
    value = table(given.value)
    return "openapi" in value or "swagger" in value


def _draft(given: Input) -> Draft:
    api = table(given.value)
    version = text_of(api.get("openapi") or api.get("swagger"))
    if not version.startswith(("2.0", "3.0", "3.1", "3.2")):
        raise given.refuse(
            f"the version '{version[:20]}' of OpenAPI is not known",
            "openapi" if "openapi" in api else "swagger",
            remedy="known are 2.0, 3.0 and 3.1",
        )
    draft = new_draft(text_of(table(api.get("info")).get("title")) or "openapi", "operation", "the OpenAPI description")
    refs = Refs(api)
    base = given.extra.get("url") or ""
    for path, item in table(api.get("paths")).items():
        shared = refs.followed(item)
        for method in _METHODS:
            if isinstance(shared.get(method), dict):
                question = draft.ask(f"{method.upper()} {path}", "paths", path, method)
                _Operation(draft, question, api, refs, base).make(method, str(path), shared)
        if "trace" in shared:
            draft.ask(f"TRACE {path}", "paths", path).leave_out("TRACE is no question to an application")
    for key in ("webhooks", "x-webhooks"):
        if api.get(key):
            draft.mention(key, sorted(map(str, table(api[key]))), "they are calls to others, and not to this service")
    return draft


class _Operation:
    """One operation on its way to a scenario."""

    def __init__(self, draft: Draft, question: Question, api: dict[str, Any], refs: Refs, base: str) -> None:
        self._draft = draft
        self._question = question
        self._api = api
        self._refs = refs
        self._base = base

    def make(self, method: str, path: str, item: dict[str, Any]) -> None:
        question, operation = self._question, item[method]
        if tags := list(dict.fromkeys(filter(None, (word(text_of(tag)) for tag in listing(operation.get("tags")))))):
            question.keys["tags"] = tags
        if truth(operation.get("deprecated")):
            question.mention("deprecated", True, "it is asked all the same")
        if operation.get("callbacks"):
            question.mention("callbacks", sorted(map(str, table(operation["callbacks"]))), "they are calls to others")
        base = self._server(operation, item)
        parameters = list(self._parameters(operation, item))
        asked = Asked(base + self._path(path, parameters), method.upper())
        self._body(asked, operation, parameters)
        for parameter, value in self._given(parameters, "header"):
            asked.headers.append((text_of(parameter["name"]), text_of(value)))
        cookies = [f"{text_of(p['name'])}={quote(text_of(v))}" for p, v in self._given(parameters, "cookie")]
        if cookies:
            asked.headers.append(("Cookie", "; ".join(cookies)))
        if question.left_out:
            return
        secure(self._draft, question, asked, operation, self._api)
        request = ask_http(self._draft, question, asked)
        if request is None:
            return
        question.keys["expect"] = self._expect(operation)
        wrote = writes(method, path, None)
        if wrote is not None:
            question.keys["writes"] = wrote

    def _server(self, operation: dict[str, Any], item: dict[str, Any]) -> str:
        if "swagger" in self._api and not self._base:
            scheme = (
                "https"
                if "https" in listing(self._api.get("schemes"))
                else next(map(text_of, listing(self._api.get("schemes"))), "https")
            )
            host = text_of(self._api.get("host"))
            return f"{scheme}://{host}{text_of(self._api.get('basePath')).rstrip('/')}" if host else self._no_server("host")
        servers = listing(operation.get("servers")) or listing(item.get("servers")) or listing(self._api.get("servers"))
        server = table(next(iter(servers), {}))
        url = text_of(server.get("url")) or "/"
        for name, variable in table(server.get("variables")).items():
            url = url.replace(f"{{{name}}}", text_of(table(variable).get("default")))
        path = re.sub(r"^[a-z]+://[^/]*", "", url) if self._base else url
        if self._base:
            own = re.fullmatch(r"https?://[^/]+(/.*)?", self._base)
            return self._base.rstrip("/") + ("" if own and own[1] and own[1] != "/" else path.rstrip("/"))
        return url.rstrip("/") if "://" in url else self._no_server("servers")

    def _no_server(self, key: str) -> str:
        self._question.leave_out(f"'{key}' names no whole address; give --url")
        return "https://example.invalid"

    def _parameters(self, operation: dict[str, Any], item: dict[str, Any]) -> Iterator[dict[str, Any]]:
        known: dict[tuple[str, str], dict[str, Any]] = {}
        for given in (*listing(item.get("parameters")), *listing(operation.get("parameters"))):
            parameter = self._refs.followed(given)
            if "name" in parameter and "in" in parameter:
                known[text_of(parameter["in"]), text_of(parameter["name"])] = parameter
            elif isinstance(given, dict):
                self._question.leave_out(f"a parameter cannot be found: {text_of(given.get('$ref'))[:100]}")
        yield from known.values()

    def _path(self, path: str, parameters: list[dict[str, Any]]) -> str:
        values = {text_of(p["name"]): value for p, value in self._given(parameters, "path")}

        def filled(found: re.Match[str]) -> str:
            if found[1] not in values:
                self._question.leave_out(f"the path parameter '{found[1]}' cannot be filled in: {_UNSAID}")
                return ""
            return quote(_joined(values[found[1]]), safe="")

        made = re.sub(r"\{([^{}]+)\}", filled, path)
        query = []
        for parameter, value in self._given(parameters, "query"):
            query += _pairs(parameter, value)
        return made + (f"?{'&'.join(query)}" if query else "")

    def _given(self, parameters: list[dict[str, Any]], where: str) -> Iterator[tuple[dict[str, Any], Any]]:
        """Yield each parameter of one place with its value; optional ones only where the description has an example."""
        for parameter in parameters:
            if parameter["in"] != where or (
                where == "header" and text_of(parameter["name"]).lower() in ("accept", "content-type", "authorization")
            ):
                continue
            required = truth(parameter.get("required"))
            value = example_of(self._refs, parameter, guess=required)
            if value is not NOTHING and value is not None:
                yield parameter, value
            elif required and where != "path":
                self._question.leave_out(f"the {where} parameter '{text_of(parameter['name'])}' is required, and {_UNSAID}")

    def _body(self, asked: Asked, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> None:
        try:
            content_type, body = body_of(self._refs, operation, parameters)
        except ValueError as problem:
            self._question.leave_out(str(problem))
            return
        if content_type in ("application/x-www-form-urlencoded", "multipart/form-data") and isinstance(body, dict):
            pairs = [(str(name), _joined(value)) for name, value in body.items()]
            asked.fields, asked.parts = (pairs, None) if "urlencoded" in content_type else (None, pairs)
        elif content_type:
            import json

            asked.body = body if isinstance(body, str) and "json" not in content_type else json.dumps(body, ensure_ascii=False)
            asked.headers.append(("Content-Type", content_type))

    def _expect(self, operation: dict[str, Any]) -> dict[str, Any]:
        expecting, question = Expecting(), self._question
        responses = {str(code): answer for code, answer in table(operation.get("responses")).items()}
        code = next(
            (c for c in sorted(responses) if re.fullmatch(r"2\d\d", c)), next((c for c in responses if c.upper() == "2XX"), "")
        )
        expecting.status([int(code)] if code.isdigit() else ["2xx"])
        if not code:
            question.mention("responses", sorted(responses), "none of them is a success; a status of 2xx is expected")
        answer = self._refs.followed(responses.get(code) or responses.get("default") or {})
        content_type, content = content_of(answer, listing(operation.get("produces")) or listing(self._api.get("produces")))
        if content_type and code != "204":
            expecting.header("Content-Type", "contains", literal(content_type))
        if content and "json" in content_type:
            self._schema(expecting, content)
        return expecting.done()

    def _schema(self, expecting: Expecting, schema: dict[str, Any]) -> None:
        schemas = Schemas(self._refs, old="openapi" not in self._api or text_of(self._api["openapi"]).startswith("3.0"))
        made = schemas.of(schema)
        for where, what in schemas.dropped:
            self._question.lose(f"schema {where}", what, "a suite cannot judge by it")
        if made and made is not True and (trouble := expecting.schema(made)):
            self._question.lose("schema", sorted(map(str, made)), trouble)


def _joined(value: Any) -> str:
    return ",".join(map(_joined, value)) if isinstance(value, list) else text_of(value)


def _pairs(parameter: dict[str, Any], value: Any) -> list[str]:
    """Return the parts of a query for one parameter. Source: OpenAPI 3.1 section 4.8.12.2, style `form` and `deepObject`."""
    name = quote(text_of(parameter["name"]), safe="[]")
    if isinstance(value, dict):
        deep = parameter.get("style") == "deepObject"
        return [f"{f'{name}[{quote(k)}]' if deep else quote(k)}={quote(text_of(v), safe='')}" for k, v in value.items()]
    exploded = parameter.get("explode", parameter.get("collectionFormat", "multi") == "multi")
    if isinstance(value, list) and exploded:
        return [f"{name}={quote(text_of(item), safe='')}" for item in value]
    return [f"{name}={quote(_joined(value), safe=',')}"]


FORMAT = Format("openapi", "an OpenAPI description", _looks, _draft, "it has neither 'openapi' nor 'swagger'", ("url",))
