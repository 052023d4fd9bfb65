"""This file is for reading one answer of a health endpoint: is it well, is it fresh, which dependencies are up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from probes.contracts.catalogue import find
from probes.dangers import of_state, of_status
from probes.expect import asked, trail
from probes.exposure import exposed, quoted
from probes.misfits import misfits
from probes.operators import instant, schema_validator
from probes.outcome import Check, Evidence, check
from probes.request import RequestTemplate
from probes.session import Answer
from probes.staleness import cache_rules, came_from_cache, may_be_kept

_UP = frozenset({"ok", "up", "healthy", "pass"})


def question(path: str) -> RequestTemplate:
    """Return the request of a platform that polls: no credentials, and no redirect followed."""
    return RequestTemplate.model_validate({"path": path, "anonymous": True, "follow_redirects": 0})


@dataclass(frozen=True)
class HealthAnswer:
    """What an endpoint answered; `role` is what a person calls it: liveness, readiness, start-up, detail, alias."""

    role: str
    answer: Answer

    @cached_property
    def document(self) -> Mapping[str, Any] | None:
        """Return the JSON object of the body, or None."""
        try:
            document = self.answer.json()
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    @cached_property
    def dependencies(self) -> dict[str, str]:
        """Return the state of each dependency under `checks`, by name; a state is `up` or what it says instead."""
        checks = (self.document or {}).get("checks")
        if isinstance(checks, dict):
            checks = [{"name": name, "status": value} for name, value in checks.items()]
        found: dict[str, str] = {}
        for item in checks if isinstance(checks, list) else ():  # [{"name": …, "status": …}]
            if isinstance(item, dict) and "name" in item and found.get(str(item["name"]), "up") == "up":
                found[str(item["name"])] = _state(item.get("status"))  # of one that is named twice, what is not up counts
        return found

    @cached_property
    def shows(self) -> list[str]:
        return exposed(self.answer)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return the answer for a report, unless it shows what should not be shown once more."""
        return () if self.shows else (self.answer.as_evidence(),)

    @property
    def down(self) -> list[str]:
        return [name for name, state in self.dependencies.items() if state != "up"]

    @property
    def at(self) -> datetime | None:
        """Return the instant of `timestamp`, or None where there is none that can be read."""
        return instant((self.document or {}).get("timestamp"))

    def says_down(self, dependency: str) -> bool:
        """Tell whether this is a 503 that names the dependency as down."""
        return self.answer.status == 503 and self.dependencies.get(dependency, "up") != "up"

    def is_ready_with(self, dependency: str) -> bool:
        """Tell whether this is a 200 that names the dependency as up."""
        return self.answer.status == 200 and self.dependencies.get(dependency) == "up"

    def checks(self, *, accepted: Collection[str], skew_s: float) -> Iterator[Check]:
        """Yield what is true of every health endpoint. Of one that did not answer 200 only what it shows is judged."""
        status = self.answer.status
        yield self._check("answers 200", status == 200, "200", status, self._why_not_200(), of_status(status))
        if self.answer.status == 200:
            yield self._is_json()
            yield self._says_well(accepted)
            yield self._is_fresh(skew_s)
            yield self._is_not_cached()
        shows = self.shows
        yield self._check(
            "shows nothing internal",
            not shows,
            "no stack trace, connection string, secret or internal path",
            ", ".join(shows) or "none",
            f"shows {' and '.join(shows)} to anybody who asks",
        )

    def names(self, wanted: Collection[str]) -> Iterator[Check]:
        """Yield one check for each dependency that must be named and up (all that are named where none is given)."""
        if not self.dependencies:
            yield self._check("names its dependencies", False, "an object 'checks'", "none", "names no dependency under 'checks'")
            return
        for name in wanted or self.dependencies:
            state = self.dependencies.get(name)
            trouble = f"does not name {name} under 'checks'" if state is None else f"says {name} is {_said(state)}"
            danger = of_state(name, state or "")
            yield self._check(f"says {name} is up", state == "up", "up", state or "not named", trouble, danger)

    def fits(self, contract: str) -> Check:
        """Return the check that the whole body is what a bundled contract says."""
        wrong = ["there is no JSON object"]
        if self.document is not None:
            wrong = [
                clause if clause[0] == "'" else f"the body {clause}"
                for clause in misfits(schema_validator(find(contract).text), self.document)
            ]
        trouble = "" if not wrong else wrong[0] if not wrong[1:] else f"{wrong[0]}, and {len(wrong) - 1} more"
        say = f"breaks the contract {contract}: {trouble}"
        return self._check(f"fits the contract {contract}", not wrong, contract, trouble or "fits", say)

    def moved_on_from(self, earlier: HealthAnswer) -> bool:
        """Tell whether the timestamp is later than that of an earlier answer."""
        return self.at is not None and earlier.at is not None and self.at > earlier.at

    def is_older_than(self, earlier: HealthAnswer) -> bool:
        """Tell whether the timestamp lies before that of an earlier answer."""
        return self.at is not None and earlier.at is not None and self.at < earlier.at

    def frozen(self, earlier: HealthAnswer) -> Check:
        """Return the check that the timestamp moved on since an earlier answer."""
        moves = self.moved_on_from(earlier)
        before, after = ((one.document or {}).get("timestamp") for one in (earlier, self))
        trouble = "went backwards" if self.is_older_than(earlier) else "stands still: an old answer is being repeated"
        return self._check(
            "timestamp moves on", moves, f"later than {quoted(before, 40)}", quoted(after, 40), f"timestamp {trouble}"
        )

    def _why_not_200(self) -> str:
        status = self.answer.status
        if status in (401, 403):
            return "asks for credentials, so that nothing can poll it"
        if self.down:
            return f"says {' and '.join(self.down)} {'is' if len(self.down) == 1 else 'are'} down"
        if status == 503 and self.role in ("readiness", "alias"):
            return "is not ready and names no dependency that is down"
        if 300 <= status < 400:
            return "redirects instead of answering"
        return f"answers {status} instead of 200"

    def _is_json(self) -> Check:
        kind = self.answer.content_type
        try:
            trouble = "" if isinstance(self.answer.json(), dict) else "the body is JSON, but no object"
        except ValueError as problem:
            trouble = str(problem)
        named = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
        if not trouble and not named:
            trouble = f"the content type is {kind or 'missing'}"
        return self._check("is JSON", not trouble, "application/json", kind or "no content type", f"is not JSON: {trouble}")

    def _says_well(self, accepted: Collection[str]) -> Check:
        status = (self.document or {}).get("status")
        well = isinstance(status, str) and status.casefold() in {word.casefold() for word in accepted}
        seen = quoted(status, 60) if "status" in (self.document or {}) else "no status"
        return self._check("status is well", well, " or ".join(accepted), seen, f"says status {seen} with a 200")

    def _is_fresh(self, skew_s: float) -> Check:
        given = (self.document or {}).get("timestamp")
        seen = quoted(given, 60) if "timestamp" in (self.document or {}) else "no timestamp"
        expected = f"ISO 8601 with an offset, within {skew_s:g} s of now"
        if self.at is None:
            return self._check("timestamp is fresh", False, expected, seen, f"has no timestamp with an offset ({seen})")
        sent = self.answer.sent_at
        away = max((sent - self.at).total_seconds(), (self.at - sent).total_seconds() - self.answer.duration_s)
        side = "old" if self.at < sent else "ahead"
        trouble = f"timestamp is {timedelta(seconds=round(abs(away)))} {side}: the answer is stale, or its clock is wrong"
        return self._check("timestamp is fresh", away <= skew_s, expected, seen, trouble)

    def _is_not_cached(self) -> Check:
        cached, kept, rules = came_from_cache(self.answer), may_be_kept(self.answer), cache_rules(self.answer)
        trouble = f"came out of a cache ({cached})" if cached else f"may be kept in caches ({kept})" if kept else ""
        seen = f"{', '.join(sorted(rules))[:80] or 'no Cache-Control'}; Age {self.answer.header('age') or 'absent'}"
        return self._check("is not cached", not trouble, "no-store, and no Age", seen, trouble)

    def _check(self, name: str, holds: bool, expected: object, observed: object, trouble: str, danger: str = "") -> Check:
        return check(
            f"{self.role} {name}",
            holds=holds,
            expected=expected,
            observed=observed,
            say=f"{self.role} {trouble} {trail(self.answer)}",
            evidence=() if holds else self.evidence,
            danger=danger,
        )


def disagreement(ready: HealthAnswer, alias: HealthAnswer) -> str:
    """Return in what the alias and readiness differ, or an empty text."""
    if ready.answer.status != alias.answer.status:
        return f"answered {alias.answer.status} where {asked(ready.answer)} answered {ready.answer.status}"
    for name in sorted(ready.dependencies.keys() | alias.dependencies.keys()):
        one, other = ready.dependencies.get(name, "not named"), alias.dependencies.get(name, "not named")
        if one != other:
            return f"says {name} is {_said(other)} where readiness says it is {_said(one)}"
    return ""


def _state(value: Any) -> str:
    if isinstance(value, list):  # one entry for each node; what is not up counts
        states = [_state(item) for item in value]
        return next((state for state in states if state != "up"), "up" if states else "without a state")
    if isinstance(value, dict):
        value = value.get("status")
    if value is True or (isinstance(value, str) and value.casefold() in _UP):
        return "up"
    return "without a state" if value is None else quoted(value, 40)


def _said(state: str) -> str:
    return "down" if state.strip("'").casefold() in ("down", "false", "fail", "failed", "error", "unhealthy") else state
