"""Settings: what is kept beside the results is forgotten with them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vedette.settings import Settings, forget_artifacts


def test_pictures_are_forgotten_when_they_are_old_enough_and_not_before(tmp_path: Path) -> None:
    settings, now = Settings(tmp_path), datetime.now(UTC)
    for name, days in (("old", 40), ("young", 3)):
        folder = settings.artifacts / name
        folder.mkdir(parents=True)
        (folder / "failed.png").write_bytes(b"picture")
        os.utime(folder, ((now - timedelta(days=days)).timestamp(),) * 2)
    assert forget_artifacts(settings, now - timedelta(days=30)) == 1
    assert [one.name for one in settings.artifacts.iterdir()] == ["young"]


def test_without_any_pictures_nothing_is_forgotten(tmp_path: Path) -> None:
    assert forget_artifacts(Settings(tmp_path), datetime.now(UTC)) == 0
