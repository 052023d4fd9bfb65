"""This file is for judging what a trial of a circuit breaker showed: pure functions from what was seen to checks."""

from __future__ import annotations

from collections.abc import Sequence

from probes.breaker_state import CLOSED, HALF_OPEN, Reading, failures
from probes.breaker_trial import Call, OpenAnswer, Opening, Recovery, form_trouble
from probes.dangers import Danger
from probes.exposure import exposed
from probes.outcome import Check, check, control, note


def opening_checks(
    seen: Opening, *, service: str, fault: str, threshold: int, tolerance: int, baseline: int, consecutive: bool
) -> list[Check]:
    """Return whether the breaker opened at its threshold, not before and not far after."""
    after = seen.opened_after
    last = seen.calls[-1]
    expected = f"{threshold}" + (f" to {threshold + tolerance}" if tolerance else "") + " failures"
    if after is None and consecutive and seen.longest_row <= threshold + tolerance:
        say = (
            f"the fault '{fault}' bit only now and then: at most {seen.longest_row} calls failed in a row, "
            f"so the threshold of {threshold} was not tried {last.where}"
        )
        return [control("enough calls failed in a row", holds=False, expected=expected, observed=seen.longest_row, say=say)]
    if after is None:
        say = (
            f"the circuit breaker of '{service}' never opened: {seen.failures} calls failed one after the other, "
            f"its threshold is {threshold} and its state is still '{seen.last}' {last.where}"
        )
        return [
            check("the breaker opens", holds=False, expected=expected, observed=str(seen.last), say=say, evidence=last.evidence)
        ]
    counted = max(after, seen.reached or 0) + baseline  # retries, and failures from before, count for the breaker too
    row = seen.row_at_opening if consecutive and seen.row_at_opening is not None else after  # what was served starts anew
    early, late = counted < threshold, row > threshold + tolerance
    opened = f"opened {'already' if early else 'only'} after {failures(after)}, its threshold is {threshold}"
    say = f"the circuit breaker of '{service}' {opened}"
    return [
        check("the breaker opens", holds=True, expected=expected, observed=failures(after), evidence=last.evidence),
        check(
            "the breaker opens at its threshold",
            holds=not early and not late,
            expected=expected,
            observed=failures(after),
            say=f"{say} {last.where}",
            evidence=last.evidence,
        ),
    ]


def failed_check(seen: Opening, form: OpenAnswer, *, service: str, fault: str) -> Check:
    """Return whether calls that failed before it opened were answered in the declared form, and showed nothing internal."""
    failed = [call for call in seen.calls if not call.served][: seen.opened_after or len(seen.calls)]
    odd, what = next(((call, t) for call in failed if (t := form_trouble(form, call) or _shows(call))), (failed[-1], ""))
    where = f"while '{service}' was down (fault '{fault}') and its breaker still closed"
    return check(
        "calls that fail are answered as declared",
        holds=not what,
        expected=f"status {form.status}" if form.status else "a fallback",
        observed=what or f"{len(failed)} calls were",
        say=f"{where}, a call was answered with {what} {odd.where}",
        evidence=odd.evidence if what else (),
    )


def _shows(call: Call) -> str:
    shown = exposed(call.answer) if call.answer else []
    return " and ".join(shown)


def open_checks(
    calls: Sequence[Call], reading: Reading, *, service: str, form: OpenAnswer, fast_within_s: float, trials: int, counted: bool
) -> list[Check]:
    """Return whether the open breaker is fast, speaks in its form, spares the dependency, and says what it does."""
    slowest = max(calls, key=lambda call: call.duration_s)
    odd, what = next(((call, t) for call in calls if (t := form_trouble(form, call))), (calls[-1], ""))
    breaker = f"the open circuit breaker of '{service}'"
    took = f"{slowest.duration_s * 1000:.0f} ms"
    limit = f"{fast_within_s * 1000:.0f} ms"
    made = [
        check(
            "an open breaker answers fast",
            holds=slowest.duration_s <= fast_within_s,
            expected=f"≤ {limit}",
            observed=took,
            say=f"{breaker} answered only after {took}, declared are {limit} {slowest.where}",
            evidence=slowest.evidence,
        ),
        check(
            "an open breaker answers in the declared form",
            holds=not what,
            observed=what or calls[-1].said,
            say=f"{breaker} answered with {what} {odd.where}",
            evidence=odd.evidence,
        ),
        _spared(calls, breaker, trials, counted),
    ]
    refused = not any(call.served for call in calls)
    holds = (reading.is_open and refused) or (trials > 0 and reading.state == HALF_OPEN)
    does = "refuses calls" if refused else "still serves calls"
    say = f"the circuit breaker of '{service}' {does}, but its state says '{reading}'"
    made.append(check("state and behaviour agree while open", holds=holds, expected="open", observed=str(reading), say=say))
    return made


def _spared(calls: Sequence[Call], breaker: str, trials: int, counted: bool) -> Check:
    name = "an open breaker does not call the dependency"
    counts = [call.reached for call in calls if call.reached is not None]
    if len(counts) < len(calls):
        return note(name, "not looked at: no counter of the dependency's calls could be read (dependency_calls)")
    if not counted:  # it stood still while calls failed before it was open, so standing still now shows nothing
        return note(name, "not looked at: the counter of the dependency's calls does not count calls that this fault makes fail")
    total = sum(counts)
    say = f"{breaker} still called the dependency ({total} times in {len(calls)} calls) {calls[-1].where}"
    expected = "no calls" if not trials else f"at most {trials} trial calls"
    return check(name, holds=total <= trials, expected=expected, observed=f"{total} calls", say=say)


def recovery_checks(seen: Recovery, *, service: str, fault: str, within_s: float, consecutive: bool) -> list[Check]:
    """Return whether the breaker closed again in time and serves."""
    start = f"the circuit breaker of '{service}'"
    made = [
        check(
            "the breaker closes again and serves",
            holds=seen.closed,
            expected=f"within {within_s:g} s",
            observed=f"{seen.reading}, {'served' if seen.call.served else 'refused'} after {seen.took_s:.2f} s",
            say=_why_not_recovered(seen, start, fault, within_s),
            evidence=seen.call.evidence,
            danger=Danger.BREAKER_STUCK_OPEN if seen.reading.state != CLOSED else "",
        )
    ]
    if seen.closed and consecutive and seen.reading.failure_count is not None:
        left = seen.reading.failure_count
        made.append(
            check(
                "a success starts the count of failures anew",
                holds=left == 0,
                expected="0 failures",
                observed=failures(left),
                say=f"{start} is closed and serves again, but still counts {failures(left)}, so a single failure may open it "
                f"{seen.call.where}",
            )
        )
    if seen.closed and not seen.half_open_seen:
        made.append(
            note("half-open was seen", "half-open was not seen; a trial call may have closed the breaker between two looks")
        )
    return made


def _why_not_recovered(seen: Recovery, start: str, fault: str, within_s: float) -> str:
    since = f"{seen.took_s:.1f} s after the fault '{fault}' was taken out"
    if seen.reading.state == CLOSED and seen.call.served:
        return f"{start} closed only {since}, declared are {within_s:g} s {seen.call.where}"
    if seen.reading.state == CLOSED:
        return f"{start} says it is closed, but calls are still refused {since} ({seen.call.said}) {seen.call.where}"
    if seen.reading.state == HALF_OPEN:
        return f"{start} is stuck half-open {since} {seen.call.where}"
    never = "" if seen.half_open_seen or seen.call.served else " and it never became half-open"
    served = "calls are served, but " if seen.call.served else ""
    return f"{start} did not recover: {since} {served}its state is still '{seen.reading}'{never} {seen.call.where}"


def bite_control(seen: Opening, fault: str) -> Check:
    """Return the control that the fault bit: without it nothing was tried."""
    return control(
        "the fault bit: a call failed or fell back",
        holds=seen.failures > 0,
        expected="a failed call",
        observed=f"{seen.failures} of {len(seen.calls)} calls failed",
        say=f"the fault '{fault}' did not bite: all {len(seen.calls)} calls were still served, so the breaker was not tried",
        evidence=seen.calls[-1].evidence,
    )
