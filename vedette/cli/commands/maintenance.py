"""This file is for `vedette maintenance`: open a window on a running service, list the windows, end one."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vedette.cli.arguments import duration
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from vedette.cli.service_client import Client, Json

SUMMARY = "open, list and end maintenance windows of a service"
EXAMPLES = (
    "examples:\n"
    "  vedette maintenance start 30m --target staging --why 'the database moves'\n"
    "  vedette maintenance start 2h --at 2026-11-01T02:00+01:00 --scenario checkout --why 'release'\n"
    "  vedette maintenance list\n"
    "  vedette maintenance end ID\n\n"
    "Probing goes on in a window; what is seen is kept and shown, and counts for nothing. Windows that come back\n"
    "stand under `maintenance` in the suite; `end` ends one time of them."
)
HERE = "/api/v1/maintenance"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from vedette.cli.service_client import add_service_argument

    places = parser.add_subparsers(title="what to do", dest="deed", metavar="DEED", required=True)
    start = places.add_parser("start", help="open a window, now or later")
    start.add_argument("lasts", type=duration, metavar="30m", help="how long, at most 31d")
    start.add_argument("--why", required=True, metavar="TEXT", help="for whoever sees it")
    start.add_argument("--at", type=_instant, metavar="TIME", help="when, such as 2026-11-01T02:00+01:00 (default: now)")
    start.add_argument("--suite", metavar="NAME", default="", help="only this suite (default: every suite)")
    for word in ("target", "scenario", "tag"):
        start.add_argument(
            f"--{word}", action="append", default=[], metavar="NAME", help=f"only this {word}, repeatable (default: every one)"
        )
    listed = places.add_parser("list", help="list what is open, what comes, and with --past what was")
    listed.add_argument("--past", action="store_true", help="also the newest that are over")
    end = places.add_parser("end", help="end a window before its time")
    end.add_argument("id", metavar="ID", help="of the window, as `list` shows it")
    for one in (start, listed, end):
        add_service_argument(one)


def run(args: argparse.Namespace) -> int:
    from vedette.cli.service_client import Client, ServiceUnreachable

    client = Client.from_args(args)
    try:
        return {"start": _start, "list": _list, "end": _end}[args.deed](client, args)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ServiceUnreachable(f"what answers at {client.url} is no service of this version of vedette") from problem


def _start(client: Client, args: argparse.Namespace) -> int:
    from probes.ids import new_id

    body = {
        "lasts": args.lasts, "why": args.why, "starts_at": args.at, "suite": args.suite,
        "targets": args.target, "scenarios": args.scenario, "tags": args.tag,
    }  # fmt: skip
    made = client.post(HERE, body, idempotency_key=new_id())
    _say(f"{made['id']}  {_line(made)}")
    return Exit.PASSED


def _list(client: Client, args: argparse.Namespace) -> int:
    from vedette.cli.speech import tell

    found = client.get(HERE)
    rows = [("open", one) for one in found["active"]] + [("coming", one) for one in found["upcoming"]]
    if args.past:
        rows += [("over", one) for one in client.get(f"{HERE}/past", {"limit": 20})["items"]]
    for word, one in rows:
        _say(f"{one['id']}  {word:<6}  {_line(one)}")
    if not rows:
        tell("no window is open or coming")
    return Exit.PASSED


def _end(client: Client, args: argparse.Namespace) -> int:
    from vedette.cli.deployment_talk import plain_id

    ended = client.delete(f"{HERE}/{plain_id(args.id)}")
    _say(f"{ended['id']}  ended at {_when(ended['ends_at'])}")
    return Exit.PASSED


def _line(one: Json) -> str:
    from vedette.cli.service_client import one_line

    parts = [f"suite {one['suite']}"] if one["suite"] else []
    parts += [f"{word} {' and '.join(one[word + 's'])}" for word in ("target", "scenario", "tag") if one[f"{word}s"]]
    scope = ", ".join(parts) or "everything"
    why = one["why"] if one["name"] in ("", one["why"]) else f"{one['name']}: {one['why']}"
    ended = f", ended by {one['ended_by']}" if one["ended_by"] else ""
    return one_line(f"{_when(one['starts_at'])} to {_when(one['ends_at'])}{ended}  {scope}  ({why})")


def _when(text: Any) -> str:
    return f"{datetime.fromisoformat(str(text)).astimezone():%Y-%m-%d %H:%M %Z}"


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' should be a time such as 2026-11-01T02:00+01:00") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"'{text}' has no time zone: write it behind, such as {text}+01:00 or {text}Z")
    return found.isoformat()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
