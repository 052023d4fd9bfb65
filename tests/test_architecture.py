"""This file is for the house: one line of imports, one owner for each big dependency, small rooms."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINE = ("probes", "scenarios", "reports", "vedette")  # each may import only what stands to its left
OWNERS = {
    "ahocorasick_rs": ("probes/sieve.py", "probes/line_sieve.py", "probes/planted_requests.py"),
    "httpx": ("probes/session.py", "probes/net/"),
    "httptools": ("probes/net/", "vedette/reference/"),
    "psycopg": ("probes/evidence/postgres.py",),
    "pymysql": ("probes/evidence/mysql.py",),
    "redis": ("probes/evidence/redis.py", "vedette/reference/"),
    "playwright": ("probes/browsing/driver.py",),
    "websockets": ("probes/socket_talk.py", "vedette/reference/"),
    "grpc": ("probes/grpc_health_wire.py", "vedette/reference/"),
    "yaml": ("scenarios/source.py", "probes/evidence/alertmanager.py"),
    "sqlmodel": ("reports/store/",),
    "sqlalchemy": ("reports/store/",),
    "alembic": ("reports/store/",),
    "jinja2": ("reports/stage.py",),
    "markupsafe": ("reports/stage.py",),
    "fastapi": ("vedette/service/",),
    "starlette": ("vedette/service/",),
    "uvicorn": ("vedette/service/server.py",),
    "structlog": ("vedette/service/logs.py",),
    "opentelemetry": ("vedette/service/tracing.py",),
    "holidays": ("probes/opening_hours.py", "vedette/reference/"),
    "apscheduler": ("scenarios/schedule.py",),
    "prometheus_client": ("reports/metrics/",),
    "locust": ("scenarios/load/locustfile.py",),
    "cryptography": ("probes/certificates.py", "vedette/reference/"),
    "dns": ("probes/dns_answers.py", "vedette/reference/"),
    "requests": (),
    "aiohttp": (),
}
LARGEST_FILE = 300


def sources() -> list[Path]:
    return sorted(p for package in LINE for p in (ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def test_each_package_imports_only_what_stands_to_its_left() -> None:
    wrong = []
    for path in sources():
        own = path.relative_to(ROOT).parts[0]
        for name, line in imports_of(path):
            top = name.partition(".")[0]
            if top in LINE and LINE.index(top) > LINE.index(own):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


def test_each_big_dependency_is_imported_by_its_owner_only() -> None:
    wrong = []
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        for name, line in imports_of(path):
            owners = OWNERS.get(name.partition(".")[0])
            if owners is not None and not place.startswith(tuple(owners) or ("none",)):
                wrong.append(f"{place}:{line} imports {name}")
    assert wrong == []


def test_no_source_file_is_larger_than_a_small_room() -> None:
    large = {p.relative_to(ROOT).as_posix(): n for p in sources() if (n := len(p.read_text("utf-8").splitlines())) > LARGEST_FILE}
    assert large == {}


def test_every_source_file_says_what_it_is_for() -> None:
    silent = [p.relative_to(ROOT).as_posix() for p in sources() if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert silent == []


@pytest.mark.parametrize("decoy", LINE)
def test_the_command_is_not_fooled_by_a_folder_of_the_same_name(decoy: str, tmp_path: Path) -> None:
    (tmp_path / decoy).mkdir()
    (tmp_path / decoy / "__init__.py").write_text("raise SystemExit('the decoy was imported')\n")
    command = Path(sys.executable).parent / "vedette"
    done = subprocess.run([command, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "vedette"), done.stderr


@pytest.mark.parametrize("module", ["pydantic", "httpx", "sqlmodel", "jinja2", "asyncio", "yaml"])
def test_help_imports_nothing_heavy(module: str) -> None:
    code = (
        "import sys\nfrom vedette.cli.main import build_parser\n"
        f"build_parser().format_help()\nsys.exit({module!r} in sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=environ, timeout=60, check=False).returncode == 0
