"""This file is for signing what is sent with a secret that the target shares, as webhooks are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import model_validator

from probes.fields import Configured, Secret

_PLACE = re.compile(r"\{\{\s*(body|timestamp|signature)\s*\}\}")


class Signing(Configured):
    """How a body is signed. `{{body}}`, `{{timestamp}}` and `{{signature}}` stand for what is sent, when, and the result."""

    secret: Secret  # shared with the target
    header: str = "X-Signature"  # that holds the signature
    algorithm: Literal["hmac-sha1", "hmac-sha256", "hmac-sha512"] = "hmac-sha256"  # how it is made
    encoding: Literal["hex", "base64"] = "hex"  # how it is written
    value: str = "{{signature}}"  # the header's value, such as `sha256={{signature}}` or `t={{timestamp}},v1={{signature}}`
    signs: str = "{{body}}"  # what is signed, such as `{{timestamp}}.{{body}}`
    timestamp_header: str | None = None  # that holds the time of the delivery, in seconds since 1970

    @model_validator(mode="after")
    def _can_sign(self) -> Signing:
        if "body" not in self._places(self.signs):
            raise ValueError("'signs' should hold {{body}}, else any body would do")
        if "signature" not in self._places(self.value):
            raise ValueError("'value' should hold {{signature}}")
        if "timestamp" in self._places(self.signs) and not self.tells_time:
            raise ValueError("'signs' holds {{timestamp}}, but nothing tells the target the time; give 'timestamp_header'")
        return self

    @property
    def tells_time(self) -> bool:
        return self.timestamp_header is not None or "timestamp" in self._places(self.value)

    @property
    def signs_time(self) -> bool:
        return "timestamp" in self._places(self.signs)

    def signature(self, body: str, at: int, *, key: bytes | None = None) -> str:
        """Return the signature of a body sent `at` seconds since 1970, with another key than the secret if one is given."""
        text = _put(self.signs, {"body": body, "timestamp": str(at)})
        digest = getattr(hashlib, self.algorithm.partition("-")[2])
        secret = self.secret.reveal().encode() if key is None else key
        raw = hmac.new(secret, text.encode("utf-8", "surrogateescape"), digest).digest()
        return raw.hex() if self.encoding == "hex" else base64.b64encode(raw).decode()

    def told(self, signature: str, at: int) -> str:
        """Return the value of the header that holds the signature."""
        return _put(self.value, {"signature": signature, "timestamp": str(at)})

    def headers(self, body: str, at: int) -> dict[str, str]:
        """Return the headers that go with a body that is sent `at` seconds since 1970."""
        made = {self.header: self.told(self.signature(body, at), at)}
        return made if self.timestamp_header is None else {**made, self.timestamp_header: str(at)}

    @staticmethod
    def _places(text: str) -> list[str]:
        return _PLACE.findall(text)


def body_text(json_body: Any, form: Mapping[str, Any] | None, body: str | None) -> tuple[str, str]:
    """Return a body as it goes over the wire, and its type: what is signed are the very signs that are sent."""
    if json_body is not None:
        return json.dumps(json_body, separators=(",", ":")), "application/json"
    if form is not None:
        return urlencode(form, doseq=True), "application/x-www-form-urlencoded"
    return body or "", ""


def _put(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place.group(1)], text)
