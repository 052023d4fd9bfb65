"""This file is for reading what a service says of its circuit breaker, and for judging that without touching anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, field_validator

from probes.dangers import Danger
from probes.fields import Configured
from probes.jsonpath import find, finder
from probes.outcome import Check, Evidence, Json, check, control
from probes.request import RequestTemplate

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
_STATES = (CLOSED, OPEN, HALF_OPEN)


class StateFields(Configured):
    """What the fields are called; an empty text for one that is not there."""

    state: str = "state"  # closed, open or half-open
    failure_count: str = "failure_count"  # failures counted at present
    failure_threshold: str = "failure_threshold"  # failures that open it
    retry_after: str = "seconds_until_retry"  # seconds until a trial call; null while closed
    service: str = "service"  # whose state it is


class StateEndpoint(Configured):
    """Where the breaker's state is read. `{{service}}` may stand in the request and in `json`."""

    request: RequestTemplate  # asks for the state
    json_path: str = Field("$", alias="json")  # the JSONPath of the state's object in the answer
    fields: StateFields = StateFields()  # what the object's fields are called

    @field_validator("json_path")
    @classmethod
    def _path(cls, value: str) -> str:
        finder(value.replace("{{service}}", "x"))
        return value

    def path_of(self, service: str) -> str:
        return self.json_path.replace("{{service}}", service)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at the state endpoint said; `trouble` tells why it could not be understood."""

    state: str = ""
    failure_count: int | None = None
    failure_threshold: int | None = None
    retry_after_s: float | None = None
    service: str = ""
    trouble: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == OPEN

    def __str__(self) -> str:
        if self.trouble:
            return self.trouble
        count = "" if self.failure_count is None else f", {failures(self.failure_count)}"
        retry = "" if self.retry_after_s is None else f", next try in {self.retry_after_s:g} s"
        return f"{self.state}{count}{retry}"


def failures(count: int) -> str:
    return f"{count} failure{'' if count == 1 else 's'}"


def read_state(document: Json, path: str, fields: StateFields) -> Reading:
    """Return what a document says of the breaker at `path`; anything unexpected is `trouble`, never a closed breaker."""
    found = find(path, document)
    if len(found) != 1 or not isinstance(found[0], Mapping):
        return Reading(trouble=f"there is no breaker at {path}")
    entry = found[0]
    wanted = {name: called for name, called in fields.model_dump().items() if called}
    missing = [called for called in wanted.values() if called not in entry]
    if missing:
        return Reading(trouble=f"the breaker at {path} has no field {', '.join(repr(name) for name in missing)}")
    value = {name: entry[called] for name, called in wanted.items()}
    state = str(value.get("state", "")).strip().lower().replace("-", "_").replace(" ", "_")
    state = HALF_OPEN if state == "halfopen" else state
    for name in ("failure_count", "failure_threshold"):
        number = value.get(name)
        if name in value and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            return Reading(trouble=f"'{wanted[name]}' is {number!r}, not a whole number")
    retry = value.get("retry_after")
    if retry is not None and (isinstance(retry, bool) or not isinstance(retry, int | float) or retry < 0):
        return Reading(trouble=f"'{wanted['retry_after']}' is {retry!r}, neither null nor a number of seconds")
    if state not in _STATES:
        return Reading(trouble=f"'{wanted.get('state', 'state')}' is {value.get('state')!r}, none of {', '.join(_STATES)}")
    return Reading(
        state=state,
        failure_count=value.get("failure_count"),
        failure_threshold=value.get("failure_threshold"),
        retry_after_s=None if retry is None else float(retry),
        service=str(value.get("service", "")),
    )


def passive_checks(
    reading: Reading, *, service: str, threshold: int, fields: StateFields, evidence: Evidence, where: str
) -> list[Check]:
    """Return the checks of one look: understood, about this service, threshold as declared, closed."""
    if reading.trouble:
        say = f"the state of the circuit breaker of '{service}' could not be read: {reading.trouble} {where}"
        return [check(_READABLE, holds=False, expected="a breaker", observed=reading.trouble, say=say, evidence=evidence)]
    made = [check(_READABLE, holds=True, expected="a breaker", observed=str(reading), evidence=evidence)]
    if fields.service:
        say = f"the breaker state is that of '{reading.service}', not of '{service}' {where}"
        made.append(check(_NAMED, holds=reading.service == service, expected=service, observed=reading.service, say=say))
    if fields.failure_threshold:
        opens = f"opens after {reading.failure_threshold} failures, not after {threshold}"
        say = f"the circuit breaker of '{service}' says that it {opens} {where}"
        holds = reading.failure_threshold == threshold
        made.append(check(_THRESHOLD, holds=holds, expected=threshold, observed=reading.failure_threshold, say=say))
    made.append(state_check(reading, service=service, evidence=evidence, where=where))
    return made


_READABLE = "the breaker's state can be read"
_NAMED = "the state is that of this service"
_THRESHOLD = "the threshold is as declared"


def state_check(reading: Reading, *, service: str, evidence: Evidence, where: str) -> Check:
    """Return the check that the breaker is closed."""
    retry = "" if reading.retry_after_s is None else f", it tries again in {reading.retry_after_s:g} s"
    after = f" after {failures(reading.failure_count)}" if reading.failure_count else ""
    if reading.state == HALF_OPEN:
        say = f"the circuit breaker of '{service}' is stuck half-open: no trial call closes it {where}"
    elif reading.state == OPEN:
        say = f"the circuit breaker of '{service}' is open{after}{retry} {where}"
    else:
        say = f"the circuit breaker of '{service}' is not known to be closed: {reading} {where}"
    return check(
        "the breaker is closed",
        holds=reading.state == CLOSED,
        expected=CLOSED,
        observed=str(reading),
        say=say,
        evidence=evidence,
        danger=Danger.BREAKER_STUCK_OPEN if reading.state in (OPEN, HALF_OPEN) else "",
    )


def reading_control(document: Json, path: str, fields: StateFields, *, told_apart: bool, service: str) -> Check:
    """Return the control of a passive look: it is about this breaker, and the same reading of an open one fails.

    `told_apart` says whether another service's name led to no breaker, or the entry itself names the service.
    """
    open_twin = read_state(_with_state(document, path, fields.state, OPEN), path, fields)
    twin_fails = state_check(open_twin, service=service, evidence=Evidence("none", ""), where="").verdict == "fail"
    if not told_apart:
        say = f"nothing shows that the state read is that of '{service}': neither its place nor a field bears the name"
    else:
        say = f"the same reading of an open breaker did not fail, so its field '{fields.state}' decides nothing"
    return control(
        "the state read is this breaker's, and an open one would have been noticed",
        holds=told_apart and twin_fails and open_twin.is_open,
        expected="no breaker under an invented name, and fail for state 'open'",
        observed=str(open_twin),
        say=say,
    )


def _with_state(document: Json, path: str, field: str, state: str) -> Json:
    """Return the document in which every entry at `path` has another state."""
    targets = {id(entry) for entry in find(path, document) if isinstance(entry, dict)}

    def copy(value: Json) -> Json:
        if isinstance(value, dict):
            made = {key: copy(item) for key, item in value.items()}
            return {**made, field: state} if id(value) in targets else made
        return [copy(item) for item in value] if isinstance(value, list) else value

    return copy(document)
