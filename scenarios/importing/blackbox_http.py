"""This file is for the Blackbox exporter's http modules: what is sent, and what fails the probe."""

from __future__ import annotations

import re
from typing import Any

from scenarios.importing.draft import Draft, Question
from scenarios.importing.expecting import Expecting, segment
from scenarios.importing.language import go_duration, literal, seconds
from scenarios.importing.reading import listing, table, text_of, truth
from scenarios.importing.requesting import Asked, ask_http

_HOPS = 10  # that Go's client follows
_LOST = {
    "proxy_url": "requests go straight to the target",
    "proxy_from_environment": "requests go straight to the target",
    "proxy_connect_header": "requests go straight to the target",
    "oauth2": "no token is fetched; give one under 'auth: {bearer: ${NAME}}' of the target",
    "body_size_limit": "the target's 'limits.body_bytes' bounds every answer (1 MiB)",
    "source_ip_address": "the machine chooses the address that it asks from",
}
_MENTIONED = {
    "preferred_ip_protocol": "IPv4 is taken where a name has both",
    "ip_protocol_fallback": "IPv4 is taken where a name has both",
    "compression": "gzip is offered, and undone",
    "no_proxy": "requests go straight to the target",
    "skip_resolve_phase_with_proxy": "requests go straight to the target",
}
_PLAIN = re.compile(r"[^.^$*+?()\[\]{}\\|]+")
_CEL = re.compile(r"""body((?:\.\w+|\[\d+\]|\[['"][^'"]+['"]\])+)\s*==\s*('[^']*'|"[^"]*"|true|false|null|-?\d+(?:\.\d+)?)""")


def ask_module(draft: Draft, question: Question, module: dict[str, Any], target: str) -> None:
    """Make the scenario of an http module."""
    http = table(module.get("http"))
    url = target if "://" in target else f"http://{target}"  # as the exporter guesses
    if http.get("body_file"):
        question.leave_out(f"its body stands in the file '{http['body_file']}', and a suite sends no file of yours")
        return
    tls = tls_of(question, table(http.get("tls_config")))
    asked = Asked(url, text_of(http.get("method")) or "GET", _headers(question, http), text_of(http.get("body")) or None, tls=tls)
    asked.basic, asked.auth = _credentials(question, http)
    request = ask_http(draft, question, asked)
    if request is None:
        return
    if "follow_redirects" not in http or truth(http["follow_redirects"]):
        request["follow_redirects"] = _HOPS
    if timeout := go_duration(module.get("timeout")):
        request["timeout"] = seconds(max(timeout, 0.001))
        if timeout > 25:
            question.keys["timeout"] = seconds(min(timeout + 5, 86_400))
    question.keys["expect"] = _expect(question, http, url)
    for key, why in _LOST.items():
        if http.get(key):
            question.lose(key, http[key], why)
    for key, why in _MENTIONED.items():
        if key in http:
            question.mention(key, http[key], why)


def tls_of(question: Question, config: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a target's `tls`."""
    made: dict[str, Any] = {"verify": False} if truth(config.get("insecure_skip_verify")) else {}
    for theirs, ours in (
        ("ca_file", "ca_file"),
        ("cert_file", "client_certificate"),
        ("key_file", "client_key"),
        ("server_name", "server_name"),
    ):
        if config.get(theirs):
            made[ours] = literal(text_of(config[theirs]))
    for key in ("min_version", "max_version"):
        if config.get(key):
            question.lose(f"tls_config.{key}", config[key], "a scenario with the probe 'tls' says it with 'minimum'")
    return made


def _headers(question: Question, http: dict[str, Any]) -> list[tuple[str, str]]:
    headers = [(str(name), text_of(value)) for name, value in table(http.get("headers")).items()]
    for name, given in table(http.get("http_headers")).items():
        headers += [(str(name), text_of(value)) for key in ("values", "secrets") for value in listing(table(given).get(key))]
        if table(given).get("files"):
            question.lose(
                f"http_headers.{name}.files", given["files"], "headers of a file are not read; write {file: PATH} at the target"
            )
    return headers


def _credentials(question: Question, http: dict[str, Any]) -> tuple[tuple[str, str] | None, dict[str, Any]]:
    """Return user and password, or the `auth` of the target where a file holds the secret."""
    basic, bearer = table(http.get("basic_auth")), table(http.get("authorization"))
    user = text_of(basic.get("username"))
    if basic.get("username_file"):
        question.lose("basic_auth.username_file", basic["username_file"], "a user's name is not read from a file")
    elif basic.get("password_file"):
        return None, {"username": user, "password": {"file": text_of(basic["password_file"])}}
    elif user:
        return (user, text_of(basic.get("password"))), {}
    scheme = text_of(bearer.get("type")) or "Bearer"
    if bearer.get("credentials_file") and scheme.lower() == "bearer":
        return None, {"bearer": {"file": text_of(bearer["credentials_file"])}}
    if bearer.get("credentials") and scheme.lower() == "bearer":
        return None, {"bearer": text_of(bearer["credentials"])}
    if bearer:
        question.lose("authorization", bearer, "only Basic authentication and bearer tokens are sent")
    return None, {}


def _expect(question: Question, http: dict[str, Any], url: str) -> dict[str, Any]:
    expecting = Expecting()
    codes = [int(code) for code in map(text_of, listing(http.get("valid_status_codes"))) if code.isdigit()]
    troubles: list[tuple[str, Any, str]] = [("valid_status_codes", codes, expecting.status([*codes]) if codes else "")]
    versions = list(map(text_of, listing(http.get("valid_http_versions"))))
    if versions and not any(v.startswith("HTTP/1") for v in versions):
        troubles.append(("valid_http_versions", versions, "the client speaks HTTP/1.1"))
    elif versions:
        troubles.append(("valid_http_versions", versions, expecting.plain("http_version", versions)))
    for pattern in map(text_of, listing(http.get("fail_if_body_matches_regexp"))):
        troubles.append(("fail_if_body_matches_regexp", pattern, expecting.body("not_matches", literal(pattern))))
    for pattern in map(text_of, listing(http.get("fail_if_body_not_matches_regexp"))):
        way = "contains" if _PLAIN.fullmatch(pattern) else "matches"
        troubles.append(("fail_if_body_not_matches_regexp", pattern, expecting.body(way, literal(pattern))))
    troubles += _of_headers(expecting, http)
    troubles += _of_json(expecting, http)
    secure = url.startswith("https://")
    if truth(http.get("fail_if_not_ssl")) and not secure:
        troubles.append(("fail_if_not_ssl", True, "the address is no https://, and where redirects lead is not judged"))
    if truth(http.get("fail_if_ssl")):
        troubles.append(("fail_if_ssl", True, "that there is no TLS cannot be said"))
    for key, value, trouble in troubles:
        if trouble:
            question.lose(key, value, trouble)
    return expecting.done()


def _of_headers(expecting: Expecting, http: dict[str, Any]) -> list[tuple[str, Any, str]]:
    made = []
    for key, operator in (("fail_if_header_matches", "not_matches"), ("fail_if_header_not_matches", "matches")):
        for rule in map(table, listing(http.get(key))):
            name, pattern = text_of(rule.get("header")), text_of(rule.get("regexp"))
            missing = truth(rule.get("allow_missing"))
            if missing and operator == "not_matches" and pattern in (".*", ".+", ""):
                trouble = expecting.header(name, "exists", False)
            elif missing:
                trouble = "that a header is missing or else like this cannot be said"
            else:
                trouble = expecting.header(name, operator, literal(pattern))
            made.append((key, rule, trouble))
    return made


def _of_json(expecting: Expecting, http: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Take the plainest CEL expressions: comparisons for equality, joined by `&&`."""
    made = []
    if wanted := text_of(http.get("fail_if_body_json_not_matches_cel")):
        parts = [_CEL.fullmatch(part.strip()) for part in wanted.split("&&")]
        if all(parts):
            troubles = [expecting.json(_path(part[1]), "equals", _value(part[2])) for part in parts if part]
            made.append(("fail_if_body_json_not_matches_cel", wanted, next(filter(None, troubles), "")))
        else:
            made.append(("fail_if_body_json_not_matches_cel", wanted, "of CEL only equality joined by '&&' can be carried over"))
    if unwanted := text_of(http.get("fail_if_body_json_matches_cel")):
        made.append(("fail_if_body_json_matches_cel", unwanted, "CEL is not spoken; say it with 'expect.json'"))
    return made


def _path(cel: str) -> str:
    parts = re.findall(r"\.(\w+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]", cel)
    return "$" + "".join(f"[{number}]" if number else segment(name or quoted) for name, number, quoted in parts)


def _value(cel: str) -> Any:
    if cel[0] in "'\"":
        return literal(cel[1:-1])
    if cel in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[cel]
    return float(cel) if "." in cel else int(cel)
