"""This file is for curl: each command line, as people type it or as a browser copies it, becomes one scenario."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from scenarios.importing.curl_options import FLAGS, LONG, SHORT, TAKES, WITHOUT_MEANING
from scenarios.importing.draft import Commented, Draft, Question, new_draft
from scenarios.importing.formats import Format
from scenarios.importing.language import seconds
from scenarios.importing.reading import Input
from scenarios.importing.requesting import MOST_HOPS, Asked, ask_http, plain_address, writes
from scenarios.importing.shell import CURL, Word, commands, say_of

_LONGEST_S = 86_000.0
_NO_FILES = "a suite sends no file of yours"


@dataclass(slots=True)
class _Line:
    """One curl command, its options read."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    json: bool = False
    parts: list[tuple[str, str]] | None = None
    basic: tuple[str, str] | None = None
    tls: dict[str, object] = field(default_factory=dict)
    redirects: int | None = None
    most_redirects: int = 50  # curl's own default
    timeout: float | None = None
    retries: int = 0
    get: bool = False
    head: bool = False
    fail: bool = False


def _looks(given: Input) -> bool:
    return bool(CURL.search(given.text[:2_000_000]))


def _draft(given: Input) -> Draft:
    draft = new_draft("curl", "command", "the curl commands in")
    draft.vault.about.clear()
    for command in (part for whole in commands(given) for part in _parted(whole)):
        question = draft.ask("")
        line = _read(question, command)
        if not line.urls:
            question.leave_out("it has no address")
        for number, url in enumerate(line.urls):
            one = question if number == 0 else draft.ask("")
            _scenario(draft, one, line, url)
    return draft


def _parted(words: list[Word]) -> Iterator[list[Word]]:
    """Yield the parts of a command between `--next`, each of which has options of its own."""
    start = 0
    for place, word in enumerate(words):
        if word.text in ("--next", "-:"):
            yield words[start:place]
            start = place + 1
    yield words[start:]


def _read(question: Question, words: list[Word]) -> _Line:
    line, left = _Line(), list(words)
    while left:
        word = left.pop(0)
        if word.text == "--":
            line.urls += [one.text for one in left]
            break
        if not word.text.startswith("-") or word.text == "-":
            line.urls.append(word.text)
            continue
        for name, value in _options(word.text, left):
            _apply(question, line, name, value)
    return line


def _options(text: str, left: list[Word]) -> list[tuple[str, str]]:
    """Return the options of one word, such as `-sSLX`, each with its value, which may be the next word."""
    if text.startswith("--"):
        name, equals, value = text[2:].partition("=")
        if equals or name not in TAKES:
            return [(name, value)]
        return [(name, left.pop(0).text if left else "")]
    found: list[tuple[str, str]] = []
    for place, sign in enumerate(text[1:], 1):
        name = SHORT.get(sign, sign)
        if name in TAKES:
            rest = text[place + 1 :]
            return [*found, (name, rest or (left.pop(0).text if left else ""))]
        found.append((name, ""))
    return found


def _apply(question: Question, line: _Line, name: str, value: str) -> None:
    name = LONG.get(name, name)
    if name in WITHOUT_MEANING:
        return
    if name in FLAGS:
        setattr(line, FLAGS[name], True)
    elif name == "insecure":
        line.tls["verify"] = False
    elif name in ("data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json"):
        _data(question, line, name, value)
    elif name in ("form", "form-string"):
        _part(question, line, name, value)
    elif name in _SETTERS:
        _SETTERS[name](line, value)
    elif name == "header" and value[:1] != "@":
        _header(line, value)
    elif name == "cookie" and "=" in value:
        line.headers.append(("Cookie", value))
    else:
        question.lose(f"{'-' if len(name) == 1 else '--'}{name}", value, _why_not(name))


def _data(question: Question, line: _Line, name: str, value: str) -> None:
    if (value.startswith("@") and name != "data-raw") or (name == "data-urlencode" and re.match(r"[^=@]*@", value)):
        question.leave_out(f"its body stands in the file '{value.partition('@')[2]}', and {_NO_FILES}")
        return
    if name == "data-urlencode":
        key, equals, content = value.partition("=")
        value = (f"{key}=" if equals and key else "") + _quoted(content if equals else key)
    elif name in ("data", "data-ascii"):
        value = value.replace("\r", "").replace("\n", "")
    elif name == "json":
        line.json = True
        line.data = ["".join([*line.data, value])]
        return
    line.data.append(value)


def _quoted(text: str) -> str:
    """Return a text percent-encoded, the marks of variables kept."""
    return "".join(sign if sign in "\ue000\ue001" else quote(sign, safe="") for sign in text)


def _part(question: Question, line: _Line, name: str, value: str) -> None:
    key, _, content = value.partition("=")
    if name == "form" and content[:1] in ("@", "<"):
        question.leave_out(f"its form sends the file '{content[1:].partition(';')[0]}', and {_NO_FILES}")
        return
    plain = content if name == "form-string" else content.partition(";type=")[0].strip('"')
    line.parts = [*(line.parts or []), (key, plain)]


def _header(line: _Line, value: str) -> None:
    name, colon, content = value.partition(":")
    if colon and content.strip():
        line.headers.append((name.strip(), content.strip()))
    elif not colon and value.endswith(";"):
        line.headers.append((value[:-1].strip(), ""))


def _user(line: _Line, value: str) -> None:
    name, _, password = value.partition(":")
    line.basic = (name, password)


def _time(line: _Line, value: str) -> None:
    try:
        line.timeout = min(max(float(value), 0.001), _LONGEST_S)
    except ValueError:
        line.timeout = None


def _count(line: _Line, field_name: str, value: str) -> None:
    if value.lstrip("-").isdigit():
        setattr(line, field_name, int(value))


_SETTERS: dict[str, Callable[[_Line, str], None]] = {
    "url": lambda line, value: line.urls.append(value),
    "request": lambda line, value: setattr(line, "method", value),
    "user": _user,
    "oauth2-bearer": lambda line, value: line.headers.append(("Authorization", f"Bearer {value}")),
    "user-agent": lambda line, value: line.headers.append(("User-Agent", value)),
    "referer": lambda line, value: line.headers.append(("Referer", value)),
    "cacert": lambda line, value: line.tls.update(ca_file=value),
    "cert": lambda line, value: line.tls.update(client_certificate=value.partition(":")[0]),
    "key": lambda line, value: line.tls.update(client_key=value),
    "max-time": _time,
    "retry": lambda line, value: _count(line, "retries", value),
    "max-redirs": lambda line, value: _count(line, "most_redirects", value),
    "compressed": lambda line, value: None,
}


def _why_not(name: str) -> str:
    reasons = {
        "resolve": "a target is asked where its name leads; there is no table of addresses",
        "connect-to": "a target is asked where its name leads; there is no table of addresses",
        "proxy": "requests go straight to the target",
        "cookie": "cookies of a file are not read; those that earlier steps were given are sent back by themselves",
        "header": "headers of a file are not read",
        "connect-timeout": "the target's 'limits.connect' bounds resolving, connecting and TLS together (5 s)",
        "upload-file": _NO_FILES,
        "http2": "the client speaks HTTP/1.1",
        "http3": "the client speaks HTTP/1.1",
        "digest": "only Basic authentication and bearer tokens are sent",
        "ntlm": "only Basic authentication and bearer tokens are sent",
        "negotiate": "only Basic authentication and bearer tokens are sent",
        "aws-sigv4": "only Basic authentication and bearer tokens are sent",
    }
    return reasons.get(name, "a suite has nothing like this option")


def _scenario(draft: Draft, question: Question, line: _Line, url: str) -> None:
    say = say_of(draft.vault)
    if "://" not in url and not url.startswith("\ue000"):
        url = f"http://{url}"  # as curl guesses
    body = None if not line.data else ("".join(line.data) if line.json else "&".join(line.data))
    if body is not None and line.get:
        url, body = f"{url}{'&' if '?' in url else '?'}{body}", None
    method = line.method or ("HEAD" if line.head else "POST" if body is not None or line.parts else "GET")
    asked = Asked(url, method, list(line.headers), body, parts=line.parts, basic=line.basic, tls=dict(line.tls), say=say)
    _content_type(asked, line)
    question.title = f"{method} {plain_address(say(url))}"
    request = ask_http(draft, question, asked)
    if request is None:
        return
    if line.redirects:
        request["follow_redirects"] = _hops(line.most_redirects)
    if line.timeout is not None:
        request["timeout"] = seconds(line.timeout)
        if line.timeout > 25:
            question.keys["timeout"] = seconds(line.timeout + 5)
    question.keys["expect"] = {"status": "2xx"}
    if line.retries:
        question.keys["retry"] = {"times": min(line.retries, 10)}
    wrote = writes(method, str(request["path"]), body)
    if wrote is not None:
        question.keys["writes"] = wrote


def _hops(most: int) -> int | Commented:
    return most if 0 <= most <= MOST_HOPS else Commented(MOST_HOPS, f"curl: {'without end' if most < 0 else most}")


def _content_type(asked: Asked, line: _Line) -> None:
    given = {name.lower() for name, _ in asked.headers}
    if asked.body is not None and "content-type" not in given:
        asked.headers.append(("Content-Type", "application/json" if line.json else "application/x-www-form-urlencoded"))
    if line.json and "accept" not in given:
        asked.headers.append(("Accept", "application/json"))


FORMAT = Format("curl", "a file of curl commands", _looks, _draft, "no command in it is 'curl'")
