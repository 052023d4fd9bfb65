"""This file is for `vedette heartbeat`: let a job tell a running service that it started, succeeded or failed."""

from __future__ import annotations

import argparse
import os
import sys

from vedette.cli.arguments import duration
from vedette.exit_codes import Exit

SUMMARY = "let a job report to a service: start, success, failure"
EXAMPLES = (
    "examples:\n"
    "  vedette heartbeat url 'nightly backup'            print the secret address of a job\n"
    "  vedette heartbeat ping                            tell success to VEDETTE_HEARTBEAT_URL\n"
    "  vedette heartbeat ping 'nightly backup' --fail --note 'disk full'\n"
    "  vedette heartbeat run -- pg_dump shop             tell start, exit code and duration of a command\n"
    "What is on a command line can be read by everybody on the machine, so the address is best put into\n"
    "VEDETTE_HEARTBEAT_URL. `run` ends with the exit code of the command, also when nobody could be told."
)
URL = "VEDETTE_HEARTBEAT_URL"
NOTE_LETTERS = 10_000  # of more, the service keeps nothing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    places = parser.add_subparsers(title="what to do", dest="deed", metavar="DEED", required=True)
    url = places.add_parser("url", help="print the secret address of a job")
    url.add_argument("job", metavar="NAME", help="of the scenario")
    ping = places.add_parser("ping", help="tell that a job succeeded, or what else")
    ping.add_argument("job", nargs="?", metavar="URL|NAME", help=f"of the job (default: {URL})")
    what = ping.add_mutually_exclusive_group()
    what.add_argument("--start", action="store_true", help="it starts")
    what.add_argument("--fail", action="store_true", help="it failed")
    what.add_argument("--exit-code", type=_exit_code, metavar="N", help="it ended with this exit code")
    ping.add_argument("--note", default="", metavar="TEXT", help="shown with the report; `-` reads standard input")
    job = places.add_parser("run", help="run a command, and tell its start, exit code and duration")
    job.add_argument("--url", dest="job", metavar="URL|NAME", help=f"of the job (default: {URL})")
    job.add_argument("--timeout", type=duration, metavar="2h", help="end the command after this time (exit code 124)")
    job.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run")
    from vedette.cli.service_client import add_service_argument

    for one in (url, ping, job):
        one.add_argument("--target", metavar="NAME", help="where several targets have a job of that name")
        one.add_argument("--suite", metavar="NAME", help="where several suites have a job of that name")
        add_service_argument(one)


def run(args: argparse.Namespace) -> int:
    return {"url": _url, "ping": _ping, "run": _run}[args.deed](args)


def _url(args: argparse.Namespace) -> int:
    from vedette.cli.heartbeat_line import address_of

    sys.stdout.write(f"{address_of(args, args.job)}\n")
    return Exit.PASSED


def _ping(args: argparse.Namespace) -> int:
    from probes.ids import new_id
    from vedette.cli.heartbeat_line import Said, line_to, told
    from vedette.cli.speech import UsageError, complain

    wanted = args.job or os.environ.get(URL, "")
    if not wanted:
        raise UsageError(f"whose heartbeat? give an address or a name, or set {URL}")
    what = "start" if args.start else "fail" if args.fail else "exit" if args.exit_code is not None else "success"
    note = sys.stdin.read(NOTE_LETTERS) if args.note == "-" else args.note[:NOTE_LETTERS]
    trouble = told(line_to(args, wanted), Said(what, args.exit_code, None, note, new_id()))
    if trouble:
        complain(trouble)
        return Exit.INCONCLUSIVE
    return Exit.PASSED


def _run(args: argparse.Namespace) -> int:
    from vedette.cli.heartbeat_job import run_job
    from vedette.cli.heartbeat_line import Said, line_to, told
    from vedette.cli.speech import UsageError

    command = args.words[1:] if args.words[:1] == ["--"] else args.words
    if not command:
        raise UsageError("what is to be run? write the command behind `--`")
    wanted = args.job or os.environ.get(URL, "")

    def tell(said: Said) -> str:
        if not wanted:
            return f"no address is known: set {URL}, or give --url"
        try:
            return told(line_to(args, wanted), said)
        except UsageError as problem:  # a wrong address is no reason not to run the job
            return str(problem)

    return run_job(command, tell, timeout_s=args.timeout)


def _exit_code(text: str) -> int:
    if not text.isdecimal() or int(text) > 255:
        raise argparse.ArgumentTypeError(f"'{text}' should be an exit code from 0 to 255")
    return int(text)
