"""This file is for the rule of missing services: a test skips with the reason, but where all must be there it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SKIPS = """\
import pytest

def test_needs_a_service(require):
    require('a tea service', False)

@pytest.mark.skip('just so')
def test_two(): ...
"""


@pytest.mark.parametrize(
    ("everything", "code", "words"), [("1", 1, "1 failed, 1 error"), ("", 0, "2 skipped")], ids=["ci", "elsewhere"]
)
def test_a_missing_service_skips_and_fails_under_ci(tmp_path: Path, everything: str, code: int, words: str) -> None:
    (tmp_path / "test_x.py").write_text(SKIPS)
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\nfrom tests.conftest import pytest_runtest_makereport\n")
    environ = {**os.environ, "VEDETTE_REQUIRE_ALL": everything, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", str(tmp_path)],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, words in done.stdout, "tea service" in done.stdout) == (code, True, True), done.stdout
