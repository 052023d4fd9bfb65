"""This file is for judging a limiter's own words: `X-RateLimit-*` and `RateLimit-*` fields, whatever order answers came in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from probes.outcome import Check, check, note
from probes.session import Answer
from probes.throttling import DIGITS, SLACK_S, TOO_MANY, Overdone, Rules, seconds_to_wait, told_wait, where

_FAMILIES = ("X-RateLimit", "RateLimit", "X-Rate-Limit")


@dataclass(frozen=True, slots=True)
class LimitFields:
    """The limit fields of one answer as they stand, with the name that a person would look for."""

    name: str
    limit: str | None
    remaining: str | None
    reset: str | None


def limit_fields(answer: Answer) -> LimitFields | None:
    """Return the limit fields of an answer, or None where it has none.

    Source: draft-ietf-httpapi-ratelimit-headers (versions 3 to 10), and the older `X-RateLimit-*` custom.
    """
    for family in _FAMILIES:
        limit, left, reset = (answer.header(f"{family}-{end}") for end in ("Limit", "Remaining", "Reset"))
        if limit is not None or left is not None:
            return LimitFields(family, limit, left, reset)
    joined = answer.header("RateLimit")
    if joined is None:
        return None
    policy = answer.header("RateLimit-Policy") or ""
    return LimitFields(
        "RateLimit", _parameter(joined, "limit") or _parameter(policy, "q"),
        _parameter(joined, "remaining", "r"), _parameter(joined, "reset", "t"),
    )  # fmt: skip


def _parameter(text: str, *names: str) -> str | None:
    found = re.search(rf"(?:^|[;,\s])(?:{'|'.join(names)})\s*=\s*(\S+?)\s*(?:[;,]|$)", text)
    return found.group(1) if found else None


def judge_limit_fields(rules: Rules, burst: Overdone, *, wanted: bool) -> list[Check]:
    """Return the checks that the limit fields are there, agree with the limit, and fall; `wanted` fails on their absence."""
    seen = [(a, f) for a in (*burst.served, *burst.refusals) if (f := limit_fields(a)) is not None]
    if not seen:
        absent = "no answer has limit fields (X-RateLimit-*, RateLimit-*)"
        return [check("answers have limit fields", holds=False, say=absent) if wanted else note("limit fields fall", absent)]
    made = []
    if wanted:
        lacking = len(burst.served) + len(burst.refusals) - len(seen)
        say = f"{lacking} answers have no limit fields while others do"
        made.append(check("every answer has limit fields", holds=lacking == 0, expected=0, observed=lacking, say=say))
    for name, stated, judge in (
        ("the limit field states the limit", [(a, f) for a, f in seen if f.limit is not None], _limit_agrees),
        ("the remaining field falls with the requests", [(a, f) for a, f in seen if f.remaining is not None], _falls),
    ):
        absent = f"no answer has the field that says it (beside {seen[0][1].name}-…)"
        if stated:
            made.append(judge(rules, name, stated))
        else:
            made.append(check(name, holds=False, say=f"{name}: {absent}") if wanted else note(name, absent))
    return [*made, *_reset_agrees(rules, [(a, f) for a, f in seen if a.status == TOO_MANY])]


def _limit_agrees(rules: Rules, name: str, seen: Sequence[tuple[Answer, LimitFields]]) -> Check:
    others = [(a, f) for a, f in seen if (f.limit or "").split(",")[0].strip() != str(rules.limit)]
    observed = others[0][1].limit if others else rules.limit
    say = f"'{others[0][1].name}-Limit: {observed}' is not the limit of {rules.limit} {where(others[0][0])}" if others else ""
    return check(name, holds=not others, expected=rules.limit, observed=observed, say=say)


def _falls(rules: Rules, name: str, seen: Sequence[tuple[Answer, LimitFields]]) -> Check:
    trouble = _remaining_trouble(rules, [(a, f) for a, f in seen if a.ok], [(a, f) for a, f in seen if not a.ok])
    return check(name, holds=not trouble, expected=f"{rules.limit - 1} … 0", observed=trouble or "falls to 0", say=trouble)


def _remaining_trouble(
    rules: Rules, served: Sequence[tuple[Answer, LimitFields]], refused: Sequence[tuple[Answer, LimitFields]]
) -> str:
    """Say what is wrong with the remaining values, by counts only: the order of concurrent answers means nothing.

    The k-th request served leaves limit - k, so values of at least r belong to no more than limit - r answers.
    """
    for answer, field in (*served, *refused):
        if not DIGITS.fullmatch(field.remaining or "") or int(field.remaining or 0) > rules.limit:
            name, right = f"{field.name}-Remaining", f"a whole number from 0 to {rules.limit}"
            return f"'{name}: {field.remaining}' is not {right} {where(answer)}"
    slack = max(rules.tolerance, 1)  # some count before the request and some after it
    for answer, field in served[:1]:  # the first was sent alone, so that here a low value is no race either
        if int(field.remaining or 0) < rules.limit - 1 - slack:
            said = f"the first answer says that {field.remaining} requests remain"
            return f"{said}, after 1 of {rules.limit} {where(answer)}"
    left = sorted((int(f.remaining or 0) for _, f in served), reverse=True)
    for place, value in enumerate(left, 1):
        if place > rules.limit - value + slack:
            return f"the remaining field does not fall: {place} requests were served and it still said {value}"
    above = [(a, f) for a, f in refused if int(f.remaining or 0) > 0]
    if above:
        return f"a refusal says that {above[0][1].remaining} requests remain {where(above[0][0])}"
    return ""


def _reset_agrees(rules: Rules, refused: Sequence[tuple[Answer, LimitFields]]) -> list[Check]:
    pairs = []
    for answer, field in refused:
        wait = told_wait(rules, answer)
        reset = seconds_to_wait(field.reset or "", answer)
        if wait is not None and field.reset is not None:
            pairs.append((answer, field, wait, reset))
    if not pairs:
        return []
    apart = [p for p in pairs if p[3] is None or abs(p[2] - p[3]) > SLACK_S]
    shown = apart[0] if apart else pairs[0]
    both = f"'{shown[1].name}-Reset: {shown[1].reset}' and '{rules.retry_after_header}'"
    say = f"{both} say different times to come back {where(shown[0])}"
    return [check("the reset field agrees with the time to come back", holds=not apart, expected=f"{shown[2]:g} s",
                  observed=shown[1].reset, say=say)]  # fmt: skip
