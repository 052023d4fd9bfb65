"""This file is for what is not installed by default: which extra a kind or a source needs, and whether it is there."""

from __future__ import annotations

import importlib.util

# The module by which each extra is known to be there; `pyproject.toml` says what they bring.
MODULES = {
    "browser": "playwright",
    "dns": "dns",
    "grpc": "grpc",
    "mysql": "pymysql",
    "postgres": "psycopg",
    "redis": "redis",
    "tls": "cryptography",
    "websocket": "websockets",
}


def is_lacking(extra: str) -> bool:
    """Return whether an extra is needed and not installed; an empty name needs none."""
    return bool(extra) and importlib.util.find_spec(MODULES[extra]) is None


def remedy(*extras: str) -> str:
    """Return the command that installs them."""
    return f"pip install 'vedette[{','.join(sorted(extras))}]'"
