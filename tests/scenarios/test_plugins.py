"""This file is for strangers' probe kinds: one file, named by a suite or offered by an installed package, and nothing else."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from probes.outcome import Verdict
from probes.registry import KINDS
from scenarios.loader import load_suite
from scenarios.mistakes import SuiteError
from scenarios.runner import run

pytestmark = pytest.mark.anyio

# The whole of a new kind: this one file. Its fields are the keys in YAML, its checks the outcome.
TEAPOT = '''
"""Ask whether the target is a teapot."""
from __future__ import annotations

from probes.outcome import check, control
from probes.probe import Probe
from probes.request import RequestTemplate


class Teapot(Probe, kind="{kind}"):
    """A teapot answers 418. Source: RFC 2324 section 2.3.2."""

    request: RequestTemplate

    async def ask(self, session):
        answer = await session.send(self.request)
        yield control("somebody answered", holds=answer.status >= 100)
        yield check("it is a teapot", expected=418, observed=answer.status, holds=answer.status == 418)
'''
SUITE = """
{plugins}
targets:
  loopback: {{base_url: "http://127.0.0.1:{port}", private_networks: true}}
scenarios:
  - {{name: the pot is a pot, probe: {kind}, request: {{path: /pot}}}}
  - {{name: the cup is a pot, probe: {kind}, request: {{path: /cup}}}}
"""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    status = b"418 I'm a teapot" if head.startswith(b"GET /pot") else b"200 OK"
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def _verdicts(kind: str, plugins: str, folder: Path) -> list[Verdict]:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        file = folder / "suite.yaml"
        file.write_text(SUITE.format(kind=kind, plugins=plugins, port=port), encoding="utf-8")
        result = await run(load_suite(str(file), target="loopback", environ={}), "loopback")
    assert [o.subject.kind for o in result.outcomes] == [kind, kind]
    return [o.verdict for o in result.outcomes]


async def test_a_probe_kind_is_one_file_that_a_suite_names(tmp_path: Path) -> None:
    (tmp_path / "teapot.py").write_text(TEAPOT.format(kind="test_teapot_of_a_file"), encoding="utf-8")
    found = await _verdicts("test_teapot_of_a_file", "plugins: [./teapot.py]", tmp_path)
    assert found == [Verdict.PASS, Verdict.FAIL]


async def test_a_probe_kind_is_an_installed_package_with_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "test_teapot_of_a_package"
    site = tmp_path / "site"
    info = site / "vedette_teapot-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vedette-teapot\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[vedette.probes]\n{kind} = vedette_teapot:Teapot\n", encoding="utf-8")
    (site / "vedette_teapot.py").write_text(TEAPOT.format(kind=kind), encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(KINDS, "_strangers", None)  # a fresh process would not have looked yet
    try:
        assert kind in KINDS.names()
        assert await _verdicts(kind, "", tmp_path) == [Verdict.PASS, Verdict.FAIL]
    finally:
        KINDS._loaded.pop(kind, None)
        KINDS._strangers = None
        sys.modules.pop("vedette_teapot", None)


async def test_a_kind_that_nobody_offers_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="there is no probe 'test_teapot_of_nobody'"):
        await _verdicts("test_teapot_of_nobody", "", tmp_path)
