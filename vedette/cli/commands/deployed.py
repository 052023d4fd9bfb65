"""This file is for `vedette deployed`: tell a running service that a version was deployed, and wait for its verdict."""

from __future__ import annotations

import argparse

from vedette.cli.arguments import duration, positive
from vedette.exit_codes import Exit

SUMMARY = "tell a service that a version was deployed"
EXAMPLES = (
    "examples:\n"
    "  vedette deployed --target production --version 1.4.2\n"
    "  vedette deployed --target production --version 1.4.2 --wait           until the first phase has its verdict\n"
    "  vedette deployed --target production --version 1.4.2 --wait-for intensive --timeout 3h\n"
    "  vedette deployed --list\n"
    "  vedette deployed --cancel ID\n\n"
    "exit codes of --wait: 0 pass, 1 fail, 3 inconclusive, cancelled or superseded, 4 the time was over before the verdict"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from vedette.cli.service_client import add_service_argument

    parser.add_argument("--target", metavar="NAME", help="where it was deployed to")
    parser.add_argument("--version", metavar="TEXT", help="what was deployed; outcomes carry it from now on")
    parser.add_argument("--suite", metavar="NAME", help="only this suite is concerned (default: all that watch the target)")
    parser.add_argument("--note", metavar="TEXT", default="", help="for people")
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument("--wait", action="store_true", help="wait for the verdict of the first phase")
    waiting.add_argument("--wait-for", metavar="PHASE", help="wait for the verdict of this phase")
    parser.add_argument("--timeout", type=duration, metavar="10m", help="wait no longer (default: 5 min after the phase's end)")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="only list deployments, the newest first")
    instead.add_argument("--cancel", metavar="ID", help="only end this burn-in; watching goes on at the normal pace")
    parser.add_argument("--limit", type=positive, metavar="N", default=20, help="how many to list (default: 20)")
    add_service_argument(parser)


def run(args: argparse.Namespace) -> int:
    from vedette.cli import deployment_talk as talk
    from vedette.cli.service_client import Client, ServiceUnreachable

    client = Client.from_args(args)
    try:
        if args.list:
            return talk.list_them(client, args)
        if args.cancel:
            return talk.cancel(client, args.cancel)
        made = talk.start(client, args)
        if not (args.wait or args.wait_for):
            return Exit.PASSED
        return talk.wait(client, made, args.wait_for, args.timeout)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        raise ServiceUnreachable(f"what answers at {client.url} is no service of this version of vedette") from problem
