"""This file is for Uptime Kuma: the monitors of its JSON backup. Source: its server/model/monitor.js, versions 1 and 2."""

from __future__ import annotations

import json
import re
from typing import Any

from scenarios.importing.draft import Draft, Question, new_draft
from scenarios.importing.expecting import Expecting
from scenarios.importing.formats import Format
from scenarios.importing.language import literal, seconds, unfilled, word
from scenarios.importing.ports import ask_dns, ask_grpc, ask_tcp, ask_websocket, host_and_port
from scenarios.importing.reading import Input, listing, table, text_of, truth
from scenarios.importing.requesting import MOST_HOPS, Asked, ask_http
from scenarios.importing.uptime_kuma_values import codes, json_query, number

_HTTP = frozenset({"http", "keyword", "json-query"})
_CANNOT = {
    "ping": "no ICMP is sent: it needs rights that a probe should not have; ask a port of the host with 'tcp' instead",
    "docker": "containers are not looked at from outside; ask what runs in them",
    "real-browser": "a page is looked at by the probe 'browser', which needs to be told what to see",
    "manual": "a person sets its state",
    "globalping": "questions are asked from here only",
    "tailscale-ping": "no ICMP is sent",
    "steam": "game servers' protocols are not spoken",
    "gamedig": "game servers' protocols are not spoken",
}
_DATABASES = frozenset(
    {"postgres", "mysql", "mariadb", "sqlserver", "mongodb", "redis", "radius", "mqtt", "kafka-producer", "rabbitmq", "snmp"}
)
_SOMEWHERE_ELSE = {
    "notificationIDList": "who is told is said where Vedette runs, not in a suite",
    "proxyId": "requests go straight to the target",
}


def _looks(given: Input) -> bool:
    return "monitorList" in table(given.value)


def _draft(given: Input) -> Draft:
    draft = new_draft("uptime-kuma", "monitor", "the Uptime Kuma backup")
    backup = table(given.value)
    monitors = backup["monitorList"]
    found = list(monitors.values()) if isinstance(monitors, dict) else listing(monitors)
    if not isinstance(monitors, dict | list):
        raise given.refuse("'monitorList' should be a list of monitors", "monitorList")
    names = {text_of(m.get("id")): text_of(m.get("name")) for m in map(table, found) if m.get("type") == "group"}
    for number_, monitor in enumerate(map(table, found)):
        if monitor.get("type") == "group":  # asks nothing itself; its monitors are tagged with its name
            continue
        question = draft.ask(text_of(monitor.get("name")), "monitorList", number_)
        _monitor(draft, question, monitor, names)
    for key, value in backup.items():
        if key not in ("monitorList", "version") and value:
            draft.mention(
                key, f"{len(value)} of them" if isinstance(value, list | dict) else "", "it is about Uptime Kuma itself"
            )
    return draft


def _monitor(draft: Draft, question: Question, monitor: dict[str, Any], groups: dict[str, str]) -> None:
    kind = text_of(monitor.get("type"))
    if "active" in monitor and not truth(monitor["active"]) and monitor["active"] is not None:
        question.leave_out("it is paused")
    _common(question, monitor, groups)
    if truth(monitor.get("upsideDown")):
        question.leave_out("it is upside down: being there is the failure; 'closed: true' of the probe 'tcp' says that of a port")
    if kind in _HTTP:
        _http(draft, question, monitor, kind)
    elif kind == "push":
        _push(question, monitor)
    elif kind in _WAYS:
        _WAYS[kind](draft, question, monitor)
    elif kind in _DATABASES:
        question.leave_out(f"'{kind}' is not spoken; ask the port with 'tcp', or a health address that looks at it")
    else:
        question.leave_out(_CANNOT.get(kind, f"nothing is known of monitors of the type '{kind[:40]}'"))


def _common(question: Question, monitor: dict[str, Any], groups: dict[str, str]) -> None:
    tags = [word(text_of(table(tag).get("name"))) for tag in listing(monitor.get("tags"))]
    tags += [word(groups.get(text_of(monitor.get("parent")), ""))]
    if tags := list(dict.fromkeys(filter(None, tags))):
        question.keys["tags"] = tags
    if description := text_of(monitor.get("description")).strip():
        question.keys["why"] = unfilled(description)
    question.keys["schedule"] = {"every": seconds(min(max(number(monitor.get("interval"), 60), 1), 366 * 86_400))}
    if retries := int(number(monitor.get("maxretries"), 0)):
        question.keys["retries"] = min(retries, 10)
        if retries > 10:
            question.mention("maxretries", retries, "at most 10 times")
    for key, why in _SOMEWHERE_ELSE.items():
        if monitor.get(key):
            question.mention(key, len(monitor[key]) if isinstance(monitor[key], dict) else monitor[key], why)


def _http(draft: Draft, question: Question, monitor: dict[str, Any], kind: str) -> None:
    tls: dict[str, Any] = {"verify": False} if truth(monitor.get("ignoreTls")) else {}
    basic = None
    way = text_of(monitor.get("authMethod")) or ("basic" if monitor.get("basic_auth_user") else "")
    if way == "basic":
        basic = (text_of(monitor.get("basic_auth_user")), text_of(monitor.get("basic_auth_pass")))
    elif way:
        question.lose("authMethod", way, "only Basic authentication and bearer tokens are sent; give 'auth' at the target")
    body, encoding = text_of(monitor.get("body")), text_of(monitor.get("httpBodyEncoding"))
    headers = _headers(question, monitor)
    if body and "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(
            (
                "Content-Type",
                {"xml": "text/xml; charset=utf-8", "form": "application/x-www-form-urlencoded"}.get(encoding, "application/json"),
            )
        )
    method = text_of(monitor.get("method")) or "GET"
    request = ask_http(draft, question, Asked(text_of(monitor.get("url")), method, headers, body or None, basic=basic, tls=tls))
    if request is None:
        return
    hops = int(number(monitor.get("maxredirects"), 10))
    if hops > 0:
        request["follow_redirects"] = min(hops, MOST_HOPS)
    if timeout := number(monitor.get("timeout"), 0):
        request["timeout"] = seconds(timeout)
        if timeout > 25:
            question.keys["timeout"] = seconds(timeout + 5)
    if truth(monitor.get("cacheBust")):
        request["path"] += ("&" if "?" in request["path"] else "?") + "uptime_kuma_cachebuster={{nonce}}"
    question.keys["expect"] = _expect(question, monitor, kind)
    _certificate(question, monitor)


def _headers(question: Question, monitor: dict[str, Any]) -> list[tuple[str, str]]:
    given = monitor.get("headers")
    if isinstance(given, str) and given.strip():
        try:
            given = json.loads(given)
        except ValueError:
            question.lose("headers", "***", "they are no JSON object")
    return [(str(name), text_of(value)) for name, value in table(given).items()]


def _expect(question: Question, monitor: dict[str, Any], kind: str) -> dict[str, Any]:
    expecting = Expecting()
    if trouble := codes(expecting, [text_of(code) for code in listing(monitor.get("accepted_statuscodes"))]):
        question.lose("accepted_statuscodes", monitor.get("accepted_statuscodes"), trouble)
    if kind == "keyword":
        operator = "not_contains" if truth(monitor.get("invertKeyword")) else "contains"
        if trouble := expecting.body(operator, literal(text_of(monitor.get("keyword")))):
            question.lose("keyword", monitor.get("keyword"), trouble)
    if kind == "json-query" and (trouble := json_query(expecting, monitor)):
        what = f"{monitor.get('jsonPath')} {monitor.get('jsonPathOperator', '==')} {monitor.get('expectedValue')}"
        question.lose("jsonPath", what, trouble)
    return expecting.done()


def _certificate(question: Question, monitor: dict[str, Any]) -> None:
    if truth(monitor.get("expiryNotification")):
        question.mention("expiryNotification", True, "add 'certificate_days: 14' to 'expect', or a scenario with the probe 'tls'")
    if truth(monitor.get("domainExpiryNotification")):
        question.mention("domainExpiryNotification", True, "no registry is asked when a domain ends")


def _push(question: Question, monitor: dict[str, Any]) -> None:
    question.keys.pop("retries", None)
    retries, every = int(number(monitor.get("maxretries"), 0)), max(number(monitor.get("interval"), 60), 1)
    pause = number(monitor.get("retryInterval"), every) or every
    question.keys |= {"probe": "heartbeat", "grace": seconds(max(min(retries * pause, 31 * 86_400), 1))}
    question.mention("pushToken", "***", "the job reports to an address of its own: `vedette heartbeat url` prints it")


def _port(draft: Draft, question: Question, monitor: dict[str, Any]) -> None:
    ask_tcp(question, literal(text_of(monitor.get("hostname"))), int(number(monitor.get("port"), 0)) or None)


def _dns(draft: Draft, question: Question, monitor: dict[str, Any]) -> None:
    for condition in listing(monitor.get("conditions")):
        question.lose("conditions", condition, "write what is expected under 'expect'")
    servers = text_of(monitor.get("dns_resolve_server")).split(",")
    port = int(number(monitor.get("port"), 53)) or 53
    resolver = servers[0].strip()
    if len(servers) > 1:
        question.lose("dns_resolve_server", monitor["dns_resolve_server"], "the first server alone is asked")
    resolver = f"{resolver}:{port}" if resolver and port != 53 else resolver
    kind = text_of(monitor.get("dns_resolve_type")) or "A"
    ask_dns(question, literal(text_of(monitor.get("hostname"))), kind, resolver=resolver)


def _grpc(draft: Draft, question: Question, monitor: dict[str, Any]) -> None:
    service = text_of(monitor.get("grpcServiceName"))
    if service.lower() not in ("health", "grpc.health.v1.health") or text_of(monitor.get("grpcMethod")).lower() != "check":
        question.leave_out("of gRPC only the standard health service (grpc.health.v1.Health/Check) is asked")
        return
    inverted = truth(monitor.get("invertKeyword"))
    if inverted or text_of(monitor.get("keyword")) not in ("SERVING", ""):
        question.lose("keyword", monitor.get("keyword"), "the health service should say SERVING")
    host, port = host_and_port(literal(text_of(monitor.get("grpcUrl"))))
    found = re.search(r'"service"\s*:\s*"([^"]*)"', text_of(monitor.get("grpcBody")))
    ask_grpc(question, host, port, tls=truth(monitor.get("grpcEnableTls")), service=found[1] if found else "")


def _websocket(draft: Draft, question: Question, monitor: dict[str, Any]) -> None:
    ask_websocket(draft, question, text_of(monitor.get("url")), say=literal)


_WAYS = {"port": _port, "dns": _dns, "grpc-keyword": _grpc, "websocket-upgrade": _websocket}

FORMAT = Format("uptime-kuma", "an Uptime Kuma backup", _looks, _draft, "it has no 'monitorList'")
