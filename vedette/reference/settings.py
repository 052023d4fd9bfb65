"""This file is for the numbers of the reference target: what it promises, and how fast its time runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The contract's numbers. Times of the real system would make a demonstration wait, so the breaker's is shorter."""

    limit: int = 50  # requests per call and window
    window_s: float = 60.0
    threshold: int = 5  # failures in a row that open the breaker
    open_s: float = 1.0  # the real system: 30
    fallback: bool = False  # whether callers of an open breaker get an answer marked as a fallback instead of 503
    cache_ttl_s: float = 300.0
    database_s: float = 0.002  # one look-up in the database
    calcom_s: float = 0.004  # one answer of the calendar service
    control_token: str = ""  # without one, nobody may pull a fault lever
    redis_url: str = ""  # empty: the cache lives in memory
    cache_prefix: str = "askpro_cache_"
    environment: str = "staging"
    calcom_log: Path | None = None  # where calls of Cal.com are logged
    history: bool = False  # whether a week of callers is counted already
    version: str = ""  # said in a header of every answer and in the health answers; empty: not said
