"""This file is for `vedette serve`: ask again and again, keep the answers, and show them to people and to Prometheus."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from vedette.cli.arguments import duration, positive
from vedette.cli.speech import UsageError

SUMMARY = "watch: ask again and again, with status page, metrics and API"
EXAMPLES = (
    "examples:\n"
    "  vedette serve mine.yaml --target staging\n"
    "  vedette serve shop.yaml billing.yaml --location fra1 --port 8900\n"
    "  vedette serve mine.yaml --host 0.0.0.0 --tls-cert tls.pem --tls-key tls.key    (needs a token: vedette token create)"
)
PORT = 8900


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="files, or names of bundled suites")
    parser.add_argument("--target", action="append", default=[], metavar="NAME", help="watch this target only; repeatable")
    parser.add_argument(
        "--location", type=_label, default="local", metavar="NAME", help="where this service stands, a label (default: local)"
    )
    parser.add_argument(
        "--gate", action="append", default=[], metavar="FILE", help="policy that gates can be opened with; repeatable"
    )
    parser.add_argument("--store", metavar="WHERE", help="database for results (default: results.db in the state folder)")
    listen = parser.add_argument_group("listening")
    listen.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    listen.add_argument("--port", type=_port, default=PORT, help=f"port; 0 takes a free one (default: {PORT})")
    listen.add_argument("--tls-cert", type=Path, metavar="PEM", help="certificate, to serve https")
    listen.add_argument("--tls-key", type=Path, metavar="PEM", help="its key, where that is another file")
    listen.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="name in Host headers; repeatable")
    who = parser.add_argument_group("who may ask")
    who.add_argument("--auth", action="store_true", help="want tokens on loopback too")
    who.add_argument("--no-auth", action="store_true", help="want no tokens, also where others can reach it")
    who.add_argument(
        "--open", action="append", default=[], choices=OPENABLE, metavar="WHAT",
        help=f"open to everybody: {', '.join(OPENABLE)}; repeatable",
    )  # fmt: skip
    who.add_argument("--public-tag", action="append", default=[], metavar="TAG", help="scenarios that /public shows; repeatable")
    limits = parser.add_argument_group("limits")
    limits.add_argument("--max-running", type=positive, default=500, metavar="N", help="scenarios at work at once (default: 500)")
    limits.add_argument(
        "--max-series",
        type=positive,
        default=200_000,
        metavar="N",
        help="lines of /metrics that scenarios make (default: 200000)",
    )
    limits.add_argument("--stop-within", type=duration, default=20.0, metavar="20s", help="time to end well after SIGTERM")
    limits.add_argument(
        "--keep-ticks", type=duration, default=90 * 86_400.0, metavar="90d", help="how long single answers are kept"
    )
    limits.add_argument("--keep-evidence", type=duration, default=30 * 86_400.0, metavar="30d", help="how long evidence is kept")
    logs = parser.add_argument_group("its own logs, on standard error")
    logs.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"), help="(default: info)")
    logs.add_argument("--log-format", choices=("json", "text"), help="(default: text on a terminal, else json)")


OPENABLE = ("metrics", "badges", "public")


def run(args: argparse.Namespace) -> int:
    if args.auth and args.no_auth:
        raise UsageError("--auth and --no-auth cannot both hold")
    try:
        from vedette.jobs.watch import watch
        from vedette.service.state import ServeSettings
    except ModuleNotFoundError as problem:
        if problem.name and problem.name.split(".")[0] in ("vedette", "probes", "scenarios", "reports"):
            raise
        raise UsageError(f"`vedette serve` needs the package '{problem.name}': pip install 'vedette[serve]'") from problem
    from vedette.settings import read_settings

    settings = ServeSettings(
        suites=tuple(args.suites), targets=tuple(args.target), gates=tuple(args.gate), host=args.host, port=args.port,
        location=args.location, store=args.store or "", state=read_settings().state, max_running=args.max_running,
        stop_within_s=args.stop_within,
        require_tokens=True if args.auth else False if args.no_auth else None, open_routes=("health", *args.open),
        hosts=tuple(args.allow_host), public_tags=tuple(args.public_tag), log_level=args.log_level.upper(),
        log_format=args.log_format or "", environment=os.environ.get("VEDETTE_ENVIRONMENT", ""),
        tls_cert=args.tls_cert, tls_key=args.tls_key, max_series=args.max_series,
        keep_ticks_d=args.keep_ticks / 86_400, keep_outcomes_d=args.keep_evidence / 86_400,
    )  # fmt: skip
    return watch(settings)


def _label(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > 100:
        raise argparse.ArgumentTypeError(f"'{text}' should be a name of 1 to 100 letters, such as fra1")
    return text


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' should be a port: a number from 0 to 65535")
    return int(text)
