"""This file is for webhooks that are signed with a shared secret: whether a delivery that somebody made up is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import model_validator

from probes.expect import Expectation
from probes.fields import Duration
from probes.request import RequestTemplate
from probes.signing import Signing, body_text
from probes.status import StatusMatcher

_PAST_S = 60.0  # beyond the tolerance, an old delivery is surely too old
_WITHOUT_TOLERANCE_S = 3600.0


class Webhook(Signing):
    """A delivery that is signed. The right signature must be accepted; any other, and an old one, refused."""

    request: RequestTemplate  # a good delivery, with `json`, `form` or `body`
    tolerance: Duration | None = None  # an older delivery must be refused; default: the age is not tried
    accepted: Expectation = Expectation()  # what a good delivery is answered; default: 2xx
    refused_with: StatusMatcher = StatusMatcher.model_validate(401)  # what any other is answered

    @model_validator(mode="after")
    def _can_be_signed(self) -> Webhook:
        if not any(part is not None for part in (self.request.json_body, self.request.form, self.request.body)):
            raise ValueError("'request' should have a body that is signed: 'json', 'form' or 'body'")
        if self.tolerance is not None and not self.tells_time:
            raise ValueError("'tolerance' needs 'timestamp_header', or {{timestamp}} in 'value': else the target knows no age")
        return self

    def signed(self, names: Mapping[str, Any], now_s: float) -> Signed:
        """Return the delivery as it is signed now. Raises: UnknownVariable."""
        filled = self.request.filled(names)
        body, content_type = body_text(filled.json_body, filled.form, filled.body)
        return Signed(self, filled, body, content_type, int(now_s))


@dataclass(frozen=True, slots=True)
class Signed:
    """One delivery, from which right and wrong ones are made."""

    by: Webhook
    filled: RequestTemplate
    body: str
    content_type: str
    at: int  # seconds since 1970

    def right(self) -> RequestTemplate:
        """Return it with the right signature."""
        return self._sent(self.body, self._value(self.at), self.at)

    def wrong(self) -> Iterator[tuple[str, RequestTemplate]]:
        """Yield what must be refused, each with who sends it."""
        right, value = self._signature(self.at), self._value(self.at)
        yield "a delivery without a signature", self._sent(self.body, None, self.at)
        yield "a delivery with an empty signature", self._sent(self.body, self._value(self.at, ""), self.at)
        other = self._signature(self.at, key=b"vedette-not-the-secret")
        yield "a delivery signed with another secret", self._sent(self.body, self._value(self.at, other), self.at)
        yield "a delivery whose signature is cut off", self._sent(self.body, self._value(self.at, right[:-8]), self.at)
        yield "a delivery whose body was changed after it was signed", self._sent(self.body + " ", value, self.at)
        empty = self._signature(self.at, key=b"")
        yield "a delivery signed with an empty secret", self._sent(self.body, self._value(self.at, empty), self.at)
        if self.by.signs_time:
            moved = self.at - 1
            yield "a delivery whose time was changed after it was signed", self._sent(self.body, self._value(moved, right), moved)
        if self.by.tolerance is not None:
            old = int(self.at - self.by.tolerance - _PAST_S)
            yield f"a delivery that is {self.at - old} s old", self._sent(self.body, self._value(old), old)

    def _signature(self, at: int, *, key: bytes | None = None) -> str:
        return self.by.signature(self.body, at, key=key)

    def _value(self, at: int, signature: str | None = None) -> str:
        return self.by.told(self._signature(at) if signature is None else signature, at)

    def _sent(self, body: str, value: str | None, at: int) -> RequestTemplate:
        dropped = {self.by.header.lower(), "content-type", (self.by.timestamp_header or "").lower()}
        headers = {k: v for k, v in self.filled.headers.items() if k.lower() not in dropped}
        given = next((v for k, v in self.filled.headers.items() if k.lower() == "content-type"), self.content_type)
        if given:
            headers["Content-Type"] = given
        if self.by.timestamp_header is not None:
            headers[self.by.timestamp_header] = str(at)
        if value is not None:
            headers[self.by.header] = value
        return self.filled.exactly(json_body=None, form=None, body=body, headers=headers)
