"""This file is for requests that carry planted values: sending them, and knowing the log lines that they left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ahocorasick_rs import BytesAhoCorasick
from pydantic import BeforeValidator, Field, WithJsonSchema

from probes.evidence.source import LogLine, text_of
from probes.fields import Configured
from probes.log_requests import own_ids
from probes.log_watch import LogWatch
from probes.outcome import Check, check
from probes.planting import Planted
from probes.request import RequestTemplate
from probes.session import Answer, Session, TargetError

Status = Annotated[str, BeforeValidator(str), Field(pattern=r"^[1-5](\d\d|xx)$")]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


_STATUS_SCHEMA = [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": r"^[1-5](\d\d|xx)$"}]
Statuses = Annotated[
    tuple[Status, ...],
    BeforeValidator(_as_list),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [*_STATUS_SCHEMA, {"type": "array", "minItems": 1, "items": {"anyOf": _STATUS_SCHEMA}}]}),
]


class PlantingRequest(Configured):
    """One request that carries planted values, and the status that shows that it took the way it was meant to take."""

    name: str = Field(min_length=1)  # what it is about, for sentences: success, validation error
    request: RequestTemplate  # holds at least one `{{planted.…}}`
    expect_status: Statuses = ("2xx",)  # 422, 2xx, or a list of such


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it was sent, and what its log lines can be known by."""

    request: PlantingRequest
    nonce: str
    correlation_id: str
    answer: Answer | None
    trouble: TargetError | None

    @property
    def known_by(self) -> str:
        return f"correlation id {self.correlation_id}" if self.correlation_id else f"nonce {self.nonce}"


async def send(session: Session, request: PlantingRequest, number: int, planted: Sequence[Planted]) -> Sent:
    """Send one. The nonce goes on with the request's number, so that each request has its own."""
    nonce = f"{session.nonce}{number:02x}"
    try:
        answer = await session.send(request.request, {"nonce": nonce, "planted": {item.kind: item.value for item in planted}})
    except TargetError as problem:  # a request that crashes the target is one whose logs are worth a look
        return Sent(request, nonce, problem.exchange.correlation_id if problem.exchange else "", None, problem)
    return Sent(request, nonce, answer.correlation_id, answer, None)


class Ours:
    """Returns of lines those of our requests; `sent` grows while they are sent."""

    def __init__(self, nonce: str, sent: Sequence[Sent]) -> None:
        self._nonce, self._sent = nonce.lower(), sent

    def __call__(self, lines: Sequence[LogLine]) -> Sequence[LogLine]:
        known = {self._nonce, *(known for one in self._sent for known in own_ids(one.correlation_id))}
        all_of_them = text_of(lines).encode("utf-8", "replace").lower()
        if not BytesAhoCorasick([one.encode() for one in known]).find_matches_as_indexes(all_of_them):
            return ()  # so it mostly is, and there may be millions of lines
        return [line for line in lines if any(one in line.text.lower() for one in known)]


def answered(one: Sent) -> Check:
    if one.trouble is not None:
        return one.trouble.as_check()
    assert one.answer is not None
    status, wanted = str(one.answer.status), one.request.expect_status
    holds = any(status == each or (each.endswith("xx") and status[0] == each[0]) for each in wanted)
    return check(
        f"the request '{one.request.name}' is answered as expected",
        holds=holds,
        expected=" or ".join(wanted),
        observed=status,
        say=f"the request '{one.request.name}' was answered with {status} instead of {' or '.join(wanted)} ({one.known_by})",
        evidence=one.answer.as_evidence(),
    )


def lines_of(one: Sent, watch: LogWatch) -> list[LogLine]:
    return [line for line in watch.lines if is_of(line, one)]


def is_of(line: LogLine, one: Sent) -> bool:
    low = line.text.lower()
    return any(known in low for known in (one.nonce.lower(), *own_ids(one.correlation_id)))
