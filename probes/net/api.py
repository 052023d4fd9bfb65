"""This file is for reading proof over HTTP: what an evidence source with an API has in its keys, and how it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveInt

from probes.evidence.source import EvidenceError, EvidenceSource
from probes.fields import Duration, HeaderValue
from probes.net import egress
from probes.net.answer import Answer, NotJson
from probes.net.building import Builder
from probes.net.egress import NotSent
from probes.net.ledger import Ledger
from probes.net.sender import Sender
from probes.net.trouble import TargetError
from probes.outcome import Json, Subject
from probes.request import RequestTemplate
from probes.target import Auth, Environment, Limits, Target, Tls, http_address

_ASKED_BY = Subject("vedette", "evidence", "evidence", "", "")
_REFUSALS = {401: "it refused the credentials", 403: "the credentials may not read it", 429: "it is asked too often (429)"}


class ApiSource(EvidenceSource):
    """The keys that every source with an HTTP API has, and the one way to ask it. Private addresses are the usual case here."""

    url: Annotated[str, AfterValidator(http_address)]  # where the API is: http:// or https://, a path in it is kept
    headers: dict[str, HeaderValue] = Field(default_factory=dict)  # sent with every question, such as X-Scope-OrgID
    auth: Auth | None = None  # credentials
    tls: Tls = Tls()  # how its certificate is verified
    timeout: Duration = Field(10.0, gt=0)  # of one question
    max_bytes: PositiveInt = 16 * 1024 * 1024  # of one answer, after decompression

    def describe(self) -> str:
        return f"{self.source_name.replace('_', ' ').capitalize()} at {self.url.partition('://')[2]}"

    async def ask(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        method: str = "GET",
        json: Json = None,
        form: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Return the answer of any status. Raises: EvidenceError where there is none."""
        asked = {"method": method, "path": path, "query": dict(query or {}), "json": json, "form": form}
        template = RequestTemplate.model_validate(asked)
        try:
            return await self._sender().send(template, contextlib.nullcontext, blame=False)
        except TargetError as problem:
            raise self.unread(str(problem).replace("limit body_bytes", "max_bytes")) from None
        except NotSent as problem:
            raise self.unread(str(problem)) from None

    async def ask_json(
        self, path: str, *, query: Mapping[str, Any] | None = None, method: str = "GET", json: Json = None
    ) -> Json:
        """Return the JSON of an answer with status 2xx. Raises: EvidenceError for anything else."""
        return self.json_of(await self.ask(path, query=query, method=method, json=json))

    def json_of(self, answer: Answer) -> Json:
        """Return the JSON of an answer with status 2xx. Raises: EvidenceError for anything else."""
        if not 200 <= answer.status < 300:
            raise self.unread(_REFUSALS.get(answer.status, f"it answered {answer.status}{self._said(answer)}"))
        try:
            return answer.json()
        except NotJson as problem:
            raise self.unread(str(problem)) from None

    def unread(self, reason: str) -> EvidenceError:
        return EvidenceError(f"{self.describe()} could not be read: {reason}")

    def _said(self, answer: Answer) -> str:
        """Return what the API says of its refusal, shortened; each API has its own way, so a subclass may know better."""
        text = " ".join(answer.text.split())[:200]
        return f": {text}" if text else ""

    def sent_headers(self) -> dict[str, HeaderValue]:
        """Return the headers of every question; a subclass may have some of its own."""
        return self.headers

    def _sender(self) -> Sender:
        limits = Limits(request=self.timeout, connect=self.timeout, body_bytes=self.max_bytes)
        target = Target(
            name="it",
            base_url=self.url,
            environment=Environment.STAGING,
            headers=self.sent_headers(),
            auth=self.auth,
            tls=self.tls,
            limits=limits,
            private_networks=True,
            correlation_headers=(),
        )
        builder = Builder(target, _ASKED_BY, "", "")
        return Sender(target, builder, Ledger(), now=lambda: datetime.now(UTC), resolve=egress.resolve)
