"""This file is for the routes that need no token: the few that never do, and those that the settings open by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NEVER_CLOSED = re.compile(
    r"/login|/login/page\.css"  # how else would one come in
    r"|/health/live"  # says only that the process answers; an orchestrator that gets a 401 would end us
)
OWN_SECRET = re.compile(
    r"/heartbeat/[^/]+/[^/]+(/[^/]+)?"  # the address itself is the secret, and is compared in constant time
    r"|/api/v1/flagger/[^/]+"  # the token stands in the body: Flagger sends no header
    r"|/kayenta/canaryConfig|/kayenta/canary/[^/]+"  # the token is the address's password: Argo sends no other header
)
OPENABLE: Mapping[str, re.Pattern[str]] = {
    "health": re.compile(r"/health|/health/[a-z]+"),
    "metrics": re.compile(r"/metrics"),  # not /probe: it makes us send requests
    "badges": re.compile(r"/badge/[^/]+|/badge/suite/[^/]+/[^/]+"),
    "public": re.compile(r"/public|/assets/[^/]+"),
}


class UnknownOpening(ValueError):
    """A name that opens nothing. The text is one sentence for a person."""


class Openings:
    """What is open for everybody."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Raises: UnknownOpening."""
        wanted = list(names)
        for name in wanted:
            if name not in OPENABLE:
                raise UnknownOpening(f"nothing is called '{name}' that could be opened: there are {', '.join(OPENABLE)}")
        self._open = [NEVER_CLOSED, OWN_SECRET, *(OPENABLE[name] for name in wanted)]

    def holds(self, path: str) -> bool:
        """Return whether a path needs no token."""
        return any(pattern.fullmatch(path) for pattern in self._open)
