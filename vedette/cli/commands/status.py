"""This file is for `vedette status`: say what is broken, since when and for whom, as a running service sees it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from vedette.cli.service_client import Client, add_service_argument, laid_out, one_line
from vedette.exit_codes import Exit

SUMMARY = "say what is broken, as a running service sees it"
EXAMPLES = (
    "examples:\n  vedette status\n  vedette status --json\n  vedette status --service https://vedette.example.com\n\n"
    "exit codes: 0 nothing is broken, 1 something is, 3 nobody can tell (not reached, nothing asked yet, store or reload broken)"
)

_WORDS = {
    "passed": "pass",
    "degraded": "degraded",
    "failed": "fail",
    "errors": "error",
    "inconclusive": "inconclusive",
    "stale": "no longer asked",
    "skipped": "skipped",
    "unasked": "not asked yet",
    "maintenance": "in maintenance",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_service_argument(parser)
    parser.add_argument("--json", action="store_true", help="write what the service answered, as JSON")


def run(args: argparse.Namespace) -> int:
    client = Client.from_args(args)
    status = client.get("/api/v1/status")
    try:
        code = _code(status)
        text = json.dumps(status, indent=2) if args.json else "\n".join(_lines(status, client.url))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        from vedette.cli.service_client import ServiceUnreachable

        raise ServiceUnreachable(f"what answers at {client.url} is no service of this version of vedette") from problem
    sys.stdout.write(text + "\n")
    return code


def _code(status: dict[str, Any]) -> Exit:
    """Return 0 only where something was asked, nothing is broken, and the service can do its work."""
    if status["problems_total"]:
        return Exit.FAILED
    counts = status["counts"]
    answered = counts["passed"] + counts["degraded"] + counts["maintenance"]
    reload = status["reload"]
    sound = status["store"]["healthy"] and (reload is None or reload["ok"])
    return Exit.PASSED if answered and sound else Exit.INCONCLUSIVE


def _lines(status: dict[str, Any], url: str) -> list[str]:
    now = datetime.fromisoformat(status["now_at"])
    return [
        *_problems(status, now),
        *_headline(status),
        *_trouble(status, now),
        f"service {one_line(status['version'])} at {url}, location {one_line(status['location'])}, "
        f"up for {_ago(status['uptime_s'])}" + (", stopping" if status["stopping"] else ""),
    ]


def _problems(status: dict[str, Any], now: datetime) -> list[str]:
    lines = []
    for one in status["problems"]:
        since = f" since {_when(one['since_at'], now)}" if one["since_at"] else ""
        lines.append(f"{one_line(one['mark']).upper()} {one_line(one['severity'])}  {one_line(one['scenario'])}")
        lines.append(f"    at {one_line(one['target'])} (suite {one_line(one['suite'])}){since}")
        lines.append(f"    {one_line(one['trouble'])}")
        if one["runbook"]:
            lines.append(f"    runbook: {one_line(one['runbook'])}")
        lines.append("")
    more = status["problems_total"] - len(status["problems"])
    return [*lines, f"and {more} more that {'is' if more == 1 else 'are'} broken", ""] if more > 0 else lines


def _headline(status: dict[str, Any]) -> list[str]:
    broken, total = status["problems_total"], status["series"]
    if not total:
        return ["nothing is watched"]
    said = ", ".join(f"{count} {_WORDS[name]}" for name, count in status["counts"].items() if count and name in _WORDS)
    head = f"{broken} of {total} series {'is' if broken == 1 else 'are'} broken" if broken else "nothing is broken"
    if not broken and status["counts"]["unasked"] == total:
        head = "nothing has been asked yet"
    return [f"{head}: {said}"]


def _trouble(status: dict[str, Any], now: datetime) -> list[str]:
    """Return what is wrong with the service itself, one line each."""
    lines, store, reload = [], status["store"], status["reload"]
    if not store["healthy"]:
        waiting = store["queued"] + store["spooled"]
        lines.append(f"the store takes nothing at present, {waiting} ticks wait: {one_line(store['last_error'])}")
    if store["lost"]:
        lines.append(f"{store['lost']} ticks were lost, because neither the store nor the disk took them")
    if reload is not None and not reload["ok"]:
        lines.append(f"the configuration of {_when(reload['at'], now)} was refused, the one before it keeps probing:")
        lines += [f"    {laid_out(line)}".rstrip() for line in str(reload["error"]).splitlines()]
    return lines


def _when(at: str, now: datetime) -> str:
    then = datetime.fromisoformat(at)
    day = "%H:%M" if then.astimezone().date() == now.astimezone().date() else "%Y-%m-%d %H:%M"
    return f"{then.astimezone():{day}} ({_ago((now - then).total_seconds())} ago)"


def _ago(seconds: float) -> str:
    left = max(0, round(seconds))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if left >= size * (2 if unit == "d" else 1):
            return f"{left // size} {unit}"
    return f"{left} s"
