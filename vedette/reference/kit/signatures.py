"""This file is for webhooks that others send us: signed over time and body, and not accepted twice or late."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from datetime import datetime

from vedette.reference.server import Request

TOLERANCE_S = 300.0


class Signatures:
    """Checks `X-Signature`, the hex HMAC-SHA256 over `X-Timestamp`, a dot and the body."""

    def __init__(self, secret: bytes, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        self._secret = secret
        self._bugs = bugs
        self._clock = clock

    def why_not(self, request: Request) -> str:
        """Return why a request is not accepted, or an empty text."""
        if "webhook_signature_unchecked" in self._bugs:
            return ""
        stamp = request.headers.get("x-timestamp", "")
        wanted = hmac.digest(self._secret, stamp.encode() + b"." + request.body, hashlib.sha256).hex()
        if not hmac.compare_digest(request.headers.get("x-signature", "").encode(), wanted.encode()):
            return "signature"
        old = not stamp.isdigit() or abs(self._clock().timestamp() - int(stamp)) > TOLERANCE_S
        return "timestamp" if old and "webhook_replay_accepted" not in self._bugs else ""
