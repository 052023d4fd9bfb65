"""This file is for waiting until a gate of a service has decided about a stage: in bounded time, and never for a promise only."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from vedette.cli.gate_talk import asked, code_of, in_words, plain_name, say
from vedette.cli.service_client import Client, Json, ServiceRefused, ServiceUnreachable, one_line
from vedette.cli.speech import complain, tell
from vedette.exit_codes import Exit

EVERY_S = (1.0, 15.0)  # between two questions: at least, and at most
AWAY_S = 180.0  # for which a service that is away, as in its restart, is waited for
TIMEOUT_S = 6 * 3600.0  # where none is given
_TELL_S = 60.0  # between two lines of how it stands


def wait(
    client: Client,
    args: argparse.Namespace,
    *,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Wait until the stage is decided, and return its code: 0 promote, 1 rollback, 3 inconclusive, 4 not in time.

    A service that is away is asked again for a while; what it refuses for good is told at once. Raises: UsageError.
    """
    name = plain_name(args.name)
    over_s = monotonic() + (TIMEOUT_S if args.timeout is None else args.timeout)
    answered_s = told_s = monotonic()
    shown = ""
    while True:
        pause_s, trouble = EVERY_S[0], ""
        try:
            now = asked(client, name, args.stage)
        except (ServiceUnreachable, ServiceRefused) as problem:
            if isinstance(problem, ServiceRefused) and problem.status < 500 and problem.status != 429:
                raise
            trouble = str(problem)
            if monotonic() - answered_s >= AWAY_S:
                complain(f"nothing is known of the gate '{name}' for {AWAY_S:g} s: {trouble}")
                return Exit.INCONCLUSIVE
        else:
            answered_s = monotonic()
            code = code_of(now)
            if code is not None:
                return _told(name, now, code, passes=args.on_inconclusive == "pass")
            shown, told_s = _shown(in_words(now), shown, told_s, monotonic())
            pause_s = min(EVERY_S[1], max(EVERY_S[0], float(now["next_poll_s"])))
        if monotonic() >= over_s:
            complain(f"the gate '{name}' has not decided in time; {one_line(trouble or in_words(now))}")
            return Exit.DEADLINE
        pause(max(0.0, min(pause_s, over_s - monotonic())))


def _told(name: str, now: Json, code: Exit, *, passes: bool) -> Exit:
    """Say how it ended, and return the code; nobody is bound by a gate in shadow mode."""
    say(f"{name}: {in_words(now)}")
    if now["shadow"]:
        return Exit.PASSED
    if code is Exit.INCONCLUSIVE and passes and now.get("phase") != "cancelled":
        tell("it could not be decided, and nothing is shown: let pass only because of --on-inconclusive pass")
        return Exit.PASSED
    return code


def _shown(words: str, before: str, told_s: float, now_s: float) -> tuple[str, float]:
    """Tell how it stands, at first and then once a minute where that has changed."""
    if words == before or (before and now_s - told_s < _TELL_S):
        return before, told_s
    tell(one_line(words))
    return words, now_s
