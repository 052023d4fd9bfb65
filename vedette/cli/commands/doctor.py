"""This file is for `vedette doctor`: say whether this installation can do its work, and what it left open."""

from __future__ import annotations

import argparse
import os
import re
import sys

from vedette.exit_codes import Exit, worst

SUMMARY = "say whether this installation can do its work"
_PATIENCE_S = 5.0  # for the answer of the service that runs here


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


def run(args: argparse.Namespace) -> int:
    """Run every examination and print one line each; the worst decides the exit code."""
    codes = []
    for examine in (_state_folder, _store, _probe_kinds, _extras, _service, _open_faults):
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


def _extras() -> tuple[Exit, str]:
    """Tell which extras are whole, as the installed package itself declares them."""
    from importlib.metadata import PackageNotFoundError, metadata, version

    def is_there(package: str) -> bool:
        try:
            return bool(version(package))
        except PackageNotFoundError:
            return False

    declared = metadata("vedette")
    wanted: dict[str, list[str]] = {extra: [] for extra in declared.get_all("Provides-Extra", [])}
    for line in declared.get_all("Requires-Dist", []):
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"]([\w-]+)", line)
        if name and extra:
            wanted[extra[1]].append(name[0])
    there = sorted(extra for extra, packages in wanted.items() if all(map(is_there, packages)))
    lacking = sorted(wanted.keys() - set(there))
    return Exit.PASSED, f"extras: {', '.join(there) or 'none'}; not installed: {', '.join(lacking) or 'none'}"


def _service() -> tuple[Exit, str]:
    """Ask the service of this state folder, where one runs, whether it is ready."""
    import json

    from vedette.cli.service_client import SERVICE_FILE
    from vedette.settings import read_settings

    try:
        noted = json.loads((read_settings().state / SERVICE_FILE).read_text(encoding="utf-8"))
        url, pid = str(noted["url"]), int(noted["pid"])
    except FileNotFoundError:
        return Exit.PASSED, "no service runs on this state folder"
    except (OSError, ValueError, KeyError, TypeError):
        return Exit.INCONCLUSIVE, f"'{SERVICE_FILE}' in the state folder does not say where the service is"
    try:
        status, said = _readiness(url)
    except (OSError, ValueError) as problem:
        if not _is_alive(pid):
            return Exit.PASSED, "no service runs on this state folder; the one before was killed"
        return Exit.INCONCLUSIVE, f"the service at {url} (process {pid}) does not answer: {type(problem).__name__}"
    if status == 200:
        return Exit.PASSED, f"the service at {url} is ready"
    down = [f"{name}: {check.get('say') or 'down'}" for name, check in said.items() if check.get("status") == "down"]
    return Exit.INCONCLUSIVE, f"the service at {url} is not ready ({'; '.join(down) or f'status {status}'})"


def _readiness(url: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the status of /health/ready and its checks. Raises: OSError, ValueError."""
    import json
    import ssl
    import urllib.error
    import urllib.request

    # On this machine the certificate bears another name than the address listened on; nothing secret is sent or believed.
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified))
    try:
        with ask.open(f"{url}/health/ready", timeout=_PATIENCE_S) as answer:
            return answer.status, {}
    except urllib.error.HTTPError as refusal:
        with refusal:
            said = json.loads(refusal.read(65_536))
        return refusal.code, said.get("checks", {}) if isinstance(said, dict) else {}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and somebody else's
        return True
    return True


def _open_faults() -> tuple[Exit, str]:
    from vedette.jobs.mend import open_faults
    from vedette.settings import read_settings

    found = open_faults(read_settings(), of_the_living=False)
    if found:
        return Exit.UNDO_FAILED, f"not undone yet: {'; '.join(found)} (vedette restore)"
    return Exit.PASSED, "no fault is left in any target"
