"""This file is for tests of the command: the installed script, in an empty folder, against a live reference target."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vedette.jobs.demo import embedded_target

COMMAND = Path(sys.executable).parent / "vedette"
TOKEN = "control-token-of-the-tests"

Vedette = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vedette(tmp_path: Path) -> Vedette:
    """Return a function that runs the installed command in an empty folder and returns how it ended."""

    def call(*words: object, environ: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("VEDETTE_", "GITHUB_"))}
        return subprocess.run(
            [str(COMMAND), *map(str, words)],
            cwd=tmp_path, env=clean | (environ or {}), capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return call


@pytest.fixture
def reference(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Serve a sound reference target, and yield the environment that the suites `demo` and `askpro` need to reach it."""
    log = tmp_path / "reference.log"
    with embedded_target([], log, TOKEN) as url:
        yield environment_of(url, log)


def environment_of(url: str, log: Path) -> dict[str, str]:
    """Return the variables that point the bundled suites at a reference target."""
    return {
        "VEDETTE_DEMO_URL": url,
        "VEDETTE_DEMO_LOG": str(log),
        "VEDETTE_REFERENCE_TOKEN": TOKEN,
        "ASKPRO_STAGING_URL": url,
        "ASKPRO_STAGING_LOG": str(log),
        "ASKPRO_CONTROL_TOKEN": TOKEN,
        "ASKPRO_PRODUCTION_URL": url,
        "ASKPRO_PRODUCTION_IS_PRIVATE": "true",
    }
