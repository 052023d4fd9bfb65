"""This file is for the Blackbox exporter's modules that speak no HTTP: tcp, dns, grpc."""

from __future__ import annotations

import re
from typing import Any

from scenarios.importing.blackbox_http import tls_of
from scenarios.importing.draft import Draft, Question, bracketed
from scenarios.importing.expecting import escape
from scenarios.importing.language import go_duration, literal, seconds
from scenarios.importing.ports import Port, ask_dns, ask_grpc, ask_tcp, host_and_port
from scenarios.importing.reading import listing, table, text_of, truth

_RULES = {
    "fail_if_matches_regexp": ("every", "not_matches"),
    "fail_if_not_matches_regexp": ("every", "matches"),
    "fail_if_none_matches_regexp": ("any", "matches"),
    "fail_if_all_match_regexp": ("any", "not_matches"),
}
_FAMILY = "IPv4 is taken where a name has both"


def ask_tcp_module(draft: Draft, question: Question, module: dict[str, Any], target: str) -> None:
    """Make the scenario of a tcp module: one exchange of its `query_response`."""
    tcp = table(module.get("tcp"))
    host, port = _place(target)
    send, expect = "", dict[str, Any]()
    for number, step in enumerate(map(table, listing(tcp.get("query_response")))):
        if step.get("labels"):
            question.mention(f"query_response[{number}].labels", step["labels"], "metrics have the labels that all kinds have")
        if truth(step.get("starttls")):
            question.lose(f"query_response[{number}]", step, "no STARTTLS is spoken")
            break
        pattern = text_of(step.get("expect")) or escape(text_of(step.get("expect_bytes")))
        if expect and (pattern or step.get("send")):
            question.lose(f"query_response[{number}]", step, "one thing is sent and one answer is looked at")
            break
        if pattern and step.get("send"):
            question.lose(f"query_response[{number}].send", step["send"], "what is sent after an answer cannot be said")
        elif step.get("send"):
            send += literal(text_of(step["send"])) + "\n"  # the exporter ends each with a line end
        if pattern:
            expect = {"matches": f"(?m){literal(pattern)}"}
    timeout = go_duration(module.get("timeout"))
    tls = tls_of(question, table(tcp.get("tls_config")))
    ask_tcp(question, host, port, send=send, expect=expect, tls=truth(tcp.get("tls")))
    _end(draft, question, tcp, host, tls)
    if timeout and expect and not question.left_out:
        question.keys["answer_within"] = seconds(timeout)
    if tls.get("server_name") and truth(tcp.get("tls")):
        question.keys["server_name"] = tls["server_name"]


def ask_dns_module(draft: Draft, question: Question, module: dict[str, Any], target: str) -> None:
    """Make the scenario of a dns module, whose target is the name server."""
    dns = table(module.get("dns"))
    if truth(dns.get("dns_over_tls")):
        question.leave_out("DNS over TLS is not spoken")
        return
    if text_of(dns.get("transport_protocol")) == "tcp":
        question.lose("transport_protocol", "tcp", "TCP is used only where an answer does not fit one datagram")
    for key in ("validate_authority_rrs", "validate_additional_rrs", "query_class", "recursion_desired"):
        if key in dns and dns[key] not in ("IN", True):
            question.lose(key, dns[key], "of an answer only its own records are judged")
    codes = [text_of(code) for code in listing(dns.get("valid_rcodes"))] or ["NOERROR"]
    if len(codes) > 1:
        question.lose("valid_rcodes", codes, "one code can be expected; the first one is")
    expected = _records(question, table(dns.get("validate_answer_rrs")))
    name = literal(text_of(dns.get("query_name")).rstrip("."))
    host, port = host_and_port(target.partition("://")[2] or target)
    resolver = f"{bracketed(host)}:{port}" if port else host
    ask_dns(question, name, (text_of(dns.get("query_type")) or "ANY").upper(), resolver=resolver, expect=expected, rcode=codes[0])
    _end(draft, question, dns, host, {})


def ask_grpc_module(draft: Draft, question: Question, module: dict[str, Any], target: str) -> None:
    """Make the scenario of a grpc module."""
    grpc = table(module.get("grpc"))
    host, port = _place(target)
    if grpc.get("metadata"):
        question.lose("metadata", grpc["metadata"], "no metadata is sent")
    tls = tls_of(question, table(grpc.get("tls_config")))
    ask_grpc(question, host, port, tls=truth(grpc.get("tls")), service=literal(text_of(grpc.get("service"))))
    _end(draft, question, grpc, host, tls)


def _records(question: Question, rules: dict[str, Any]) -> dict[str, Any]:
    """Return what is expected of the records. Blackbox compares whole lines, a suite the record's own value."""
    expected: dict[str, Any] = {}
    for rule, (which, operator) in _RULES.items():
        for pattern in map(text_of, listing(rules.get(rule))):
            part = expected.setdefault(which, {})
            if re.search(r"\t|\\t|\\s|\bIN\b", pattern):
                question.lose(
                    f"validate_answer_rrs.{rule}", pattern, "it is about the whole line; only a record's value is compared"
                )
            elif operator in part:
                question.lose(f"validate_answer_rrs.{rule}", pattern, "it is compared in this way already")
            else:
                part[operator] = literal(pattern)
    return {which: part for which, part in expected.items() if part}


def _place(target: str) -> tuple[str, Port]:
    scheme, colon, rest = target.partition("://")
    return host_and_port(rest if colon else target, {"https": 443, "http": 80}.get(scheme) if colon else None)


def _end(draft: Draft, question: Question, options: dict[str, Any], host: str, tls: dict[str, Any]) -> None:
    if question.left_out:
        return
    if "source_ip_address" in options:
        question.lose("source_ip_address", options["source_ip_address"], "the machine chooses the address that it asks from")
    if "preferred_ip_protocol" in options:
        question.mention("preferred_ip_protocol", options["preferred_ip_protocol"], _FAMILY)
    of_target = {key: value for key, value in tls.items() if key != "server_name"}
    if of_target:
        question.spot = draft.spot(f"https://{bracketed(host)}", tls=of_target)
