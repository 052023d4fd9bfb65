"""This file is for the rescue file: whole lines, in the first folder that takes them, moved when that folder is full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.store import StoreError, rescue
from reports.store.lines import from_line
from reports.store.rescue import Rescue
from tests.reports.store.stored_runs import a_run

OUTCOMES = a_run(5).outcomes


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "state", tmp_path / "tmp"]
    for folder in made:
        folder.mkdir()
    return made


def full_after(lines: int, folder: Path) -> Callable[[int, bytes], None]:
    """Return a write that cuts a line in half once the file in `folder` holds so many lines, as a full disk does."""

    def write(file: int, data: bytes) -> None:
        here = Path(os.readlink(f"/proc/self/fd/{file}")).parent == folder
        if here and os.pread(file, 1 << 20, 0).count(b"\n") >= lines:
            os.write(file, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        os.write(file, data)

    return write


@pytest.mark.parametrize("lines", [0, 1, 4])
def test_a_folder_that_fills_up_hands_all_whole_lines_on(
    folders: list[Path], lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "_write_all", full_after(lines, folders[0]))
    kept = Rescue("r", folders)
    for outcome in OUTCOMES:
        kept.add(outcome)
    kept.close()
    assert kept.path == folders[1] / "vedette-unsaved-r.jsonl"
    assert [from_line(line) for line in kept.path.read_text().splitlines()] == list(OUTCOMES)
    assert list(folders[0].iterdir()) == []


def test_when_the_last_folder_is_full_the_whole_lines_stay_and_it_is_said(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "_write_all", full_after(2, folders[1]))
    kept = Rescue("r", folders[1:])
    kept.add(OUTCOMES[0])
    kept.add(OUTCOMES[1])
    with pytest.raises(StoreError, match="takes no more: No space left on device"):
        kept.add(OUTCOMES[2])
    kept.close()
    whole = (folders[1] / "vedette-unsaved-r.jsonl").read_text().splitlines()
    assert [from_line(line) for line in whole] == list(OUTCOMES[:2])


def test_a_link_that_somebody_laid_is_not_followed(folders: list[Path]) -> None:
    victim = folders[0] / "victim"
    victim.write_text("precious")
    (folders[0] / "vedette-unsaved-r.jsonl").symlink_to(victim)
    kept = Rescue("r", folders)
    kept.add(OUTCOMES[0])
    kept.close()
    assert victim.read_text() == "precious"
    assert kept.path == folders[1] / "vedette-unsaved-r.jsonl"
