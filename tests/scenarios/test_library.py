"""This file is for what holds for all kinds and all bundled suites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probes.registry import KINDS
from scenarios.loader import LIBRARY, load_suite
from scenarios.parts import RESERVED_KEYS

VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)\}")


@pytest.mark.parametrize("kind", [name for name in KINDS.names() if not name.startswith("test_")])
def test_no_option_of_a_kind_has_the_name_of_a_common_key(kind: str) -> None:
    found = KINDS.find(kind)
    assert found is not None
    assert {field.alias or name for name, field in found.model_fields.items()} & RESERVED_KEYS == set()


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_bundled_suite_loads_for_all_its_targets(file: Path) -> None:
    environ = dict.fromkeys(VARIABLE.findall(file.read_text(encoding="utf-8")), "http://127.0.0.1:9")
    suite = load_suite(file.stem, environ=environ, all_targets=True)
    assert set(suite.targets) == set(suite.target_names) and suite.scenarios


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_bundled_suite_has_the_line_that_editors_look_for(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")
