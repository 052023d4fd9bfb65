"""This file is for a watching service that breaks its target on purpose: however it ends, the target is whole afterwards."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from pathlib import Path

from tests.vedette.jobs.lives import Life, serving

LEVER = "path: /_control/faults/database-down, headers: {X-Control-Token: '${VEDETTE_REFERENCE_TOKEN}'}"


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return False


def is_broken(life: Life, url: str) -> bool:
    return any((life.folder / ".vedette" / "undo").glob("*")) and not ready(url)


def test_after_a_stop_and_after_a_kill_in_mid_fault_the_target_is_whole(tmp_path: Path, reference: dict[str, str]) -> None:
    url = reference["VEDETTE_DEMO_URL"]
    token = reference["VEDETTE_REFERENCE_TOKEN"]
    suite = tmp_path / "shop.yaml"
    suite.write_text(
        f"suite: shop\ntargets:\n  broken:\n    base_url: '{url}'\n    private_networks: true\n    allow: [faults]\n"
        f"    environment: development\n    faults:\n      down:\n        lever: http_hook\n"
        f"        inject: {{method: POST, {LEVER}}}\n        undo: {{method: DELETE, {LEVER}}}\n"
        "scenarios:\n  - {name: readiness follows the database, probe: health, schedule: {every: 1s}, timeout: 20s,\n"
        "     dependencies: [database], fault: down, fault_dependency: database}\n"
    )
    with serving(tmp_path, "shop.yaml", VEDETTE_REFERENCE_TOKEN=token) as life:
        life.until(lambda: is_broken(life, url), "broken on purpose")
        assert (life.end(), ready(url)) == (0, True)
    with serving(tmp_path, "shop.yaml", VEDETTE_REFERENCE_TOKEN=token) as life:
        life.until(lambda: is_broken(life, url), "broken on purpose again")
        life.end(signal.SIGKILL)
        assert not ready(url), "nobody could undo it"
    suite.write_text(suite.read_text().replace("every: 1s", "every: 1h"))  # so that it is not the next tick that mends it
    with serving(tmp_path, "shop.yaml", VEDETTE_REFERENCE_TOKEN=token) as life:
        assert "'down'" in life.said.split("the page is at")[0], "it is told"
        life.until(lambda: ready(url) or None, "mended")
        assert life.end() == 0
    assert ready(url)
    assert list((tmp_path / ".vedette" / "undo").glob("*.json")) == []
