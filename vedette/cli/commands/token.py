"""This file is for `vedette token`: make, list and revoke the tokens that let programs and people into a service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vedette.cli.arguments import duration
from vedette.cli.speech import UsageError, complain, tell
from vedette.exit_codes import Exit
from vedette.service.scopes import Scope

if TYPE_CHECKING:
    from reports.store.ledger.audit import Audit
    from reports.store.ledger.tokens import Token, Tokens

SUMMARY = "make, list and revoke the tokens of a service"
EXAMPLES = (
    "examples:\n  vedette token create prometheus --scope metrics\n"
    "  vedette token create ci --scope read --scope write --expires 90d\n"
    "  vedette token list\n  vedette token revoke ci\n\n"
    "scopes:\n  read       pages and the API, reading\n  metrics    /metrics and /probe\n"
    "  write      deployments, maintenance, reload, asking out of turn\n  gate       the canary gate\n"
    "  heartbeat  reporting for any job\n\n"
    "These commands work on the store itself, also while the service runs: a revoked token is refused within two seconds."
)
_MOMENT = "%Y-%m-%d %H:%M UTC"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    deeds = parser.add_subparsers(title="what to do", dest="deed", metavar="DEED", required=True)
    create = deeds.add_parser("create", help="make a token and print it, this once")
    create.add_argument("name", metavar="NAME", help="who will use it; stands in the audit trail")
    create.add_argument(
        "--scope", action="append", required=True, choices=[str(s) for s in Scope], dest="scopes", help="what for; repeatable"
    )
    create.add_argument("--expires", type=duration, metavar="90d", help="when it stops working (default: never)")
    show = deeds.add_parser("list", help="list all tokens, without what lets anybody in")
    revoke = deeds.add_parser("revoke", help="let a token admit nobody any more")
    revoke.add_argument("name", metavar="NAME", help="the token's name")
    for one in (create, show, revoke):
        one.add_argument("--store", metavar="WHERE", help="the service's database (default: results.db in the state folder)")


def run(args: argparse.Namespace) -> int:
    from reports.store.errors import StoreError
    from reports.store.ledger.tokens import TokenError

    deed = {"create": _create, "list": _list, "revoke": _revoke}[args.deed]
    try:
        with _opened(args.store) as (tokens, audit):
            deed(args, tokens, audit)
    except TokenError as problem:
        raise UsageError(str(problem)) from problem
    except StoreError as problem:
        complain(str(problem))
        return Exit.INCONCLUSIVE
    return Exit.PASSED


@contextmanager
def _opened(store: str | None) -> Iterator[tuple[Tokens, Audit]]:
    from reports.store.ledger.audit import Audit
    from reports.store.ledger.tokens import Tokens
    from vedette.settings import make_state_folder, no_state_folder, read_settings

    settings = read_settings()
    if store is None:
        try:
            make_state_folder(settings)
        except OSError as problem:
            raise UsageError(no_state_folder(settings, problem)) from problem
    where = store or settings.database
    tokens, audit = Tokens(where), Audit(where)
    try:
        yield tokens, audit
    finally:
        tokens.close()
        audit.close()


def _create(args: argparse.Namespace, tokens: Tokens, audit: Audit) -> None:
    now = datetime.now(UTC)
    expires_at = None if args.expires is None else _after(now, args.expires)
    token, text = tokens.create(args.name, args.scopes, at=now, expires_at=expires_at)
    audit.note(_who(), "create a token", token.name, {"scopes": sorted(token.scopes), "expires_at": _moment(expires_at, "never")})
    sys.stdout.write(f"{text}\n")
    until = f"until {expires_at:{_MOMENT}}" if expires_at else "until it is revoked"
    tell(f"the token '{token.name}' may {', '.join(sorted(token.scopes))} {until}; it is shown this once, so keep it now")


def _list(args: argparse.Namespace, tokens: Tokens, audit: Audit) -> None:
    now = datetime.now(UTC)
    found = tokens.list()
    rows = [("name", "scopes", "made", "last used", "state"), *(_row(token, now) for token in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if not found:
        tell("there is no token")
        return
    for row in rows:
        sys.stdout.write("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() + "\n")


def _revoke(args: argparse.Namespace, tokens: Tokens, audit: Audit) -> None:
    now = datetime.now(UTC)
    before = next((t for t in tokens.list() if t.name == args.name), None)
    token = tokens.revoke(args.name, at=now)
    if before is not None and before.revoked_at is not None:
        tell(f"the token '{token.name}' was revoked before, on {_moment(token.revoked_at, '')}")
        return
    audit.note(_who(), "revoke a token", token.name)
    tell(f"the token '{token.name}' admits nobody any more; a running service knows within two seconds")


def _row(token: Token, now: datetime) -> tuple[str, ...]:
    if token.revoked_at is not None:
        state = f"revoked {_moment(token.revoked_at, '')}"
    elif not token.usable(now):
        state = f"expired {_moment(token.expires_at, '')}"
    else:
        state = f"good until {_moment(token.expires_at, 'revoked')}"
    return token.name, ",".join(sorted(token.scopes)), _moment(token.created_at, ""), _moment(token.last_used_at, "never"), state


def _moment(at: datetime | None, otherwise: str) -> str:
    return otherwise if at is None else f"{at:{_MOMENT}}"


def _after(now: datetime, lasts_s: float) -> datetime:
    try:
        return now + timedelta(seconds=lasts_s)
    except OverflowError:
        raise UsageError("--expires is further away than any calendar goes; leave it out for never") from None


def _who() -> str:
    """Return who sits at the command line, as the system knows them."""
    import getpass

    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a user without a name, as in many containers
        return "command line"
