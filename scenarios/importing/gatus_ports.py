"""This file is for the endpoints of Gatus that speak no HTTP: tcp, tls, starttls, dns, websocket, grpc, ssh."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from scenarios.importing.draft import Draft, Question
from scenarios.importing.gatus_conditions import Condition, Judge, days_of, is_yes, text_condition
from scenarios.importing.language import Say, go_duration, place
from scenarios.importing.ports import ask_dns, ask_grpc, ask_tcp, ask_tls, ask_websocket, host_and_port
from scenarios.importing.reading import listing, table, text_of, truth

_CANNOT = {
    "icmp": "no ICMP is sent: it needs rights that a probe should not have; ask a port of the host with 'tcp' instead",
    "udp": "nothing is known of a UDP service without its protocol",
    "sctp": "SCTP is not spoken",
}


def ask_port(draft: Draft, question: Question, endpoint: dict[str, Any], say: Say) -> None:
    """Make the scenario of an endpoint that is not asked by HTTP."""
    scheme, _, rest = say(text_of(endpoint.get("url"))).partition("://")
    if isinstance(endpoint.get("dns"), dict):
        _dns(draft, question, endpoint, say)
        return
    if scheme in _CANNOT or scheme not in _WAYS:
        question.leave_out(_CANNOT.get(scheme, "its address has no scheme that is known"))
        return
    for key in ("method", "headers") if scheme not in ("ws", "wss") else ("method",):
        if endpoint.get(key):
            question.lose(key, endpoint[key], "it means nothing here")
    _WAYS[scheme](draft, question, endpoint, rest, say)
    client = table(endpoint.get("client"))
    if truth(client.get("insecure")) and question.spot is None and scheme in ("tls", "starttls", "grpcs", "wss"):
        question.lose("client.insecure", True, "set 'tls: {verify: false}' at the target, if it has to be")
    if client.get("timeout") and go_duration(client["timeout"]) is None:
        question.lose("client.timeout", client["timeout"], "it is no duration that can be read")


def _conditions(question: Question, endpoint: dict[str, Any]) -> list[tuple[str, Condition]]:
    """Return the conditions, without those that a connection fulfils."""
    made = []
    for text in map(text_of, listing(endpoint.get("conditions"))):
        condition = Condition(text)
        if condition.subject == "CONNECTED" and is_yes(condition):
            continue
        made.append((text, condition))
    return made


def _answered(question: Question, endpoint: dict[str, Any], say: Say, text_subject: str = "BODY") -> tuple[dict[str, Any], str]:
    """Return what is expected of a text that came back, and the longest time it may take."""
    expected: dict[str, Any] = {}
    judge, add = Judge(say), _adding(expected)
    for text, condition in _conditions(question, endpoint):
        if condition.subject == "RESPONSE_TIME":
            trouble = judge.http(text)
        elif condition.subject == text_subject and not condition.path and not condition.function:
            trouble = text_condition(condition, say, add)
        else:
            trouble = "it cannot be said of what comes back here"
        if trouble:
            question.lose("conditions", text, trouble)
    return expected, judge.expecting.made.get("duration", "")


def _tcp(draft: Draft, question: Question, endpoint: dict[str, Any], rest: str, say: Say) -> None:
    expected, duration = _answered(question, endpoint, say)
    ask_tcp(question, *host_and_port(rest), send=say(text_of(endpoint.get("body"))), expect=expected, duration=duration)


def _ssh(draft: Draft, question: Question, endpoint: dict[str, Any], rest: str, say: Say) -> None:
    host, port = host_and_port(rest, 22)
    if table(endpoint.get("ssh")).get("username") or endpoint.get("body"):
        question.lose(
            "ssh", endpoint.get("ssh"), "nobody signs in and no command is run; only the server's greeting is looked at"
        )
    for text, condition in _conditions(question, endpoint):
        if condition.subject != "STATUS" or condition.value != "0":
            question.lose("conditions", text, "it cannot be said of a greeting")
    ask_tcp(question, host, port, expect={"matches": "^SSH-"})


def _tls(draft: Draft, question: Question, endpoint: dict[str, Any], rest: str, say: Say, starttls: bool = False) -> None:
    days: Any = None
    for text, condition in _conditions(question, endpoint):
        found = days_of(condition) if condition.subject == "CERTIFICATE_EXPIRATION" else None
        if found is None or days is not None:
            question.lose("conditions", text, "of a TLS endpoint only the certificate's days are judged")
        else:
            days = next(iter(found.values()))
    host, port = host_and_port(rest, 443)
    if starttls:
        question.leave_out("no STARTTLS is spoken; ask the certificate of a port that speaks TLS from the start")
        return
    ask_tls(question, host, port, days_left=days)


def _starttls(draft: Draft, question: Question, endpoint: dict[str, Any], rest: str, say: Say) -> None:
    _tls(draft, question, endpoint, rest, say, starttls=True)


def _dns(draft: Draft, question: Question, endpoint: dict[str, Any], say: Say) -> None:
    dns = table(endpoint.get("dns"))
    url = say(text_of(endpoint.get("url")))
    name, kind = say(text_of(dns.get("query-name"))), text_of(dns.get("query-type")) or "A"
    rcode, duration, expected = "", "", dict[str, Any]()
    judge = Judge(say)
    for text, condition in _conditions(question, endpoint):
        trouble = "it cannot be said of a name server's answer"
        if condition.subject == "DNS_RCODE" and condition.operator == "==":
            rcode, trouble = condition.value, ""
        elif condition.subject == "RESPONSE_TIME":
            trouble = judge.http(text)
            duration = judge.expecting.made.get("duration", "")
        elif condition.subject == "BODY" and not condition.path and not condition.function:
            # Gatus looks at one record of the answer; which one, the server's order decides
            part = expected.setdefault("any" if condition.operator == "==" else "every", {})
            trouble = text_condition(condition, say, _adding(part))
        if trouble:
            question.lose("conditions", text, trouble)
    resolver = url.partition("://")[2] or url
    ask_dns(question, name.rstrip("."), kind.upper(), resolver=resolver, expect=expected, rcode=rcode, duration=duration)


def _adding(expected: dict[str, Any]) -> Callable[[str, Any], str]:
    def add(operator: str, value: Any) -> str:
        if operator in expected:
            return "it is compared in this way already"
        expected[operator] = value
        return ""

    return add


def _websocket(draft: Draft, question: Question, endpoint: dict[str, Any], rest: str, say: Say) -> None:
    expected, duration = _answered(question, endpoint, say)
    if duration:
        question.lose("conditions", f"[RESPONSE_TIME] < {duration}", "how long an answer takes is not judged")
    url = text_of(endpoint.get("url"))
    headers = {str(k): text_of(v) for k, v in table(endpoint.get("headers")).items()}
    ask_websocket(
        draft, question, url, send=with_nonce(say(text_of(endpoint.get("body")))), expect=expected, headers=headers, say=say
    )


def with_nonce(said: str) -> str:
    """Return a text with what Gatus makes up by chance as our own nonce, which is fresh each time too."""
    return re.sub(r"\[RANDOM_STRING_\d+\]", place("nonce"), said)


def _grpc(draft: Draft, question: Question, endpoint: dict[str, Any], rest: str, say: Say) -> None:
    for text, condition in _conditions(question, endpoint):
        healthy = condition.subject == "BODY" and "SERVING" in condition.value and "NOT" not in condition.value
        if not healthy:
            question.lose("conditions", text, "of a gRPC endpoint only its health is judged")
    tls = text_of(endpoint.get("url")).startswith("grpcs")
    host, port = host_and_port(rest, 443 if tls else 80)
    ask_grpc(question, host, port, tls=tls)


_WAYS = {
    "tcp": _tcp,
    "tls": _tls,
    "starttls": _starttls,
    "ssh": _ssh,
    "ws": _websocket,
    "wss": _websocket,
    "grpc": _grpc,
    "grpcs": _grpc,
}
