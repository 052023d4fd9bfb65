"""This file is for the one place that knows our version."""

from __future__ import annotations


def version() -> str:
    """Return the installed distribution's version, such as `0.1.0`."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("vedette")
    except PackageNotFoundError:
        return "0+unknown"
