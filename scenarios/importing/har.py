"""This file is for HAR: what a browser recorded of one site becomes one scenario with steps. Source: HAR 1.2 specification."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from scenarios.importing.draft import Draft, Question, new_draft
from scenarios.importing.formats import Format
from scenarios.importing.har_values import Kept
from scenarios.importing.language import seconds, word
from scenarios.importing.reading import Input, listing, table, text_of
from scenarios.importing.requesting import Asked, address, request_of, writes

_MOST = 300  # steps of one scenario
# Of the browser and its cache, not of the question; cookies go by themselves
_DROPPED = re.compile(
    r"(?i)sec-.*|user-agent|accept-encoding|accept-language|cache-control|pragma|priority|upgrade-insecure-requests|dnt|cookie|host"
    r"|if-none-match|if-modified-since|:.*|x-client-data|save-data|purpose|content-length|connection"
)
_ONLY_WHERE_IT_WRITES = frozenset({"origin", "referer"})
_ASSET_SORTS = frozenset(
    {"image", "font", "stylesheet", "script", "media", "manifest", "texttrack", "imageset", "css", "favicon"}
)
_ASSET_TYPES = re.compile(
    r"(?i)(?:image|font|audio|video)/|text/css|(?:text|application)/(?:x-)?javascript|application/(?:font|wasm)"
)
_ASSET_ENDINGS = re.compile(r"(?i)\.(?:png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|eot|css|m?js|map|mp4|webm|mp3)$")


def _looks(given: Input) -> bool:
    return isinstance(table(table(given.value).get("log")).get("entries"), list)


def _draft(given: Input) -> Draft:
    log = table(table(given.value)["log"])
    version = text_of(log.get("version"))
    if version and not version.startswith("1."):
        raise given.refuse(f"the version '{version[:20]}' of HAR is not known", "log", "version", remedy="known is 1.2")
    title = next((text_of(p.get("title")) for p in map(table, listing(log.get("pages")))), "")
    entries = list(map(table, log["entries"]))
    name = given.shown.rpartition("/")[2].partition(".")[0]
    draft = new_draft(word(name), "journey", "the HAR file")
    if not entries:
        return draft
    own = _own(given, entries)
    question = draft.ask(title if title and "://" not in title else f"{name} at {own.partition('://')[2]}", "log", "entries")
    chosen = _chosen(draft, entries, own, keep_assets=bool(given.extra.get("assets")))
    _journey(draft, question, chosen[:_MOST], own)
    if len(chosen) > _MOST:
        draft.lose(
            "log.entries", f"{len(chosen) - _MOST} requests", f"one scenario has {_MOST} steps at most; the first ones are kept"
        )
    return draft


def _own(given: Input, entries: list[dict[str, Any]]) -> str:
    """Return the origin that the recording is about: that of `--url`, or else of its first page."""
    if wanted := given.extra.get("url"):
        found = address(wanted)
        if found is None:
            raise given.refuse(f"--url '{wanted}' does not start with http:// or https://")
        return found[0]
    pages = [e for e in entries if text_of(e.get("_resourceType")) == "document" or _mime(e) == "text/html"]
    for entry in (*pages, *entries):
        if found := address(_url(entry)):
            return found[0]
    raise given.refuse("no request in it has an address that starts with http:// or https://", "log", "entries")


def _chosen(draft: Draft, entries: list[dict[str, Any]], own: str, *, keep_assets: bool) -> list[dict[str, Any]]:
    """Return the requests to make, in order; tell what is left out, by reason."""
    others: Counter[str] = Counter()
    reasons: Counter[tuple[str, str, bool]] = Counter()
    chosen = []
    for entry in sorted(entries, key=lambda e: text_of(e.get("startedDateTime"))):
        found = address(_url(entry))
        status = table(entry.get("response")).get("status")
        sort = text_of(entry.get("_resourceType"))
        if found is None or sort == "websocket" or status == 101:
            reasons["web sockets and local data", "no request by HTTP", True] += 1
        elif found[0] != own:
            others[found[0]] += 1
        elif sort == "preflight" or table(entry.get("request")).get("method") == "OPTIONS":
            reasons["preflight requests", "only a browser makes them", False] += 1
        elif not isinstance(status, int) or not 100 <= status <= 599:
            reasons["requests without an answer", "they were blocked or broken off", True] += 1
        elif not keep_assets and _is_asset(entry, sort, found[1]):
            reasons["scripts, styles, images and fonts", "left out unless --assets is given", False] += 1
        else:
            chosen.append(entry)
    for origin, many in others.most_common():
        draft.lose(origin, f"{many} request{'s' * (many > 1)}", "another origin; --url chooses which one is imported")
    for (what, why, lost), many in reasons.items():
        (draft.lose if lost else draft.mention)(what, f"{many} of them", why)
    return chosen


def _is_asset(entry: dict[str, Any], sort: str, rest: str) -> bool:
    path = rest.partition("?")[0]
    return sort in _ASSET_SORTS or bool(_ASSET_TYPES.match(_mime(entry))) or bool(_ASSET_ENDINGS.search(path))


def _journey(draft: Draft, question: Question, entries: list[dict[str, Any]], own: str) -> None:
    kept = Kept(draft.vault)
    steps: list[dict[str, Any]] = []
    wrote, auth, seen = None, dict[str, Any](), Counter[str]()
    for entry in entries:
        request, response = table(entry.get("request")), table(entry.get("response"))
        made = request_of(draft.vault, question, _asked(entry, request, kept))
        if made is None:
            draft.lose(_title(entry), "", question.left_out)
            question.left_out = ""
            continue
        auth = auth or made.auth
        title = draft.vault.masked(_title(entry))
        seen[title] += 1
        name = title if seen[title] == 1 else f"{title} ({seen[title]})"
        steps.append({"name": name, "request": made.request, "expect": _expect(entry, response)})
        kept.learn(steps[-1], response)
        wrote = wrote or writes(text_of(request.get("method")), made.request["path"], _sent(request))
    if not steps:
        question.leave_out("no request of the recording can be made")
        return
    kept.capture()
    question.spot = draft.spot(own, auth=auth)
    question.keys |= {"probe": "http", "steps": steps}
    if wrote is not None:
        question.keys["writes"] = wrote
    if len(steps) > 2:
        question.keys["timeout"] = seconds(min(10 * len(steps) + 5, 86_400))


def _asked(entry: dict[str, Any], request: dict[str, Any], kept: Kept) -> Asked:
    method = text_of(request.get("method")) or "GET"
    headers = []
    for header in map(table, listing(request.get("headers"))):
        name, value = text_of(header.get("name")), text_of(header.get("value"))
        if _DROPPED.fullmatch(name) or (name.lower() in _ONLY_WHERE_IT_WRITES and method in ("GET", "HEAD")):
            continue
        headers.append((name, value))
    cookies = [(text_of(c.get("name")), text_of(c.get("value"))) for c in map(table, listing(request.get("cookies")))]
    fresh = [f"{name}={value}" for name, value in cookies if name not in kept.cookies]
    if fresh:
        headers.append(("Cookie", "; ".join(fresh)))
    asked = Asked(_url(entry), method, headers, say=kept.say)
    data = table(request.get("postData"))
    mime = text_of(data.get("mimeType"))
    params = [(text_of(p.get("name")), text_of(p.get("value"))) for p in map(table, listing(data.get("params")))]
    if "multipart" in mime and params:
        asked.parts = params
    elif text_of(data.get("text")):
        asked.body = text_of(data["text"])
    elif params:
        asked.fields = params
    if mime and asked.body and "content-type" not in {name.lower() for name, _ in headers}:
        asked.headers.append(("Content-Type", mime))
    return asked


def _expect(entry: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    status = int(response["status"])
    expect: dict[str, Any] = {"status": 200 if status == 304 else status}  # without the browser's cache there is a whole answer
    mime = _mime(entry)
    if status < 300 and re.fullmatch(r"[\w.+-]+/[\w.+-]+", mime) and listing(response.get("headers")):
        expect["headers"] = {"Content-Type": {"contains": mime}}
    return expect


def _url(entry: dict[str, Any]) -> str:
    return text_of(table(entry.get("request")).get("url"))


def _sent(request: dict[str, Any]) -> str:
    return text_of(table(request.get("postData")).get("text"))


def _title(entry: dict[str, Any]) -> str:
    found = address(_url(entry))
    path = (found[1] if found else "").partition("?")[0] or "/"
    return f"{text_of(table(entry.get('request')).get('method'))} {path}"[:120]


def _mime(entry: dict[str, Any]) -> str:
    return text_of(table(table(entry.get("response")).get("content")).get("mimeType")).partition(";")[0].strip().lower()


FORMAT = Format("har", "a HAR file", _looks, _draft, "it has no 'log' with 'entries'", ("assets", "url"))
