"""This file is for `vedette report`: show a stored run again, in any format, or list what is stored."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.arguments import duration
from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from reports.store import RunSummary, Store

SUMMARY = "show a stored run again, in any format"
EXAMPLES = "examples:\n  vedette report --list\n  vedette report\n  vedette report RUN-ID -r html=report.html -r junit=report.xml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN-ID", default="last", help="a run's id (default: the last run)")
    parser.add_argument("--list", action="store_true", help="list the stored runs, the newest first")
    parser.add_argument("--suite", metavar="NAME", help="only runs of this suite (with --list)")
    parser.add_argument("--target", metavar="NAME", help="only runs against this target (with --list)")
    parser.add_argument("--import", dest="rescued", type=Path, metavar="FILE", help="take in a rescue file of unsaved outcomes")
    parser.add_argument("--prune", type=duration, metavar="90d", help="forget the runs that started longer ago than this")
    parser.add_argument("--store", metavar="WHERE", help="the database to read (default: results.db in the state folder)")
    parser.add_argument("-r", "--report", action="append", default=[], metavar="NAME[=PATH]", help="format and file, repeatable")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every check")


def run(args: argparse.Namespace) -> int:
    from reports.formats.reporter import ReporterError
    from reports.store import Store, StoreError
    from vedette.settings import forget_artifacts, read_settings

    where = args.store or read_settings().database
    try:
        store = Store(where)
        if args.rescued is not None:
            return _take_in(store, args.rescued)
        if args.prune is not None:
            before = datetime.now(UTC) - timedelta(seconds=args.prune)
            count = store.prune(before)
            forget_artifacts(read_settings(), before)
            sys.stdout.write(f"{count} {'run was' if count == 1 else 'runs were'} forgotten\n")
            return Exit.PASSED
        if args.list:
            _list(store, args)
            return Exit.PASSED
        if args.suite or args.target:
            raise UsageError("--suite and --target choose among the runs of --list; name one of those runs to see it")
        return _show(store, args)
    except (StoreError, ReporterError, LookupError) as problem:
        raise UsageError(str(problem.args[0] if problem.args else problem)) from problem


def _list(store: Store, args: argparse.Namespace) -> None:
    summaries = store.runs(limit=50, suite=args.suite, target=args.target)
    for summary in summaries:
        sys.stdout.write(_line(summary) + "\n")
    if not summaries:
        of = (f" of suite '{args.suite}'" if args.suite else "") + (f" against target '{args.target}'" if args.target else "")
        tell(f"no run{of} is stored")


def _take_in(store: Store, path: Path) -> int:
    count = store.import_jsonl(path)
    sys.stdout.write(f"{count} {'outcome was' if count == 1 else 'outcomes were'} taken in from '{path}'\n")
    return Exit.PASSED


def _show(store: Store, args: argparse.Namespace) -> int:
    from scenarios.events import RunFinished, RunStarted
    from vedette.wiring import earlier_than, make_reporters

    result = store.run(args.run)

    history = earlier_than(result.run.started_at, store, result.run.suite)
    for reporter in make_reporters(args.report or ["list"], verbose=args.verbose, history=history):
        reporter.prepare()
        reporter.take(RunStarted(result.run, tuple(o.subject for o in result.outcomes)))
        reporter.take(RunFinished(result))
    return Exit.PASSED


def _line(summary: RunSummary) -> str:
    run, counts = summary.run, ", ".join(f"{n} {verdict}" for verdict, n in summary.counts.items() if n)
    ended = str(summary.ended) if summary.ended else "never finished"
    return f"{run.id}  {run.started_at:%Y-%m-%d %H:%M:%S} UTC  {run.suite} on {run.target}  {ended}: {counts or 'no outcome'}"
