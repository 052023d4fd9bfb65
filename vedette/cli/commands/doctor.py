"""This file is for `vedette doctor`: say whether this installation can do its work, and what it left open."""

from __future__ import annotations

import argparse
import sys

from vedette.exit_codes import Exit, worst

SUMMARY = "say whether this installation can do its work"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


def run(args: argparse.Namespace) -> int:
    """Run every examination and print one line each; the worst decides the exit code."""
    codes = []
    for examine in (_state_folder, _store, _probe_kinds, _open_faults):
        code, sentence = examine()
        sys.stdout.write(f"{'ok ' if code is Exit.PASSED else 'BAD'}  {sentence}\n")
        codes.append(code)
    return worst(codes)


def _state_folder() -> tuple[Exit, str]:
    from vedette.settings import make_state_folder, read_settings

    settings = read_settings()
    try:
        make_state_folder(settings)
        trial = settings.state / ".doctor"
        trial.write_text("", encoding="utf-8")
        trial.unlink()
    except OSError as problem:
        why = f"the state folder '{settings.state}' cannot be written ({problem.strerror})"
        return Exit.INCONCLUSIVE, f"{why}; VEDETTE_STATE_DIR names another"
    return Exit.PASSED, f"state is kept in '{settings.state}'"


def _store() -> tuple[Exit, str]:
    from reports.store.errors import StoreError
    from reports.store.preflight import check_store
    from vedette.settings import read_settings

    where = read_settings().database
    try:
        check_store(where)
    except StoreError as problem:
        return Exit.INCONCLUSIVE, str(problem)
    return Exit.PASSED, f"results can be stored in '{where}'"


def _probe_kinds() -> tuple[Exit, str]:
    from probes.registry import KINDS, LEVERS, SOURCES, Registry, RegistryError

    registries: tuple[Registry[object], ...] = (KINDS, SOURCES, LEVERS)  # type: ignore[assignment]
    try:
        names = [[n for n in registry.names() if registry.find(n)] for registry in registries]
    except RegistryError as problem:
        return Exit.USAGE, str(problem)
    return Exit.PASSED, f"{len(names[0])} probe kinds, {len(names[1])} evidence sources, {len(names[2])} fault levers"


def _open_faults() -> tuple[Exit, str]:
    from vedette.jobs.mend import open_faults
    from vedette.settings import read_settings

    found = open_faults(read_settings(), of_the_living=False)
    if found:
        return Exit.UNDO_FAILED, f"not undone yet: {'; '.join(found)} (vedette restore)"
    return Exit.PASSED, "no fault is left in any target"
