"""This file is for mending: undoing what earlier runs broke on purpose and could not mend, because they were killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, complain, tell

if TYPE_CHECKING:
    from probes.undo import Restored
    from vedette.settings import Settings


def may_be_open(settings: Settings) -> bool:
    """Say whether there is anything in the journal, without importing what reads it."""
    return any(settings.undo_journal.glob("*.json"))


def open_faults(settings: Settings, *, of_the_living: bool = True) -> list[str]:
    """Return one sentence for each undo that is still to be done, or cannot be read; living runs undo their own."""
    from probes.undo import Journal

    journal = Journal(settings.undo_journal)
    entries = [
        f"{e.id}: '{e.what}' on target '{e.target_name}', broken at {e.at:%Y-%m-%d %H:%M:%S} UTC"
        + (f" by the running process {e.pid}" if e.is_of_living_run() else " by a run that is gone")
        for e in journal.open_entries()
        if of_the_living or not e.is_of_living_run()
    ]
    return entries + [reason for _, reason in journal.damaged()]


def forget(settings: Settings, entry_id: str) -> str:
    """Strike an entry out and say so. Raises: UsageError when there is none of that id."""
    from probes.undo import Journal

    journal = Journal(settings.undo_journal)
    found = next((e for e in journal.open_entries() if e.id == entry_id), None)
    if found is None and not any(path.stem == entry_id for path, _ in journal.damaged()):
        raise UsageError(f"there is no open undo '{entry_id}' (vedette restore --list)")
    journal.done(entry_id)
    return f"forgotten, not undone: {entry_id}" + (f" ('{found.what}' on target '{found.target_name}')" if found else "")


def mended_before(settings: Settings) -> bool:
    """Undo what earlier runs left broken, and tell of it; false where something stays broken, so that nothing may be sent."""
    if not may_be_open(settings):
        return True
    results = mend(settings)
    for restored in results:
        tell(restored.sentence)
    if any(r.fate == "failed" for r in results):
        complain("a fault that an earlier run put in could not be taken out, so nothing was sent; see `vedette restore`")
        return False
    return True


def mend(settings: Settings, *, force: bool = False, plugins: Sequence[Path] = ()) -> list[Restored]:
    """Undo what dead runs left broken and return what became of each. Raises: UsageError for a bad plug-in file."""
    from probes.registry import LEVERS, RegistryError
    from probes.undo import Journal, restore

    try:
        for file in plugins:
            LEVERS.load_file(file)
    except RegistryError as problem:
        raise UsageError(str(problem)) from problem
    return asyncio.run(restore(Journal(settings.undo_journal), force=force))


def own_open_faults(settings: Settings) -> list[str]:
    """Return one sentence for each fault that this very process put in, and did not take out."""
    import os

    from probes.undo import Journal

    if not may_be_open(settings):
        return []
    own = [e for e in Journal(settings.undo_journal).open_entries() if e.pid == os.getpid() and e.is_of_living_run()]
    return [f"'{e.what}' on target '{e.target_name}'" for e in own]
