"""This file is for the comparison with blackbox_exporter itself: asked the same, it says the same in the same names."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from probes.kinds.http import Http
from probes.outcome import Outcome
from probes.probe import ask
from reports.metrics.blackbox import probe_text
from tests.probes.badserver import BadServer, Talk, answer, serving
from tests.probes.sessions import session_at

pytestmark = pytest.mark.anyio

MODULES = """
modules:
  http_2xx:
    prober: http
    timeout: 5s
    http: {preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: ['^ok']}
"""
SAME_VALUE = {
    "probe_success", "probe_http_status_code", "probe_http_ssl", "probe_http_redirects", "probe_http_content_length",
    "probe_http_uncompressed_body_length", "probe_http_version", "probe_ip_protocol", "probe_ip_addr_hash",
    "probe_failed_due_to_regex",
}  # fmt: skip


@pytest.fixture
async def exporter(tmp_path: Path, require: Callable[[str, bool], None]) -> AsyncIterator[str]:
    """Yield the address of a blackbox_exporter that runs for one test."""
    program = shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    require("blackbox_exporter (Debian's package prometheus-blackbox-exporter)", program is not None)
    (tmp_path / "blackbox.yml").write_text(MODULES, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [str(program), f"--config.file={tmp_path / 'blackbox.yml'}", f"--web.listen-address={address}"]
    running = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert running.stderr is not None
        async with asyncio.timeout(20):
            while b"istening on" not in (line := await running.stderr.readline()):
                assert line, "blackbox_exporter ended"
        yield f"http://{address}/probe"
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await running.communicate()


def told(text: str) -> dict[str, tuple[str, float]]:
    """Return type and value of every sample, by name and label values."""
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): (family.type, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def script(talk: Talk) -> None:
    """Redirect once, then answer as the path says."""
    status = {"/broken": "500 Internal Server Error"}.get(talk.path, "200 OK")
    if talk.path == "/moved":
        await talk.send(answer(status="302 Found", location="/good"))
    else:
        await talk.send(answer(b"ok, it is" if talk.path != "/other" else b"not that", status=status))


async def ours(server: BadServer, path: str) -> Outcome:
    probe = Http.model_validate({"request": {"path": path}, "expect": {"status": "2xx", "body": {"matches": "^ok"}}})
    return await ask(probe, session_at(server.url, limits={"redirects": 5}), run_id="run-1", deadline_s=5)


@pytest.mark.parametrize("path", ["/good", "/moved", "/broken", "/other"])
async def test_asked_the_same_both_say_the_same(exporter: str, path: str) -> None:
    async with serving(script) as server, httpx.AsyncClient(trust_env=False) as client:
        theirs = await client.get(exporter, params={"module": "http_2xx", "target": f"{server.url}{path}"})
        outcome = await ours(server, path)
    mine, other = told(probe_text(outcome, timeout_s=5.0)), told(theirs.text)
    newer = {"probe_timeout_seconds"} - set(other)  # Debian's 0.23 does not have it yet
    foreign = {name for name in mine if not name.startswith("vedette_")} - newer
    assert foreign <= set(other), "a name that blackbox_exporter does not have"
    assert {name: mine[name][0] for name in foreign} == {name: other[name][0] for name in foreign}
    differ = {name: (mine[name], other[name]) for name in SAME_VALUE & foreign if mine[name] != other[name]}
    if path == "/broken":  # there a regular expression is not even tried by blackbox_exporter
        differ.pop("probe_failed_due_to_regex", None)
    assert differ == {}
    assert foreign >= SAME_VALUE
