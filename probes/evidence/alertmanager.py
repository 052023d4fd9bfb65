"""This file is for reading from Alertmanager how it is configured: who is told of which alert.

Source: the OpenAPI description of Alertmanager's API v2, GET /status (`config.original` is the loaded file, secrets masked).
"""

from __future__ import annotations

import asyncio

from probes.alert_routes import NoRouting, Routing, routing
from probes.net.api import ApiSource
from probes.outcome import Json
from probes.shorten import shorten

_CHARACTERS = 1024 * 1024  # of a configuration; the largest that people write are a tenth of that
_DEEP = 100  # libyaml's own building of values overruns the stack where a text is nested without end


class Alertmanager(ApiSource, source="alertmanager"):
    """The routes, receivers and inhibitions that Alertmanager has loaded, from its HTTP API; nothing is sent to anybody.

    `url` is what stands before `/api/v2`.
    """

    async def routing(self) -> Routing:
        """Return where it would send alerts. Raises: EvidenceError."""
        status = await self.ask_json("/api/v2/status")
        config = status.get("config") if isinstance(status, dict) else None
        text = config.get("original") if isinstance(config, dict) else None
        if not isinstance(text, str):
            raise self.unread("its status has no 'config.original'")
        if len(text) > _CHARACTERS:
            raise self.unread(f"its configuration is longer than {_CHARACTERS} characters")
        try:
            return routing(await asyncio.to_thread(_document, text))
        except NoRouting as problem:
            raise self.unread(f"its configuration cannot be used: {problem}") from None


def _document(text: str) -> Json:
    """Return what a YAML text holds. Raises: NoRouting."""
    import yaml

    loader, depth = getattr(yaml, "CSafeLoader", yaml.SafeLoader), 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEP:
                raise NoRouting(f"it is nested more than {_DEEP} levels deep")
        return yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError) as problem:
        if isinstance(problem, NoRouting):
            raise
        raise NoRouting(f"it is no YAML: {shorten(' '.join(str(problem).split()), 200)}") from None
