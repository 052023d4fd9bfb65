"""This file is for the dangers that a failing check may tell of: what is so bad that nobody counts before they act on it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Danger(StrEnum):
    """The dangers that our own kinds tell of. A kind from elsewhere may name others."""

    CROSS_TENANT_LEAK = "cross_tenant_leak"
    PERSONAL_DATA_IN_LOGS = "personal_data_in_logs"
    BREAKER_STUCK_OPEN = "breaker_stuck_open"
    LIMIT_BLOCKS_LEGITIMATE = "limit_blocks_legitimate"
    SERVER_ERRORS = "server_errors"


DANGERS: Mapping[str, str] = {
    Danger.CROSS_TENANT_LEAK: "one tenant was served what belongs to another",
    Danger.PERSONAL_DATA_IN_LOGS: "personal data that was planted was found in a log, as it was sent",
    Danger.BREAKER_STUCK_OPEN: "a circuit breaker is open and does not close again",
    Danger.LIMIT_BLOCKS_LEGITIMATE: "a caller within its limit is refused",
    Danger.SERVER_ERRORS: "the server answered with an error of its own (5xx)",
}


# What was shown once stays shown: a later attempt that did not see it proves nothing against it.
LASTING = frozenset({Danger.CROSS_TENANT_LEAK, Danger.PERSONAL_DATA_IN_LOGS})

_BREAKERS = ("breaker", "circuit")


def of_state(name: str, seen: str) -> str:
    """Return the danger that an unwanted state tells of, by what it is the state of, or an empty text."""
    is_breaker = any(word in name.casefold() for word in _BREAKERS)
    return Danger.BREAKER_STUCK_OPEN if is_breaker and seen.strip("'\"").casefold() == "open" else ""


def of_status(status: int | None) -> str:
    """Return the danger that an unwanted status tells of, or an empty text. Source: RFC 9110 section 15.6."""
    return Danger.SERVER_ERRORS if status is not None and 500 <= status <= 599 else ""
