"""This file is for what a probe may say: verdicts, checks, outcomes, and the proof law that joins them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

Json = Any  # JSON as it came: None, bool, int, float, str, list or dict of the same


class Verdict(StrEnum):
    """The one word of a check or an outcome, worst first."""

    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    DEGRADED = "degraded"
    PASS = "pass"
    SKIPPED = "skipped"

    @property
    def rank(self) -> int:
        """Return the place from the worst (0) to the mildest (5)."""
        return _RANK[self]


_PLAIN_ALREADY = frozenset({str, int, float, bool, type(None)})
_RANK = {verdict: place for place, verdict in enumerate(Verdict)}


class Severity(StrEnum):
    """How much a failing scenario matters, P0 pages a person at once, P3 is a ticket."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was seen: a request, log positions, keys, numbers. `data` holds JSON values only."""

    kind: str
    summary: str
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what was seen. Made by `check`, `control`, `note` and `broken`, seldom by hand.

    `control` marks a check that shows the probe could have noticed the opposite; it either held (`pass`)
    or did not (`inconclusive`), and is never the target's fault. `danger` is what its failing tells of (`probes/dangers.py`).
    `say` is the sentence for a person; it is set whenever the check did not pass.
    """

    name: str
    verdict: Verdict
    expected: str = ""
    observed: str = ""
    say: str = ""
    evidence: tuple[Evidence, ...] = ()
    control: bool = False
    danger: str = ""

    def __post_init__(self) -> None:
        if self.control and self.verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE):
            raise ValueError(f"control '{self.name}' can only hold or not hold, not be '{self.verdict}'")


def check(
    name: str,
    *,
    holds: bool,
    expected: object = "",
    observed: object = "",
    say: str = "",
    soft: bool = False,
    evidence: Evidence | Iterable[Evidence] = (),
    danger: str = "",
) -> Check:
    """Return a check of the contract: `pass` where it holds, else `fail` (`degraded` for a soft bound); `danger` is of a fail."""
    verdict = Verdict.PASS if holds else Verdict.DEGRADED if soft else Verdict.FAIL
    sentence = "" if holds else say or f"{name}: expected {_text(expected)}, saw {_text(observed)}"
    danger = str(danger) if verdict is Verdict.FAIL else ""
    return Check(name, verdict, _text(expected), _text(observed), sentence, _evidence(evidence), danger=danger)


def control(
    name: str,
    *,
    holds: bool,
    expected: object = "",
    observed: object = "",
    say: str = "",
    evidence: Evidence | Iterable[Evidence] = (),
) -> Check:
    """Return a control: `pass` where the probe saw that it would have noticed, else `inconclusive`."""
    verdict = Verdict.PASS if holds else Verdict.INCONCLUSIVE
    sentence = "" if holds else say or f"not proven, because this did not hold: {name}"
    return Check(name, verdict, _text(expected), _text(observed), sentence, _evidence(evidence), control=True)


def note(name: str, say: str) -> Check:
    """Return a check that was not made, with the reason; it shows in reports and decides nothing."""
    return Check(name, Verdict.SKIPPED, say=say)


def broken(name: str, say: str, evidence: Evidence | Iterable[Evidence] = ()) -> Check:
    """Return a check that our side could not make (evidence unreadable, fault lever broken)."""
    return Check(name, Verdict.ERROR, say=say, evidence=_evidence(evidence))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with the sentence that tells a stranger why."""

    verdict: Verdict
    sentence: str


def judge(checks: Sequence[Check]) -> Judgement:
    """Apply the proof law to all checks of one probe.

    The worst check decides. A pass (or a degraded pass) stands only if something of the contract was
    checked, and at least one control was made and every control held; else it is `inconclusive`.
    """
    made = [c for c in checks if c.verdict is not Verdict.SKIPPED]
    if not made:
        reasons = "; ".join(c.say for c in checks if c.say)
        return Judgement(Verdict.INCONCLUSIVE, "nothing was checked" + (f": {reasons}" if reasons else ""))
    worst = min(made, key=lambda c: c.verdict.rank)
    if worst.verdict.rank <= Verdict.INCONCLUSIVE.rank:
        return Judgement(worst.verdict, worst.say)
    contract = [c for c in made if not c.control]
    controls = [c for c in made if c.control]
    if not contract:
        return Judgement(Verdict.INCONCLUSIVE, "only controls were made, nothing of the contract was checked")
    if not controls:
        return Judgement(Verdict.INCONCLUSIVE, "no control was made, so a pass would prove nothing")
    if worst.verdict is Verdict.DEGRADED:
        return Judgement(Verdict.DEGRADED, worst.say)
    return Judgement(Verdict.PASS, f"{_count(contract, 'check')} held; proven by: {_names(controls)}")


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds spent in each phase of one exchange; None where the phase did not happen."""

    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    body_s: float | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it happened, for the waterfall. `offset_s` counts from the outcome's start."""

    method: str
    url: str
    correlation_id: str
    offset_s: float
    duration_s: float
    phases: Phases
    status: int | None = None
    body_bytes: int = 0
    trouble: str = ""
    address: str = ""  # that was connected to, empty where the name was not resolved
    http_version: str = ""  # of the answer, such as 1.1
    content_length: int | None = None  # what the answer's header promised, None where it did not say


CERTIFICATE_ENDS = "certificate_expires_at"  # the measurement of when the first of the target's certificates expires
UNIX_TIME = "unix_s"  # the unit of an instant: seconds since 1970


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number that a probe measured, such as seconds to open a breaker."""

    name: str
    value: float
    unit: str

    @property
    def date(self) -> str:
        """Return an instant (unit `unix_s`) as a date for people, an empty text for any other number."""
        return f"{datetime.fromtimestamp(self.value, UTC):%Y-%m-%d %H:%M} UTC" if self.unit == UNIX_TIME else ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an outcome is about: the scenario and the target, with what a reader needs of them."""

    suite: str
    scenario: str
    kind: str
    target: str
    environment: str
    severity: Severity = Severity.P2
    tags: tuple[str, ...] = ()
    owner: str = ""
    runbook: str = ""
    why: str = ""
    sign_off: tuple[str, ...] = ()  # the lines of the sign-off page that this scenario proves


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scenario said of one target, once. Everything in it is already redacted."""

    id: str
    run_id: str
    subject: Subject
    verdict: Verdict
    sentence: str
    started_at: datetime
    duration_s: float
    checks: tuple[Check, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    exchanges_left_out: int = 0
    measurements: tuple[Measurement, ...] = ()
    attempts: int = 1
    undo_failures: tuple[str, ...] = ()

    @property
    def controls(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.control)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as JSON values; `from_json` is its inverse."""
    return _plain(outcome)  # type: ignore[no-any-return]


def from_json(data: Mapping[str, Any]) -> Outcome:
    """Return the outcome that `to_json` wrote. Raises: KeyError, ValueError or TypeError for another shape."""
    subject = dict(data["subject"])
    sign_off = tuple(subject.get("sign_off", ()))
    subject |= {"severity": Severity(subject["severity"]), "tags": tuple(subject["tags"]), "sign_off": sign_off}
    return Outcome(
        id=data["id"],
        run_id=data["run_id"],
        subject=Subject(**subject),
        verdict=Verdict(data["verdict"]),
        sentence=data["sentence"],
        started_at=datetime.fromisoformat(data["started_at"]),
        duration_s=data["duration_s"],
        checks=tuple(_check_from(c) for c in data["checks"]),
        exchanges=tuple(Exchange(**{**e, "phases": Phases(**e["phases"])}) for e in data["exchanges"]),
        exchanges_left_out=data["exchanges_left_out"],
        measurements=tuple(Measurement(**m) for m in data["measurements"]),
        attempts=data["attempts"],
        undo_failures=tuple(data["undo_failures"]),
    )


def _check_from(data: Mapping[str, Any]) -> Check:
    evidence = tuple(Evidence(**e) for e in data["evidence"])
    return Check(**{**data, "verdict": Verdict(data["verdict"]), "evidence": evidence})


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN_ALREADY:
        return value
    if hasattr(kind, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in kind.__dataclass_fields__}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def _evidence(given: Evidence | Iterable[Evidence]) -> tuple[Evidence, ...]:
    return (given,) if isinstance(given, Evidence) else tuple(given)


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _count(things: Sequence[object], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _names(checks: Sequence[Check]) -> str:
    shown = "; ".join(dict.fromkeys(c.name for c in checks[:3]))
    return shown + (f"; and {len(checks) - 3} more" if len(checks) > 3 else "")
