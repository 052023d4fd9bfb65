"""This file is for reaching the desk of heartbeats from a job's machine: by secret address, or by name, with bounded retries."""

from __future__ import annotations

import argparse
import difflib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from vedette.cli.service_client import Client, ServiceRefused, ServiceUnreachable
from vedette.cli.speech import UsageError

ATTEMPT_S = 3.0  # one attempt
LAST_ATTEMPT_S = 7.0  # no attempt begins later, so that all is over after 10 s
_FIRST_WAIT_S = 0.25
_PART = "/heartbeat/"
_NAMED = 5  # names in a sentence


@dataclass(frozen=True, slots=True)
class Said:
    """What a job says: `start`, `success`, `fail`, or `exit` with a code. The same id at start and end joins them."""

    what: str
    exit_code: int | None = None
    duration_s: float | None = None
    note: str = ""
    id: str = ""


Line = Callable[[Said], None]  # says it once; raises ServiceUnreachable or ServiceRefused


def line_to(args: argparse.Namespace, wanted: str) -> Line:
    """Return how to reach the desk for a job, given its secret address or its name. Raises: UsageError."""
    if "://" in wanted:
        base, path = _parts(wanted)
        client = Client(base, within_s=ATTEMPT_S)
        return lambda said: _call(client, path, said)
    path = _local_path(args, wanted)
    if path:
        client = Client.from_args(args, within_s=ATTEMPT_S)
        return lambda said: _call(client, path, said)
    client = Client.from_args(args, within_s=ATTEMPT_S)
    slug = _slug(client, args, wanted)
    return lambda said: _report(client, slug, said)


def address_of(args: argparse.Namespace, wanted: str) -> str:
    """Return the secret address of a job: from the state folder on the service's own machine, else from its API."""
    client = Client.from_args(args)
    path = _local_path(args, wanted)
    if not path:
        answer = client.get(f"/api/v1/heartbeats/{_slug(client, args, wanted)}/address")
        path = str(answer["path"])
    return f"{client.url}{path}"


def told(line: Line, said: Said) -> str:
    """Say it, again and again for at most 10 s, and return what went wrong in the end, empty where it was heard."""
    began, wait_s = time.monotonic(), _FIRST_WAIT_S
    while True:
        try:
            line(said)
            return ""
        except ServiceRefused as problem:
            if problem.status < 500 and problem.status != 429:
                return str(problem)  # it would be refused again
            trouble = str(problem)
        except ServiceUnreachable as problem:
            trouble = str(problem)
        if time.monotonic() - began + wait_s > LAST_ATTEMPT_S:
            return trouble
        time.sleep(wait_s)
        wait_s *= 2


def _call(client: Client, path: str, said: Said) -> None:
    word = "" if said.what == "success" else f"/{said.exit_code if said.what == 'exit' else said.what}"
    query = {"id": said.id, "duration": "" if said.duration_s is None else f"{said.duration_s:.3f}"}
    given = urlencode({name: value for name, value in query.items() if value})
    client.post(f"{path}{word}{f'?{given}' if given else ''}", said.note or None)


def _report(client: Client, slug: str, said: Said) -> None:
    body = {"what": said.what, "exit_code": said.exit_code, "duration_s": said.duration_s, "note": said.note, "id": said.id}
    client.post(f"/api/v1/heartbeats/{slug}/reports", body)


def _parts(url: str) -> tuple[str, str]:
    """Return the service's address and the secret path of an address such as `heartbeat url` prints. Raises: UsageError."""
    base, part, rest = url.strip().rstrip("/").partition(_PART)
    words = rest.split("/")
    if not part or len(words) != 2 or not all(word.isalnum() for word in words):
        raise UsageError("this is no address of a heartbeat; `vedette heartbeat url NAME` prints the right one")
    return base, f"{_PART}{rest}"


def _local_path(args: argparse.Namespace, wanted: str) -> str:
    """Return the secret path as the state folder here has it, empty where another service is meant or none is known."""
    if args.service or os.environ.get("VEDETTE_SERVICE"):
        return ""
    from vedette.service.heartbeat_keys import KeyUnusable, existing_key, path_of, read_book
    from vedette.settings import read_settings

    state = read_settings().state
    places = read_book(state)
    if not places:
        return ""
    slug = _chosen(args, wanted, [(place.suite, place.scenario, place.target, place.slug) for place in places])
    try:
        key = existing_key(state)
    except KeyUnusable as problem:
        raise UsageError(str(problem)) from problem
    return path_of(key, slug, next(place.generation for place in places if place.slug == slug))


def _slug(client: Client, args: argparse.Namespace, wanted: str) -> str:
    if len(wanted) == 16 and not set(wanted) - set("0123456789abcdef"):
        return wanted  # whoever may only report may not list
    found: list[tuple[str, str, str, str]] = []
    path: str | None = "/api/v1/heartbeats?limit=500"
    while path:
        page = client.get(path)
        found += [(item["suite"], item["scenario"], item["target"], item["slug"]) for item in page["items"]]
        path = page["next"]
    return _chosen(args, wanted, found)


def _there_is_rather(wanted: str, names: Sequence[str]) -> str:
    if near := next(iter(difflib.get_close_matches(wanted, names, 1, 0.6)), ""):
        return f"did you mean '{near}'?"
    if not names:
        return "no scenario that is watched is one (probe: heartbeat)"
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED])
    return f"there {'is' if len(names) == 1 else 'are'} {shown}" + (
        f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    )


def _chosen(args: argparse.Namespace, wanted: str, known: Sequence[tuple[str, str, str, str]]) -> str:
    """Return the slug of the one heartbeat that is meant. Raises: UsageError."""
    named = [one for one in known if wanted in (one[1], one[3])]
    if not named:
        raise UsageError(f"there is no heartbeat '{wanted}'; {_there_is_rather(wanted, sorted({one[1] for one in known}))}")
    found = [one for one in named if args.target in (None, one[2]) and args.suite in (None, one[0])]
    if len(found) == 1:
        return found[0][3]
    places = "; ".join(f"suite '{one[0]}', target '{one[2]}'" for one in (found or named)[:10])
    why = "in several places, choose one with --target and --suite" if found else "not there, but elsewhere"
    raise UsageError(f"the heartbeat '{wanted}' is {why}: {places}")
