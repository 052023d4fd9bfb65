"""This file is for the `vedette` command itself: finding its subcommands, parsing, and never hiding a bug."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from vedette.cli import commands, streams
from vedette.cli.confession import Threads, confess
from vedette.cli.speech import UsageError, complain
from vedette.exit_codes import Exit, worst

ORDER = (
    *("run", "gate", "serve", "deployed", "status", "maintenance", "heartbeat", "token", "reload", "metrics"),
    *("validate", "coverage", "init", "import", "demo", "report", "prove", "restore", "probes", "schema", "doctor"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an uncaught error of ours is 70, never 0 or 1."""
    try:
        streams.steady()
        with Threads() as threads:
            code = _called(list(sys.argv[1:] if argv is None else argv))
        lost = streams.undelivered()
        return threads.worse_than(code if lost is None else _not_delivered(lost, code))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BaseException as bug:  # what broke while another bug was told, or a stream that somebody closed
        return confess(bug)


def _called(words: list[str]) -> int:
    try:
        args = _parsed(words)
        return args if isinstance(args, int) else int(args.call(args))
    except UsageError as problem:
        complain(str(problem))
        return problem.exit
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except (
        BaseException
    ) as bug:  # the outermost edge: a bug must not look like "checks failed", nor a plug-in's exit(0) like a pass
        return Exit.INCONCLUSIVE if bug is streams.undelivered() else confess(bug)


def _parsed(words: list[str]) -> argparse.Namespace | int:
    """Return the arguments, with the function to `call`, or the exit code where all is said already."""
    parser = build_parser(words[0] if words else "")
    try:
        args = parser.parse_args(words)
    except SystemExit as stop:  # --help, --version, and every mistake of the command line
        return int(stop.code or 0)
    if args.command is None:
        parser.print_help()
        return Exit.USAGE
    return args


def _not_delivered(why: OSError, code: int) -> int:
    """Whoever was to read our output got nothing, or half of it: that is never a 0."""
    if not isinstance(why, BrokenPipeError):  # a reader that has read enough, such as `head`, is told nothing
        complain(f"standard output does not take what it was given: {why.strerror}")
    return worst([Exit.INCONCLUSIVE, *(one for one in Exit if one == code)])


def build_parser(wanted: str = "") -> argparse.ArgumentParser:
    """Return the parser with one subparser for each file in `vedette.cli.commands`, or only for the command wanted."""
    parser = argparse.ArgumentParser(
        prog="vedette",
        description="Ask a running system whether it really works, for every tenant, without leaking anything.\n"
        "A pass is only a pass when the probe also saw that it would have noticed the opposite.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    parser.set_defaults(command=None)
    places = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name in [wanted] if wanted in command_names() else command_names():
        module = importlib.import_module(f"vedette.cli.commands.{name}")
        sub = places.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__ and _after_colon(module.__doc__),
            epilog=getattr(module, "EXAMPLES", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(call=module.run)
    return parser


def command_names() -> list[str]:
    """Return the name of every command, the common ones first."""
    found = [m.name for m in pkgutil.iter_modules(commands.__path__)]
    return sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from vedette.version import version

        sys.stdout.write(f"vedette {version()}\n")
        parser.exit()


def _epilog() -> str:
    rows = "\n".join(f"  {int(code):>3}  {code.meaning}" for code in sorted(Exit, key=int))
    return (
        "first steps:\n"
        "  vedette demo                          see the main job done, against a target of our own\n"
        "  vedette init                          write a commented suite to start from\n"
        "  vedette run SUITE --target staging    ask once\n"
        "  vedette serve SUITE                   ask again and again, and show a page\n\n"
        f"exit codes (the worst wins):\n{rows}"
    )


def _after_colon(doc: str) -> str:
    text = doc.partition(": ")[2] or doc
    return text[:1].upper() + text[1:]
