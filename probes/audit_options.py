"""This file is for what a scenario says of an audit trail: the actions, where their records are read, and how they are kept."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from probes.capture import Capture, CaptureName
from probes.expect import JsonPath
from probes.fields import Configured, LogRef, OrText, RowRef
from probes.jsonpath import plain_segments
from probes.log_records import Wrapped
from probes.matchers import Matcher
from probes.operators import schema_validator
from probes.request import RequestTemplate, names_in
from probes.sql_reading import ReadingStatement, names_in_statement
from probes.status import StatusMatcher
from probes.taking_back import READING_METHODS

SUCCESS = StatusMatcher.model_validate("2xx")
REFUSED = StatusMatcher.model_validate([403, 405])
CORRELATION_ID = "correlation_id"  # the name under which statements and requests have the id of the action's request


def _plain_path(path: str) -> str:
    segments = plain_segments(path)
    if not segments or not all(isinstance(one, str) for one in segments):
        raise ValueError(f"'{path}' should be a path of names only, such as $.actor_id or $.actor.id")
    return path


def _whole_path(path: str) -> str:
    if names_in(path):
        raise ValueError("this path cannot hold '{{name}}'")
    return path


PlainPath = Annotated[str, AfterValidator(_plain_path)]
FixedPath = Annotated[JsonPath, AfterValidator(_whole_path)]


def usable_schema(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuse a JSON Schema that is none. Raises: ValueError."""
    if value is not None:
        schema_validator(json.dumps(value, sort_keys=True))
    return value


class Action(Configured):
    """One request that must be audited, and what its record must say."""

    name: str = Field(min_length=1)  # what it is, for sentences, such as appointment.created
    request: RequestTemplate  # what is sent
    expect_status: StatusMatcher = SUCCESS  # that shows that it was done, or refused as it should be: 201, 401
    capture: dict[CaptureName, Capture] = Field(default_factory=dict)  # from its answer, for `{{name}}` and `:name`
    record: dict[JsonPath, Matcher] = Field(default_factory=dict)  # what its record must say, by path

    @property
    def writes(self) -> bool:
        return self.request.method.upper() not in READING_METHODS


class NotAudited(Configured):
    """One request that must leave no audit record, such as one that only reads."""

    name: str = Field(min_length=1)  # what it is, for sentences
    request: RequestTemplate  # what is sent
    expect_status: StatusMatcher = SUCCESS  # that shows that it was served


class Rows(Configured):
    """Records as rows of a database: one statement for each action, with `:name` for what is known of it."""

    source: RowRef  # a source of rows, such as one of kind postgres or mysql
    statement: ReadingStatement  # with :correlation_id, and :name for what was captured
    parameters: dict[CaptureName, Any] = Field(default_factory=dict)  # further ones, such as tenant: "{{vars.tenant_id}}"
    columns: dict[str, str] = Field(default_factory=dict)  # what a field of the record is called in the table: tenant_id: org_id
    json_columns: tuple[str, ...] = ()  # columns that hold JSON as text, as in MariaDB

    def unknown_places(self, known: set[str]) -> list[str]:
        return [name for name in names_in_statement(self.statement) if name not in known | set(self.parameters)]


class FromApi(Configured):
    """Records from an audit API of the target."""

    request: RequestTemplate  # may hold {{correlation_id}} and what was captured
    items: FixedPath = Field("$[*]", alias="json")  # that selects the records in its answer, such as $.items[*]


class Records(Configured):
    """Where the audit records are read: give one of `logs`, `rows` and `api`."""

    logs: tuple[LogRef, ...] | None = None  # log sources; each line that is a JSON object may be a record
    wrapped: Wrapped = "auto"  # what a container runtime put around the lines
    rows: Rows | None = None  # a database
    api: FromApi | None = None  # an audit API of the target
    at: FixedPath = "$"  # where in a line, row or item the record stands, such as $.context
    where: dict[FixedPath, Matcher] = Field(default_factory=dict)  # that only audit records fit, among other log lines

    @model_validator(mode="after")
    def _one_place(self) -> Records:
        if sum(one is not None for one in (self.logs, self.rows, self.api)) != 1:
            raise ValueError("give exactly one of 'logs', 'rows' and 'api'")
        if self.logs == ():
            raise ValueError("'logs' names no source")
        return self


class Match(OrText):
    """How the record of an action is known: the value at `path` is `equals`, compared as text."""

    path: FixedPath = "$.correlation_id"  # in the record
    equals: str = "{{correlation_id}}"  # by default the correlation id of the action's request

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @property
    def by_request(self) -> bool:
        """Whether a record is known by its request alone, so that no other request's record can be taken for it."""
        return CORRELATION_ID in names_in(self.equals)


class Chain(Configured):
    """How each record vouches for the one before it, so that nobody can change one in silence."""

    hash: PlainPath = "$.hash"  # the record's own
    previous: PlainPath = "$.previous_hash"  # that of the record before it
    algorithm: Literal["sha256"] = "sha256"  # of the hashes; there is no other yet
    over: Literal["canonical"] | tuple[FixedPath, ...] | None = None  # what is hashed; default: hashes are only compared
    separator: str = "|"  # between the fields of `over`; null is an empty text
    genesis: str | None = None  # what the first record of all has for the hash before it
    statement: ReadingStatement | None = None  # with rows: gives the records in their order, with their neighbours
    request: RequestTemplate | None = None  # with an API: the same

    @field_validator("over")
    @classmethod
    def _something(cls, value: Any) -> Any:
        if value == ():
            raise ValueError("'over' names no field; give paths, or 'canonical'")
        return value

    @model_validator(mode="after")
    def _links(self) -> Chain:
        if isinstance(self.over, tuple) and self.previous not in self.over:
            raise ValueError(f"'over' should hold {self.previous}: a hash without it vouches for no other record")
        return self


class Change(Configured):
    """One try to change or delete a record that is written once. `{{record.NAME}}` is a field of the record."""

    name: str = Field(min_length=1)  # for sentences, such as changing it
    request: RequestTemplate  # such as DELETE /audit/{{record.audit_id}}
    refused: StatusMatcher = REFUSED  # how it must be refused; default: 403 or 405


class WriteOnce(Configured):
    """Tries to change the record of the first action through the API, and its being the same afterwards."""

    tries: tuple[Change, ...] = Field(min_length=1)  # each must be refused
