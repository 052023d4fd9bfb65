"""This file is for judging how a limiter held: counts, refusals and `Retry-After`, as functions of answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from probes.dangers import Danger
from probes.outcome import Check, Evidence, check, control, note
from probes.session import Answer, TargetError

TOO_MANY = 429  # RFC 6585 section 4
DIGITS = re.compile(r"[0-9]{1,15}")
_EPOCH_FROM = 1_000_000_000  # a number of seconds as large as this is a point in time (2001 and later)
LONGEST_WAIT_S = 86_400.0  # without a declared window, more than a day is no sane `Retry-After`
SLACK_S = 2.0  # whole seconds are rounded at both ends, and the answer travels meanwhile


@dataclass(frozen=True, slots=True)
class Rules:
    """What the limiter is said to do. `window_s` is None where the scenario does not say."""

    limit: int
    tolerance: int
    window_s: float | None = None
    retry_after_header: str | None = "Retry-After"


@dataclass(frozen=True, slots=True)
class Overdone:
    """What one fresh caller got: its first answer alone, then all at once. `elapsed_s` is of all together."""

    first: Answer
    rest: tuple[Answer | TargetError, ...]
    elapsed_s: float

    @property
    def answers(self) -> list[Answer]:
        return [self.first, *(a for a in self.rest if isinstance(a, Answer))]

    @property
    def served(self) -> list[Answer]:
        return [a for a in self.answers if a.ok]

    @property
    def refusals(self) -> list[Answer]:
        return [a for a in self.answers if a.status == TOO_MANY]

    @property
    def sent(self) -> int:
        return 1 + len(self.rest)

    def as_evidence(self) -> Evidence:
        statuses = Counter(str(a.status) for a in self.answers)
        lost = self.sent - len(self.answers)
        tally = {**dict(sorted(statuses.items())), **({"no answer": lost} if lost else {})}
        summary = ", ".join(f"{n}× {status}" for status, n in tally.items())
        return Evidence("numbers", f"{self.sent} requests in {self.elapsed_s:.2f} s: {summary}", {"statuses": tally})


def overserved(rules: Rules, burst: Overdone) -> bool:
    """Say whether more was served than the limit allows."""
    return len(burst.served) > rules.limit + rules.tolerance


def judge_first(first: Answer) -> list[Check]:
    """Return the control that a fresh caller is served, and what its refusal already breaks."""
    made = [
        control(
            "the caller's first request was served",
            holds=first.ok,
            expected="2xx",
            observed=str(first.status),
            say=f"the caller's first request was answered HTTP {first.status}, so the limit could not be tried {where(first)}",
            evidence=first.as_evidence(),
        )
    ]
    if first.status == TOO_MANY:
        say = (
            "legitimate traffic is blocked: a caller that was never seen before was refused with 429 at its first request, "
            f"so the limit is not kept per caller {where(first)}"
        )
        made.append(
            check(
                "a caller within the limit is served",
                holds=False,
                expected="2xx",
                observed="429",
                say=say,
                danger=Danger.LIMIT_BLOCKS_LEGITIMATE,
            )
        )
    if first.status >= 500:
        made.append(_server_errors([first], 1))
    return made


def judge_burst(rules: Rules, burst: Overdone) -> list[Check]:
    """Return the checks of one burst: all answered, no 5xx, nothing but 429 beyond the limit, and as many served as allowed."""
    lost = [a for a in burst.rest if isinstance(a, TargetError)]
    say = f"{_some(len(lost), burst.sent)} got no answer: {lost[0]}" if lost else ""
    made = [check("every request is answered", holds=not lost, expected="0 without", observed=len(lost), say=say)]
    made.append(_server_errors(burst.answers, burst.sent))
    made.append(_nothing_but_429(burst))
    made.append(_count(rules, burst))
    return made


def _server_errors(answers: Sequence[Answer], sent: int) -> Check:
    errors = [a for a in answers if a.status >= 500]
    shown = _statuses(errors)
    say = f"{_some(len(errors), sent)} {_were(errors)} answered {shown} {where(errors[0])}" if errors else ""
    return check(
        "no request is answered with a server error",
        holds=not errors,
        expected="no 5xx",
        observed=shown or "none",
        say=say,
        evidence=[a.as_evidence() for a in errors[:1]],
        danger=Danger.SERVER_ERRORS,
    )


def _nothing_but_429(burst: Overdone) -> Check:
    # 5xx have a check of their own, so that the sentence names the worse of the two
    others = [a for a in burst.answers if not a.ok and a.status != TOO_MANY and a.status < 500]
    shown = _statuses(others)
    say = f"{_some(len(others), burst.sent)} {_were(others)} answered {shown}, neither served nor refused with 429"
    return check(
        "a request is served or refused with 429, nothing else",
        holds=not others,
        expected="2xx or 429",
        observed=shown or "2xx or 429",
        say=f"{say} {where(others[0])}" if others else "",
        evidence=[a.as_evidence() for a in others[:1]],
    )


def _count(rules: Rules, burst: Overdone) -> Check:
    served, low, high = len(burst.served), rules.limit - rules.tolerance, rules.limit + rules.tolerance
    name = "as many requests are served as the limit says"
    if served > high and rules.window_s is not None and burst.elapsed_s >= rules.window_s:
        say = (
            f"{served} of {burst.sent} requests were served, but sending them took {burst.elapsed_s:.1f} s and the window is "
            f"{rules.window_s:g} s, so it may have begun anew; raise the target's 'concurrency'"
        )
        return control(name, holds=False, expected="sent within the window", observed=say, say=say, evidence=burst.as_evidence())
    if served > high and not burst.refusals:
        say = f"{served} requests of one caller were all served; the limit of {rules.limit} does not hold"
    elif served > high:
        say = f"{served} of {burst.sent} requests of one caller were served; the limit of {rules.limit} does not hold"
    else:
        say = f"legitimate traffic is blocked: only {served} of {rules.limit} were served"
    return check(
        name,
        holds=low <= served <= high,
        expected=f"{rules.limit} ± {rules.tolerance}",
        observed=served,
        say=say,
        evidence=burst.as_evidence(),
        danger=Danger.LIMIT_BLOCKS_LEGITIMATE if len(burst.refusals) > burst.sent - low else "",
    )


def told_wait(rules: Rules, answer: Answer) -> float | None:
    """Return how long a refusal says to wait, by the header that the scenario names; None when it says nothing sane."""
    header = rules.retry_after_header or ""
    return seconds_to_wait(answer.header(header) or "", answer, instants=header.lower() != "retry-after")


def seconds_to_wait(value: str, answer: Answer, *, instants: bool = True) -> float | None:
    """Return how long a value says to wait, from when the answer came; None when it says nothing sane.

    It is whole seconds or an HTTP date, as in `Retry-After` (RFC 9110 section 10.2.3). With `instants` a large number is
    a point in time as seconds since 1970, which `…-Reset` fields use; who reads it in `Retry-After` waits for decades.
    A date counts from the target's own `Date`, as clocks differ.
    """
    text = value.strip()
    came_at = answer.sent_at + timedelta(seconds=answer.duration_s)
    here = _http_date(answer.header("Date") or "") or came_at
    if DIGITS.fullmatch(text):
        seconds = float(text)
        return seconds - here.timestamp() if instants and seconds >= _EPOCH_FROM else seconds
    until = _http_date(text)
    return (until - here).total_seconds() if until else None


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def judge_retry_after(rules: Rules, refusals: Sequence[Answer]) -> list[Check]:
    """Return the checks that every refusal says when to come back, and something that can be true."""
    header = rules.retry_after_header
    if header is None or not refusals:
        return [] if header else [note("a refusal says when to come back", "the scenario names no 'retry_after_header'")]
    missing = [a for a in refusals if a.header(header) is None]
    say = f"{len(missing)} of {len(refusals)} refusals have no '{header}', so a caller cannot know when to come back"
    present = check(
        f"every refusal has '{header}'",
        holds=not missing,
        expected="on every 429",
        observed=f"{len(refusals) - len(missing)} of {len(refusals)}",
        say=f"{say} {where(missing[0])}" if missing else "",
    )
    if missing:
        return [present]
    longest = (rules.window_s if rules.window_s is not None else LONGEST_WAIT_S) + SLACK_S
    waits = [(a, told_wait(rules, a)) for a in refusals]
    odd = [a for a, wait in waits if wait is None or not -SLACK_S < wait <= longest]
    never = not odd and all((wait or 0) <= 0 for _, wait in waits)
    odd = [refusals[0]] if never else odd
    seen = odd[0].header(header) if odd else refusals[0].header(header)
    right = f"whole seconds or an HTTP date, from 1 to {longest - SLACK_S:g} s ahead"
    say = f"'{header}: {seen}' is not {right} {where(odd[0])}" if odd else ""
    return [present, check(f"'{header}' is sane", holds=not odd, expected=right, observed=seen, say=say)]


def promised_until(rules: Rules, refusals: Iterable[Answer]) -> datetime | None:
    """Return until when the refusals said at least that the caller stays refused, or None where they did not say."""
    ends = []
    for answer in refusals:
        wait = told_wait(rules, answer)
        if wait is not None:
            ends.append(answer.sent_at + timedelta(seconds=min(wait, LONGEST_WAIT_S)))
    return min(ends) - timedelta(seconds=1) if ends else None  # whole seconds may be rounded up


def _statuses(answers: Iterable[Answer]) -> str:
    return ", ".join(f"HTTP {status}" for status in sorted({a.status for a in answers}))


def _some(count: int, of: int) -> str:
    return f"{count} of {of} requests" if of > 1 else "the only request"


def _were(answers: Sequence[Answer]) -> str:
    return "was" if len(answers) == 1 else "were"


def where(answer: Answer) -> str:
    """Return where to look for an answer in the target's logs."""
    return f"(correlation id {answer.correlation_id})"
