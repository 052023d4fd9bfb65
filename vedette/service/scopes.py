"""This file is for what a token may be used for; it loads nothing, because the command line names the scopes too."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """What a token may be used for. None stands for another: a token that writes and reads has both."""

    READ = "read"  # pages and the API, reading
    METRICS = "metrics"  # /metrics and /probe
    WRITE = "write"  # deployments, maintenance, reload, asking out of turn
    GATE = "gate"  # the canary gate
    HEARTBEAT = "heartbeat"  # reporting for any job
