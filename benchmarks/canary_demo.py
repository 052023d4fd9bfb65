"""This file is for the end of every canary demo: the sound version promoted, each broken one never.

    python benchmarks/canary_demo.py [--json] [FAULT ...]

Each demo is a process of its own: two versions of the booking service behind the proxy, asked by the gate's own job.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from vedette.exit_codes import Exit
from vedette.reference.faults import named

COMMAND = Path(sys.executable).parent / "vedette"
SOUND = ""
WITHIN_S = 300
# Bugs that the quick suite looks at, of every kind that it has. Those that take away what a probe looks at come last.
FAULTS = (
    "api_fails", "api_error_with_200", "api_maintenance_page", "api_answer_cut", "api_redirects_to_login", "api_slots_empty",
    "api_numbers_as_text", "api_slow", "cache_key_without_tenant", "cache_tenant_context_global", "cache_hit_from_shared_layer",
    "tenant_ignored", "log_email_raw", "log_phone_raw", "log_bearer_header", "log_iban_raw", "breaker_open_at_start",
    "breaker_state_missing", "limit_blocks_everyone", "limit_global", "health_html", "health_dsn_shown", "health_needs_login",
    "health_timestamp_frozen", "log_nothing", "cache_off", "api_canned_answer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How one demo ended."""

    fault: str
    decision: str
    exit: int
    weight: float | None  # of the stage at which it was decided
    rounds: int
    reason_code: str
    reason: str
    seconds: float
    is_right: bool


def ended(fault: str) -> Ended:
    """Run the demo, sound or with one fault, and return how it ended."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        words = [str(COMMAND), "demo", "canary", "--json", *(["--fault", fault] if fault else [])]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"the demo of '{fault}' ended with {done.returncode} and no verdict:\n{done.stderr}") from None
    return Ended(
        fault=fault,
        decision=told["decision"],
        exit=done.returncode,
        weight=told["stage"]["weight"],
        rounds=told["samples"]["pairs"],
        reason_code=told["reason_code"],
        reason=told["reason"],
        seconds=round(time.monotonic() - began, 1),
        is_right=done.returncode in right_ends(fault),
    )


def right_ends(fault: str) -> set[int]:
    """Return how a demo may end. A bug that hides what is looked at need not be seen, but is never promoted."""
    if not fault:
        return {Exit.PASSED}
    return {Exit.FAILED, Exit.INCONCLUSIVE} if named(fault).vacuity else {Exit.FAILED}


def main() -> int:
    parser = argparse.ArgumentParser(description="how canary demos end")
    parser.add_argument("faults", nargs="*", help="only these (default: the sound version, and many faults)")
    parser.add_argument("--json", action="store_true", help="one document for programs")
    args = parser.parse_args()
    ends = []
    for fault in args.faults or (SOUND, *FAULTS):
        ends.append(ended(fault))
        if not args.json:
            print(line_of(ends[-1]), flush=True)
    wrong = [one.fault or "sound" for one in ends if not one.is_right]
    if args.json:
        print(json.dumps({"ends": {one.fault or "sound": asdict(one) for one in ends}, "wrong": wrong}, indent=2))
    else:
        print(f"{len(ends) - len(wrong)} of {len(ends)} ended as they should" + (f"; not: {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


def line_of(one: Ended) -> str:
    mark = "" if one.is_right else "  WRONG"
    return (
        f"{one.fault or 'sound':<30} {one.decision:<13} at {one.weight:>3g} %  {one.rounds:>3} rounds  {one.seconds:>5} s  "
        f"{one.reason_code}{mark}"
    )


if __name__ == "__main__":
    sys.exit(main())
