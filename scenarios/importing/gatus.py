"""This file is for Gatus: its endpoints, external endpoints, suites and maintenance windows. Source: its README, version 5."""

from __future__ import annotations

import re
from typing import Any

from scenarios.importing.draft import Draft, Question, new_draft
from scenarios.importing.formats import Format
from scenarios.importing.gatus_conditions import Judge, path_of
from scenarios.importing.gatus_ports import ask_port, with_nonce
from scenarios.importing.language import Say, capture_name, filled, go_duration, place, seconds, word
from scenarios.importing.reading import Input, listing, table, text_of, truth
from scenarios.importing.requesting import Asked, ask_http, request_of
from scenarios.importing.vault import Vault

_ENVIRONMENT = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_CONTEXT = re.compile(r"\[CONTEXT\]\.([\w.-]+)")
_OURS = ("endpoints", "external-endpoints", "suites", "maintenance")
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_OTHER_KEYS = {
    "alerts": "who is told is said where Vedette runs, not in a suite",
    "ui": "how results are shown is the same for all scenarios",
    "extra-labels": "metrics have the labels that all kinds have; tags are for selecting",
}
_LOST_OF_CLIENT = {
    "dns-resolver": "names are looked up as the machine does",
    "oauth2": "no token is fetched; give one under 'auth: {bearer: ${NAME}}' of the target, or fetch it in a step",
    "identity-aware-proxy": "no token is fetched; give one under 'auth: {bearer: ${NAME}}' of the target",
    "proxy-url": "requests go straight to the target",
    "tunnel": "requests go straight to the target",
}
_DEFAULT_TIMEOUT_S = 10.0  # Gatus' own, and ours
_HOPS = 10  # that Go's client follows


def _looks(given: Input) -> bool:
    value = table(given.value)
    return any(isinstance(value.get(key), list) for key in _OURS[:3]) and "modules" not in value


def _draft(given: Input) -> Draft:
    draft = new_draft(word(given.shown.rpartition("/")[2].partition(".")[0]), "endpoint", "the Gatus configuration")
    config = table(given.value)
    for number, endpoint in enumerate(listing(config.get("endpoints"))):
        question = draft.ask(_title(table(endpoint)), "endpoints", number)
        _endpoint(draft, question, table(endpoint))
    for number, endpoint in enumerate(listing(config.get("external-endpoints"))):
        _external(draft, draft.ask(_title(table(endpoint)), "external-endpoints", number), table(endpoint))
    for number, suite in enumerate(listing(config.get("suites"))):
        _suite(draft, draft.ask(_title(table(suite)), "suites", number), table(suite))
    if "maintenance" in config:
        _window(draft, table(config["maintenance"]), None)
    for key, value in config.items():
        if key not in _OURS:
            draft.mention(key, sorted(map(str, table(value))) or value, "it is about Gatus itself, and not about what is asked")
    return draft


def _title(endpoint: dict[str, Any]) -> str:
    group, name = text_of(endpoint.get("group")), text_of(endpoint.get("name"))
    return f"{group} / {name}" if group else name


def say_of(vault: Vault) -> Say:
    """Return what turns a text into the suite's language: `$NAME` and `${NAME}` are the environment's, `$$` is a dollar sign."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        return vault.outside(name) if name else "$"

    return lambda text: filled(text, _ENVIRONMENT, value)


def _endpoint(draft: Draft, question: Question, endpoint: dict[str, Any]) -> None:
    if "enabled" in endpoint and not truth(endpoint["enabled"]):
        question.leave_out("it is switched off (enabled: false)")
    _common(draft, question, endpoint)
    url = text_of(endpoint.get("url"))
    if isinstance(endpoint.get("dns"), dict) or not re.match(r"(?i)https?://|\$", url):
        ask_port(draft, question, endpoint, say_of(draft.vault))
        return
    say = say_of(draft.vault)
    request = ask_http(draft, question, _asked(question, endpoint, say))
    if request is None:
        return
    _client(question, table(endpoint.get("client")), request)
    question.keys["expect"] = _expect(question, endpoint, say)


def _common(draft: Draft, question: Question, endpoint: dict[str, Any]) -> None:
    if group := word(text_of(endpoint.get("group"))):
        question.keys["tags"] = [group]
    every = go_duration(endpoint.get("interval", "60s"))
    if every is None:
        question.mention("interval", endpoint.get("interval"), "it is no duration that can be read; every minute instead")
    question.keys["schedule"] = {"every": seconds(max(every or 60, 1))}
    for key, why in _OTHER_KEYS.items():
        if endpoint.get(key):
            question.mention(key, endpoint[key], why)
    for window in listing(endpoint.get("maintenance-windows")):
        _window(draft, table(window), question)


def _asked(question: Question, endpoint: dict[str, Any], say: Say) -> Asked:
    client = table(endpoint.get("client"))
    headers = [(str(name), text_of(value)) for name, value in table(endpoint.get("headers")).items()]
    body = text_of(endpoint.get("body"))
    for sign, value in (("NAME", endpoint.get("name")), ("GROUP", endpoint.get("group")), ("URL", endpoint.get("url"))):
        body = body.replace(f"[ENDPOINT_{sign}]", text_of(value))
    if "[LOCAL_ADDRESS]" in body:
        question.lose("body", "[LOCAL_ADDRESS]", "our own address is not known before; it is sent as it stands here")
    if truth(endpoint.get("graphql")):
        import json

        body = json.dumps({"query": body}, ensure_ascii=False)
        if "content-type" not in {name.lower() for name, _ in headers}:
            headers.append(("Content-Type", "application/json"))
    tls: dict[str, Any] = {"verify": False} if truth(client.get("insecure")) else {}
    files = table(client.get("tls"))
    for ours, theirs in (("client_certificate", "certificate-file"), ("client_key", "private-key-file")):
        if files.get(theirs):
            tls[ours] = text_of(files[theirs])

    method = text_of(endpoint.get("method")) or "GET"
    return Asked(text_of(endpoint.get("url")), method, headers, body or None, tls=tls, say=lambda text: with_nonce(say(text)))


def _client(question: Question, client: dict[str, Any], request: dict[str, Any]) -> None:
    if not truth(client.get("ignore-redirect")):
        request["follow_redirects"] = _HOPS
    timeout = go_duration(client.get("timeout", "10s")) or _DEFAULT_TIMEOUT_S
    if timeout != _DEFAULT_TIMEOUT_S:
        request["timeout"] = seconds(max(timeout, 0.001))
        if timeout > 25:
            question.keys["timeout"] = seconds(min(timeout + 5, 86_400))
    for key, why in _LOST_OF_CLIENT.items():
        if client.get(key):
            question.lose(f"client.{key}", client[key], why)


def _expect(question: Question, endpoint: dict[str, Any], say: Say) -> dict[str, Any]:
    judge = Judge(say)
    for condition in map(text_of, listing(endpoint.get("conditions"))):
        if trouble := judge.http(condition):
            question.lose("conditions", condition, trouble)
    if "status" not in judge.expecting.made:
        question.mention("conditions", "no [STATUS]", "a status of 2xx is expected as well, or an error page might pass")
    return judge.expecting.done()


def _external(draft: Draft, question: Question, endpoint: dict[str, Any]) -> None:
    if "enabled" in endpoint and not truth(endpoint["enabled"]):
        question.leave_out("it is switched off (enabled: false)")
    every = go_duration(table(endpoint.get("heartbeat")).get("interval"))
    if not every:
        question.leave_out("it has no 'heartbeat.interval', so nothing says when it is due")
        return
    _common(draft, question, {key: value for key, value in endpoint.items() if key != "interval"})
    question.keys |= {"probe": "heartbeat", "schedule": {"every": seconds(max(every, 1))}, "grace": "30s"}
    question.mention("token", "***", "the job reports to an address of its own: `vedette heartbeat url` prints it")


def _suite(draft: Draft, question: Question, suite: dict[str, Any]) -> None:
    """Make one scenario with steps of a Gatus suite; `store` becomes captures, `[CONTEXT].name` the captured value."""
    _common(draft, question, {"interval": "10m", **suite})
    if "enabled" in suite and not truth(suite["enabled"]):
        question.leave_out("it is switched off (enabled: false)")
    names: set[str] = set()
    base_say = say_of(draft.vault)

    def say(text: str) -> str:
        return _CONTEXT.sub(lambda f: place(capture_name(f.group(1))) if f.group(1) in names else f.group(), base_say(text))

    steps: list[dict[str, Any]] = []
    bases = []
    for endpoint in map(table, listing(suite.get("endpoints"))):
        made = request_of(draft.vault, question, _asked(question, endpoint, say))
        if made is None:
            return
        _client(question, table(endpoint.get("client")), made.request)
        step: dict[str, Any] = {"name": text_of(endpoint.get("name")) or f"step {len(steps) + 1}", "request": made.request}
        step["expect"] = _expect(question, endpoint, say)
        captured = _captures(question, table(endpoint.get("store")), names)
        steps.append({**step, "capture": captured} if captured else step)
        bases.append(made)
    if not steps:
        question.leave_out("it has no endpoints")
        return
    for step, made in zip(steps, bases, strict=True):
        if made.base != bases[0].base:
            step["request"]["path"] = f"{made.base}{made.request['path']}"
    question.spot = draft.spot(bases[0].base, auth=bases[0].auth)
    if context := table(suite.get("context")):
        question.lose("context", context, "values that a suite begins with are not carried over; write them where they are used")
    question.keys |= {"probe": "http", "steps": steps}


def _captures(question: Question, store: dict[str, Any], names: set[str]) -> dict[str, Any]:
    captured = {}
    for name, where in store.items():
        found = re.fullmatch(r"(?i)\[BODY\](.*)", text_of(where))
        path = path_of(found.group(1)) if found else None
        if path is None:
            question.lose(f"store.{name}", where, "only a value of the body can be taken")
            continue
        names.add(name)
        captured[capture_name(name)] = {"json": path}
    return captured


def _window(draft: Draft, window: dict[str, Any], about: Question | None) -> None:
    if not window or ("enabled" in window and not truth(window["enabled"])):
        return
    start = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text_of(window.get("start")))
    lasts = go_duration(window.get("duration"))
    days = [_DAYS.index(day) for day in map(text_of, listing(window.get("every"))) if day in _DAYS]
    if not start or not lasts:
        (about or draft).lose("maintenance", window, "it has no start and duration that can be read")
        return
    cron = f"{int(start[2])} {int(start[1])} * * {','.join(map(str, sorted(days))) or '*'}"
    name = f"maintenance of {about.title}" if about else "maintenance"
    made = {"name": name, "cron": cron, "timezone": text_of(window.get("timezone")) or "UTC", "lasts": seconds(max(lasts, 1))}
    draft.keep(made, about)


FORMAT = Format("gatus", "a Gatus configuration", _looks, _draft, "it has no list of 'endpoints'")
