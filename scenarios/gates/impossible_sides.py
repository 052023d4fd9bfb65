"""This file is for sides that could not be told apart, or whose answers could not say which version gave them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from probes.fields import Secret
from probes.jsonpath import finder
from probes.target import Target, http_address
from scenarios.gates.policy import Identity, Policy, Side
from scenarios.gates.told_at import PolicyText
from scenarios.mistakes import Mistake, near_or_known

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]{1,255}")


def wrong_sides(policy: Policy, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake for each side that cannot be asked, for one version on both, and for an identity that says nothing."""
    for name, side in (("canary", policy.canary), ("baseline", policy.baseline)):
        yield from _side(name, side, text)
    if policy.canary.version.strip() == policy.baseline.version.strip():
        say = "both sides have the same version"
        yield text.wrong(say, "nothing is rolled out, and no answer could say whose it is", ("canary", "version"))
    yield from _identity(policy.identity, text)


def sides_that_are_one(policy: Policy, target: Target, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake where both sides would be asked at one address, in one way."""
    if _reached(policy.canary, target) == _reached(policy.baseline, target):
        say = "nothing tells the canary from the baseline: both are asked at the same address, in the same way"
        remedy = "give one of them its own 'base_url', or 'headers', 'cookies' or a 'host' that the proxy goes by"
        yield text.wrong(say, remedy, ("canary",))


def evidence_that_is_not_there(policy: Policy, target: Target, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake for each source that a side reads in place of another, where one of both is not the target's."""
    for name, side in (("canary", policy.canary), ("baseline", policy.baseline)):
        for named, own in side.evidence.items():
            way = (name, "evidence", named)
            missing = next((one for one in (named, own) if one not in target.evidence), None)
            if missing is not None:
                say = f"target '{target.name}' has no evidence source '{missing}'"
                yield text.wrong(say, near_or_known(missing, target.evidence) or "describe it there under 'evidence'", way)
            elif type(target.evidence[own]) is not type(target.evidence[named]):
                kinds = (
                    f"'{own}' is of kind {target.evidence[own].source_name}, '{named}' of {target.evidence[named].source_name}"
                )
                yield text.wrong(f"'{own}' cannot stand for '{named}'", f"{kinds}: scenarios could not read it", way)


def _side(name: str, side: Side, text: PolicyText) -> Iterator[Mistake]:
    if side.base_url is not None:
        try:
            http_address(side.base_url)
        except ValueError as problem:
            yield text.wrong("'base_url' is not right", str(problem), (name, "base_url"))
    if side.host is not None and not _HOST.fullmatch(side.host):
        yield text.wrong("'host' is not right", "should be a name such as canary.shop.test, or name:port", (name, "host"))
    for key, values in (("headers", side.headers), ("cookies", side.cookies)):
        for field, value in values.items():
            way = (name, key, field)
            if not _TOKEN.fullmatch(field):
                yield text.wrong(f"the name '{field}' is no name of a {key[:-1]}", "letters, digits and -", way)
            elif key == "headers" and field.lower() == "host":
                yield text.wrong("the header 'Host' is not sent from here", f"give it as 'host' of '{name}'", way)
            elif not _plain(value):
                yield text.wrong(f"the value of '{field}' cannot be sent", "should be one line of visible text", way)


def _plain(value: str | Secret) -> bool:
    shown = value.reveal() if isinstance(value, Secret) else value
    return bool(shown) and all(sign == "\t" or sign.isprintable() for sign in shown)


def _reached(side: Side, target: Target) -> object:
    """Return what decides which system answers: address, headers, cookies and host, as they are sent."""
    address = (side.base_url or target.base_url).rstrip("/").lower()
    headers = {**_lower(target.headers), **_lower(side.headers)}
    return address, headers, {k: _shown(v) for k, v in side.cookies.items()}, (side.host or "").lower()


def _lower(values: Mapping[str, str | Secret]) -> dict[str, str]:
    return {name.lower(): _shown(value) for name, value in values.items()}


def _shown(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _identity(identity: Identity, text: PolicyText) -> Iterator[Mistake]:
    if identity.header is None and identity.path is None and identity.field is None:
        remedy = "'header' that every answer bears, or 'path' with 'field' or 'header'"
        yield text.wrong("nothing says which version an answer is of", remedy, ("identity",))
    if identity.path is not None and identity.field is None and identity.header is None:
        yield text.wrong(
            "'path' says nothing by itself", "give 'field', a JSONPath in its answer, or 'header'", ("identity", "path")
        )
    if identity.field is not None and identity.path is None:
        yield text.wrong("'field' belongs to a 'path'", "give the 'path' in whose answer it stands", ("identity", "field"))
    if identity.path is not None and not _is_path(identity.path):
        yield text.wrong("'path' is not right", "should begin with / and hold no white space", ("identity", "path"))
    if identity.header is not None and not _TOKEN.fullmatch(identity.header):
        yield text.wrong("'header' is no name of a header", "a name such as X-Version", ("identity", "header"))
    if identity.field is not None:
        try:
            finder(identity.field)
        except ValueError as problem:
            yield text.wrong("'field' is no JSONPath", str(problem), ("identity", "field"))


def _is_path(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and path.isprintable() and not any(c.isspace() for c in path)
