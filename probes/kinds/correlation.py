"""This file is for asking whether a request can be followed by its id: echoed, made where there is none, never abused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

from pydantic import AfterValidator, Field, model_validator

from probes.correlation_ids import usable_form
from probes.expect import JsonPath
from probes.fields import Duration, LogRef
from probes.log_records import Wrapped
from probes.log_requests import ALWAYS_WRITING
from probes.outcome import Check
from probes.probe import Probe
from probes.request import RequestTemplate
from probes.status import StatusMatcher
from probes.target import Grant

if TYPE_CHECKING:
    from probes.correlation_asking import Asking
    from probes.session import Session

Form = Annotated[str, AfterValidator(usable_form)]
_SUCCESS = StatusMatcher.model_validate("2xx")


class Correlation(Probe, kind="correlation"):
    """Send an id and expect it back; send none, and a hostile one, and expect a fresh one; follow the trace.

    An id that is sent comes back exactly, also when several requests are under way at once. Without one the answer carries
    one that the target made, another each time. A hostile id (a forged line, a script, 10 kB, …) is refused with 4xx or
    replaced by a fresh one, and handed on nowhere; the next good one is taken again. A W3C `traceparent` is gone on with: the
    same trace, another span; an invalid one begins a new trace. Where `logs` are given, the ids are in them, and nothing
    hostile is.
    With `header: null` nothing but the trace is followed.
    The control: two ids (traces) that were sent came back each in its own answer, so what comes back follows the request.
    """

    request: RequestTemplate = RequestTemplate.model_validate({})  # what is asked, again and again: it should change nothing
    expect_status: StatusMatcher = _SUCCESS  # of an answer to a request that is not hostile
    refused: RequestTemplate | None = None  # a request that is refused (4xx): its answer must carry the id too
    header: str | None = Field(
        "X-Correlation-ID", pattern=r"^[A-Za-z0-9-]{1,80}$"
    )  # that carries the id; null: only the trace does
    sent: str = ""  # an id as your clients make them, `{{unique}}` in it is another each time; default: a UUID of version 4
    generated: Form = "uuid4"  # the form of ids that the target makes: uuid4, uuid, any, or a regular expression from ^
    hostile: Literal["replaced", "refused", "either", "not_checked"] = "either"  # what becomes of hostile ids
    together: int = Field(4, ge=0, le=50)  # requests under way at once, each with its own id; 0: none
    traceparent: Literal["continued", "absent", "not_checked"] = "not_checked"  # absent: answers show no trace
    trace_in: str | None = "traceparent"  # where an answer shows its trace: a header, or a JSONPath; null: nowhere
    logs: tuple[LogRef, ...] = ()  # log sources in which the ids must be; default: none is looked at
    log_field: JsonPath | None = None  # where log lines have the id; default: anywhere in the line
    trace_field: JsonPath | None = None  # where log lines have the trace id
    span_field: JsonPath | None = None  # where log lines have the span id
    wrapped: Wrapped = "auto"  # what a runtime put around log lines, see `log_contract`
    wait: Duration = 10.0  # for the log lines
    settle: Duration = 1.0  # more reading after that, for what is logged late
    writes: bool | None = None  # whether a request changes data (needs `allow: [write]`); default: PUT, PATCH and DELETE do

    @model_validator(mode="after")
    def _usable(self) -> Correlation:
        if self.sent and "{{unique}}" not in self.sent.replace(" ", ""):
            raise ValueError("'sent' needs '{{unique}}' in it: an id that is always the same shows nothing")
        if self.traceparent == "continued" and self.trace_in is None and self.trace_field is None:
            raise ValueError("'traceparent: continued' needs 'trace_in' or 'trace_field', where the trace can be seen")
        if (self.trace_field or self.span_field or self.log_field) and not self.logs:
            raise ValueError("'log_field', 'trace_field' and 'span_field' need 'logs'")
        if self.span_field and not self.trace_field:
            raise ValueError("'span_field' needs 'trace_field'")
        if self.header is None and (self.traceparent != "continued" or (self.trace_in is None and not self.logs)):
            raise ValueError(
                "'header: null' needs 'traceparent: continued', and 'trace_in' or 'logs', where the trace can be seen"
            )
        if self.header is None and (self.sent or self.refused is not None or self.log_field):
            raise ValueError("'sent', 'refused' and 'log_field' are about the id that 'header' carries, which is null")
        if self.trace_in and self.trace_in.startswith("$"):
            from probes.jsonpath import finder

            finder(self.trace_in)
        return self

    def needs(self) -> frozenset[Grant]:
        sent = [one for one in (self.request, self.refused) if one is not None]
        writing = any(one.method.upper() in ALWAYS_WRITING for one in sent)
        return frozenset({Grant.WRITE}) if (writing if self.writes is None else self.writes) else frozenset()

    def variables(self) -> frozenset[str]:
        return frozenset({"unique"})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        from probes.correlation_asking import Asking, RateLimited

        asking = await Asking.begin(self, session, lambda: str(uuid4()))
        try:
            async for made in self._parts(asking):
                yield made
        except RateLimited as met:
            yield met.as_check()

    async def _parts(self, asking: Asking) -> AsyncIterator[Check]:
        if self.header is None:
            from probes.correlation_traces import traces_alone

            async for made in traces_alone(asking):
                yield made
            return
        for part in (asking.echoes, asking.together, asking.refusal, asking.makes, asking.hostile, asking.trace, asking.logged):
            async for made in part():
                yield made
