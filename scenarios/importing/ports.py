"""This file is for questions that are not asked by HTTP: `tcp`, `tls`, `dns`, `websocket`, `grpc_health`."""

from __future__ import annotations

import re
from typing import Any

from scenarios.importing.draft import Draft, Question, knows
from scenarios.importing.language import PLACE, Say
from scenarios.importing.requesting import Asked, request_of

Port = int | str | None


def host_and_port(rest: str, otherwise: Port = None) -> tuple[str, Port]:
    """Return host and port of what stands behind `://`, in the suite's language; a port may be a place."""
    where = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    found = re.fullmatch(r"\[([^\]]+)\](?::(.*))?", where) or re.fullmatch(r"((?:\{\{[^{}]*\}\}|[^:])*)(?::(.*))?", where)
    if found is None:  # an IPv6 address without brackets
        return where, otherwise
    host, port = found[1], found[2]
    if not port:
        return host, otherwise
    return host, int(port) if re.fullmatch(r"[0-9]{1,5}", port) else port


def ask_tcp(
    question: Question,
    host: str,
    port: Port,
    *,
    send: str = "",
    expect: dict[str, Any] | None = None,
    duration: str = "",
    tls: bool = False,
) -> None:
    """Make a `tcp` scenario: the port takes connections, and says what is expected."""
    if port is None:
        question.leave_out("it has no port")
        return
    keys: dict[str, Any] = {"host": host, "port": port}
    if tls:
        keys["tls"] = True
    if send and is_binary(send):
        keys["send_hex"] = send.encode("latin-1").hex()
    elif send:
        keys["send"] = send
    if expect:
        keys["expect"] = expect
    if duration:
        keys["duration"] = duration
    _ask(question, "tcp", host, keys)


def is_binary(text: str) -> bool:
    """Say whether a text is bytes, one a character, that no text would hold."""
    return any(sign < " " and sign not in "\r\n\t" for sign in text) and all(sign < "\u0100" for sign in text)


def ask_tls(question: Question, host: str, port: Port, *, days_left: Any = None, server_name: str = "") -> None:
    """Make a `tls` scenario: the certificate is trusted, and valid for so many days."""
    keys: dict[str, Any] = {"host": host, "port": port}
    if server_name and server_name != host:
        keys["server_name"] = server_name
    if days_left is not None:
        keys["days_left"] = days_left
    _ask(question, "tls", host, keys)


def ask_dns(
    question: Question,
    name: str,
    kind: str,
    *,
    resolver: str = "",
    expect: dict[str, Any] | None = None,
    rcode: str = "",
    duration: str = "",
) -> None:
    """Make a `dns` scenario: a name has records as expected, or must not exist."""
    keys: dict[str, Any] = {"host": name, "type": kind}
    if resolver:
        keys["resolver"] = resolver
    if rcode == "NXDOMAIN":
        keys["nxdomain"] = True
    elif rcode not in ("", "NOERROR"):
        question.lose("rcode", rcode, "of a name server's codes only NOERROR and NXDOMAIN can be expected")
    elif expect:
        keys["expect"] = expect
    if duration:
        keys["duration"] = duration
    _ask(question, "dns", host_and_port(resolver)[0] if resolver else "", keys)


def ask_grpc(question: Question, host: str, port: Port, *, tls: bool = False, service: str = "") -> None:
    """Make a `grpc_health` scenario: the standard health service says SERVING."""
    keys: dict[str, Any] = {"host": host, "port": port, "tls": tls}
    if service:
        keys["service"] = service
    _ask(question, "grpc_health", host, keys)


def ask_websocket(
    draft: Draft,
    question: Question,
    url: str,
    *,
    send: str = "",
    expect: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    say: Say,
) -> None:
    """Make a `websocket` scenario: the connection is upgraded, and what is sent is answered as expected."""
    if "{{nonce}}" not in send or not expect:
        question.leave_out("the probe 'websocket' wants a message with '{{nonce}}' that comes back, so that a canned one shows")
        return
    made = request_of(
        draft.vault, question, Asked(re.sub(r"(?i)^ws(s?)://", r"http\1://", url), headers=list((headers or {}).items()), say=say)
    )
    if made is None:
        return
    question.spot = draft.spot(made.base, auth=made.auth)
    keys: dict[str, Any] = {"path": made.request["path"]}
    if made.request.get("headers"):
        keys["headers"] = made.request["headers"]
    steps: list[dict[str, Any]] = [{"send": send}] if send else []
    if expect:
        steps.append({"expect": {"text": expect}})
    if steps:
        keys["steps"] = steps
    _ask(question, "websocket", "", keys)


def _ask(question: Question, kind: str, host: str, keys: dict[str, Any]) -> None:
    if not knows(kind):
        question.leave_out(f"there is no probe '{kind}'")
        return
    if "host" in keys and not keys["host"]:
        question.leave_out("it has no host")
        return
    question.host = "" if PLACE.search(host) else host
    question.keys |= {"probe": kind, **keys}
