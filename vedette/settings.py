"""This file is for what the environment decides: where state is kept, and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are kept. `VEDETTE_STATE_DIR` names the folder, `.vedette` here by default."""

    state: Path

    @property
    def database(self) -> Path:
        return self.state / "results.db"

    @property
    def undo_journal(self) -> Path:
        return self.state / "undo"

    @property
    def reports(self) -> Path:
        return self.state / "reports"

    @property
    def gates(self) -> Path:
        return self.state / "gates"

    @property
    def artifacts(self) -> Path:
        return self.state / "artifacts"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the environment gives."""
    given = (os.environ if environ is None else environ).get("VEDETTE_STATE_DIR", "")
    return Settings(Path(given or ".vedette"))


def make_state_folder(settings: Settings) -> None:
    """Make the state folder, kept out of version control by its own ignore file. Raises: OSError."""
    settings.state.mkdir(parents=True, exist_ok=True)
    ignore = settings.state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def forget_artifacts(settings: Settings, before: datetime) -> int:
    """Remove the pictures and traces that were kept before then, and return how many folders that were."""
    gone = 0
    for folder in settings.artifacts.glob("*/"):
        with contextlib.suppress(OSError):  # another process is at it, or it is not ours
            if folder.is_dir() and folder.stat().st_mtime < before.timestamp():
                shutil.rmtree(folder)
                gone += 1
    return gone


def no_state_folder(settings: Settings, problem: OSError) -> str:
    """Return the sentence for a state folder that cannot be made."""
    return f"the state folder '{settings.state}' cannot be made: {problem.strerror}; VEDETTE_STATE_DIR names another"
