"""This file is for asking whether what must be audited is: one true record for each action, and none that can be changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from pydantic import Field, PositiveInt, PrivateAttr, field_validator, model_validator

from probes.audit_asking import AuditAsking
from probes.audit_options import (
    CORRELATION_ID,
    Action,
    Chain,
    Match,
    NotAudited,
    PlainPath,
    Records,
    WriteOnce,
    usable_schema,
)
from probes.contracts.catalogue import AuditContractName, find
from probes.fields import Duration
from probes.operators import schema_validator
from probes.outcome import Check
from probes.planting import NAMESPACE, PLANTABLE, planted_in
from probes.probe import Probe
from probes.session import Session
from probes.taking_back import UndoStep
from probes.target import Grant

_ALWAYS_WRITING = {"PUT", "PATCH", "DELETE"}  # a POST may change nothing, such as a login

Plantable = Literal["email", "phone", "name", "token", "password", "iban", "card", "ip"]


class AuditLog(Probe, kind="audit_log"):
    """Do what must be audited, and expect one record of each action that says who did what to what.

    A record is known by the correlation id of the action's request, or by `match`. It is held against `contract`,
    `schema` and each action's `record`; it must name an actor, and hold no secret: no value under a name such as
    `password` that is not masked, and none of the `{{planted.password}}`, `.token`, `.card`, `.iban` that were sent. A
    refused action, such as a failed login, is audited too: give it `expect_status: 401`. `chain` holds records
    against the hashes of those before them; `write_once` tries to change one. Nothing is written to evidence sources.
    The controls: the action was done, its record was not there before, and the record without its actor is refused.
    Source: NIST SP 800-53 revision 5, AU-3 (what a record tells), AU-9 (that nobody changes it).
    """

    action: Action | None = None  # the one request that must be audited; or give `actions`
    actions: tuple[Action, ...] = ()  # several, one after the other
    records: Records  # where the audit records are read
    called: str = Field("audit record", min_length=1, max_length=40)  # what a record is, for sentences: alert
    match: Match = Match()  # how a record is known: a path to the correlation id, or `path` and `equals`
    contract: AuditContractName | None = None  # the bundled contract that each record must fit
    json_schema: dict[str, Any] | None = Field(None, alias="schema")  # a JSON Schema that each record must fit
    actor: PlainPath = "$.actor_id"  # where a record says who did it
    time: PlainPath = "$.timestamp"  # where a record says when; a record without is only noted
    skew: Duration = 300.0  # how far that time may be from the action's
    within: Duration = Field(5.0, gt=0)  # in which the record must be there
    exactly: PositiveInt = 1  # how many records an action leaves
    settle: Duration = 1.0  # more looking after that, for records that come twice
    not_audited: tuple[NotAudited, ...] = ()  # requests that must leave no record, such as reading a list
    never: tuple[Plantable, ...] = ("password", "token", "card", "iban")  # planted kinds that no record may hold
    phone_country: Literal["DE", "GB", "US", "FR"] = "DE"  # whose numbers for fiction are planted
    chain: Chain | None = None  # how each record vouches for the one before it
    write_once: WriteOnce | None = None  # tries to change a record, which need the grant `write`
    undo: tuple[UndoStep, ...] = ()  # requests that take back what the actions did
    writes: bool | None = None  # true needs the grant `write`; default: PUT, PATCH, DELETE, `undo` or `write_once` make it true

    _actions: tuple[Action, ...] = PrivateAttr(default=())

    @field_validator("json_schema")
    @classmethod
    def _usable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return usable_schema(value)

    @model_validator(mode="after")
    def _whole(self) -> AuditLog:
        if (self.action is None) == (not self.actions):
            raise ValueError("give either 'action' or 'actions'")
        self._actions = (self.action,) if self.action is not None else self.actions
        names = [*(one.name for one in self._actions), *(one.name for one in self.not_audited)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two actions are named '{twice}'")
        bare = [one.name for one in self._actions if not one.record]
        if bare and self.contract is None and self.json_schema is None:
            raise ValueError(f"nothing says what the record of '{bare[0]}' must be; give its 'record', or 'contract' or 'schema'")
        if self.not_audited and not self.match.by_request:
            raise ValueError("'not_audited' needs records that are known by the correlation id of their request ('match')")
        return self

    @model_validator(mode="after")
    def _knows_all_places(self) -> AuditLog:
        known = {CORRELATION_ID} | {name for one in self._actions for name in one.capture}
        if self.records.rows is not None and (unknown := self.records.rows.unknown_places(known)):
            raise ValueError(f"the statement holds ':{unknown[0]}', which is neither captured nor under 'parameters'")
        planted = [kind for kind in self.held if kind not in PLANTABLE]
        if planted:
            raise ValueError(f"there is no '{{{{planted.{planted[0]}}}}}'; there is {', '.join(PLANTABLE)}")
        if self.chain is not None:
            self._chain_can_be_read(self.chain)
        return self

    def _chain_can_be_read(self, chain: Chain) -> None:
        rows, api = self.records.rows is not None, self.records.api is not None
        if rows != (chain.statement is not None):
            raise ValueError("'chain' needs a 'statement' that gives the neighbours" if rows else "only rows have a 'statement'")
        if api != (chain.request is not None):
            raise ValueError("'chain' needs a 'request' that gives the neighbours" if api else "only an API has a 'request'")

    @property
    def held(self) -> list[str]:
        """Return the kinds of planted values that the requests hold, in order."""
        requests = [*(one.request for one in self._actions), *(one.request for one in self.not_audited)]
        return list(dict.fromkeys(kind for one in requests for kind in planted_in(one.model_dump())))

    @property
    def validators(self) -> list[tuple[str, Any]]:
        """Return the schemas that every record must fit, each with what it is called."""
        made = []
        if self.contract is not None:
            made.append((f"the contract {self.contract}", schema_validator(find(self.contract).text)))
        if self.json_schema is not None:
            made.append(("the schema", schema_validator(json.dumps(self.json_schema, sort_keys=True))))
        return made

    def needs(self) -> frozenset[Grant]:
        writing = any(one.request.method.upper() in _ALWAYS_WRITING for one in self._actions)
        writes = bool(writing or self.undo or self.write_once) if self.writes is None else self.writes or bool(self.write_once)
        return self.grants | ({Grant.WRITE} if writes else set())

    def variables(self) -> frozenset[str]:
        captured = {name for one in self._actions for name in one.capture}
        return frozenset(captured | {CORRELATION_ID, NAMESPACE, "record."})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        async for made in AuditAsking(self, self._actions, session).ask():
            yield made
