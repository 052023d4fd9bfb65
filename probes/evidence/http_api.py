"""This file is for any other HTTP API beside the target, such as Grafana's, Alertmanager's or Sentry's."""

from __future__ import annotations

from probes.net.api import ApiSource


class HttpApi(ApiSource, source="http_api"):
    """An HTTP API beside the target, with credentials of its own; a request asks it by `at`.

    Use it for what shows how the target is watched: `request: {at: grafana, path: /api/dashboards/uid/slo}`. It is only read.
    """

    def describe(self) -> str:
        return f"API at {self.url.partition('://')[2]}"
