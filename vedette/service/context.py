"""This file is for what every line of the log of one request shares: who asks, and under which correlation id."""

from __future__ import annotations

from contextvars import ContextVar

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
caller_name: ContextVar[str] = ContextVar("caller_name", default="")
