"""This file is for what `vedette gate` says to a service, and what of its answers to people."""

from __future__ import annotations

import argparse
import json
import re
import sys

from vedette.cli.service_client import Client, Json, ServiceUnreachable, one_line
from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit

HERE = "/api/v1/gates"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}", re.ASCII)
_CODES = {"promote": Exit.PASSED, "rollback": Exit.FAILED, "inconclusive": Exit.INCONCLUSIVE}
_MOST_LISTED = 500


def plain_name(text: str) -> str:
    """Return a gate's name as it may stand in an address. Raises: UsageError for what is none."""
    if not _NAME.fullmatch(text):
        raise UsageError(f"'{one_line(text[:60])}' is no name of a gate: letters, digits and . _ @ -, at most 200")
    return text


def open_gate(client: Client, args: argparse.Namespace) -> int:
    """Open a gate, or find it open."""
    body = {
        "policy": args.policy,
        "name": plain_name(args.name),
        "canary_version": args.canary_version or "",
        "baseline_version": args.baseline_version or "",
        "stage": args.stage,
    }
    gate = client.post(HERE, body)
    against = f"version {gate['canary_version']} of {gate['service']} against {gate['baseline_version']}"
    is_over = gate["phase"] not in ("pending", "running")  # the same again finds what was opened once, also after its end
    state = f"over already ({gate['phase']}), and not opened again;" if is_over else "open for"
    say(f"{gate['name']}: {state} {against}, stages {_stages(gate)} %")
    return Exit.PASSED


def begin_stage(client: Client, args: argparse.Namespace) -> int:
    """Tell that the rollout is at a stage."""
    gate = client.post(f"{HERE}/{plain_name(args.name)}/stage", {"weight": args.weight})
    say(f"{gate['name']}: at {args.weight:g} %; {in_words(gate['decision'])}")
    return Exit.PASSED


def told(client: Client, args: argparse.Namespace) -> int:
    """Hold, resume, promote, roll back or cancel in a person's name: that of the token."""
    path, action = f"{HERE}/{plain_name(args.name)}", args.deed
    if not args.reason.strip():
        raise UsageError("why? give --reason: it stands in the evidence and in the audit trail")
    if action in ("promote", "rollback"):
        gate = client.post(f"{path}/override", {"action": action, "reason": args.reason})
    else:
        gate = client.post(f"{path}/{action}", {"reason": args.reason})
    say(f"{gate['name']}: {in_words(gate['decision'])}")
    return Exit.PASSED


def decision(client: Client, args: argparse.Namespace) -> int:
    """Tell what a gate decides now: 0 promote, 1 rollback, 3 neither."""
    now = asked(client, plain_name(args.name), args.stage)
    code = code_of(now)
    if args.json:
        say(json.dumps(now, indent=2, allow_nan=False))
    else:
        say(f"{plain_name(args.name)}: {in_words(now)}")
        for warning in now.get("warnings") or ():
            tell(f"warning: {one_line(warning)}")
    return Exit.INCONCLUSIVE if code is None else code


def list_them(client: Client, args: argparse.Namespace) -> int:
    """List gates, the newest first."""
    query = {"limit": min(args.limit, _MOST_LISTED), "open": "true" if args.open else None, "service": args.of}
    found = client.get(HERE, query)["items"]
    if args.json:
        say(json.dumps(found, indent=2, allow_nan=False))
        return Exit.PASSED
    for one in found:
        words = in_words(one["decision"])
        say(f"{one['name']}  {one['service']} {one['canary_version']}  {one['phase']}  {words}")
    if not found:
        tell("there is no gate" + (" that is open" if args.open else ""))
    return Exit.PASSED


def asked(client: Client, name: str, stage: float | None) -> Json:
    """Return what is decided about a gate's stage, or about the one that it is at.

    Raises: ServiceUnreachable for an answer about something else: a promotion of another stage must not be taken for ours.
    """
    now = client.get(f"{HERE}/{name}/decision", {"stage": None if stage is None else f"{stage:g}"})
    wanted = stage if stage is not None else (now.get("stage") or {}).get("weight")
    about = (now.get("stage") or {}).get("weight")
    is_other = now["decision"] == "promote" and about != wanted
    is_known = now["decision"] in _CODES or now["decision"] == "hold"
    if now["schema_version"] != 1 or now["session"] != name or is_other or not is_known:
        raise ServiceUnreachable(f"what answers at {client.url} does not speak about this gate and stage")
    return now


def code_of(now: Json) -> Exit | None:
    """Return the exit code that a decision deserves, None while it is open. A promotion has to be final."""
    code = _CODES.get(now["decision"])
    return None if code is Exit.PASSED and now["final"] is not True else code


def in_words(now: Json) -> str:
    """Return a decision for people."""
    weight = (now.get("stage") or {}).get("weight")
    at = f" at {weight:g} %" if weight is not None and now.get("phase") != "pending" else ""
    stale = "" if now.get("fresh", True) else " (rounds are not asked now)"
    shadow = "shadow mode, nobody is bound; " if now["shadow"] else ""
    reason = str(now["reason"]).removeprefix("shadow mode, binds nobody: ")
    return f"{shadow}{now['decision']}{at}: {reason}{stale}"


def say(line: str) -> None:
    """Write one line, or one document, to standard output."""
    shown = line if line.startswith(("{", "[")) else one_line(line)
    sys.stdout.write(f"{shown}\n")
    sys.stdout.flush()


def _stages(gate: Json) -> str:
    return ", ".join(f"{weight:g}" for weight in gate["weights"])
