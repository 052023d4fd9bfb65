"""This file is for telling by its headers whether an answer came out of a cache, or may be kept in one."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from probes.exposure import quoted
from probes.net.answer import Answer

_SIGNS = ("X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status")  # of which a value such as HIT tells
_HIT = re.compile(r"(^|[^a-z])hit\b", re.IGNORECASE)


def came_from_cache(answer: Answer) -> str:
    """Return by which header the answer came out of a cache on its way, or an empty text."""
    age = answer.header("age")
    if age is not None and age.strip() != "0":
        return f"Age: {quoted(age, 20)}"
    sign = next((name for name in _SIGNS if _HIT.search(answer.header(name) or "")), None)
    return "" if sign is None else f"{sign}: {quoted(answer.header(sign), 40)}"


def may_be_kept(answer: Answer) -> str:
    """Return by which header caches may keep the answer, or an empty text."""
    rules = cache_rules(answer)
    if not rules & {"no-store", "no-cache"} and any(_keeps(rule) for rule in rules):
        return f"Cache-Control: {', '.join(sorted(rules))[:80]}"
    expires = answer.header("expires")
    if not rules and expires is not None and _is_ahead(expires, answer):
        return f"Expires: {quoted(expires, 40)}"
    return ""


def cache_rules(answer: Answer) -> set[str]:
    """Return the directives of `Cache-Control`, in lower case."""
    return {rule.strip().lower() for line in answer.all_headers("cache-control") for rule in line.split(",")}


def _keeps(rule: str) -> bool:
    name, _, value = rule.partition("=")
    return name in ("public", "immutable") or (name in ("max-age", "s-maxage") and value.strip('" ') != "0")


def _is_ahead(expires: str, answer: Answer) -> bool:
    """Tell whether an `Expires` lies ahead; one that is no date is long past. Source: RFC 9111 section 5.3."""
    try:
        until, date = parsedate_to_datetime(expires), answer.header("date")
        here = parsedate_to_datetime(date) if date else answer.sent_at
    except (ValueError, OverflowError):
        return False
    return until.replace(tzinfo=until.tzinfo or UTC) > here.replace(tzinfo=here.tzinfo or UTC)
