"""This file is for deciding which outcomes of watching are kept whole: those whose evidence somebody will want to read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from probes.outcome import Outcome, Verdict

PROOF_EVERY_S = 900.0  # a pass is kept whole this often, so that its proof can be read
SAME_EVERY_S = 30.0  # and a failure that repeats itself this often

_NUMBERED_WORD = re.compile(r"\S*\d\S*")  # counts, ids, durations: they differ where the failure is the same


class Told(NamedTuple):
    """What a series said: its verdict and the sentence."""

    verdict: Verdict
    sentence: str


def worth_keeping(previous: Told | None, outcome: Outcome, last_kept: datetime | None) -> bool:
    """Return whether an outcome is to be kept whole.

    Every change of the verdict is, in both directions; of what goes on, a pass every 15 minutes for its proof, and
    anything worse every 30 seconds while it says the same, at once where it says something else. `previous` is what
    the series said before (None: nothing is known of it), `last_kept` when its newest whole outcome began.
    """
    if previous is None or last_kept is None or outcome.undo_failures or outcome.verdict is not previous.verdict:
        return True
    # Both ways: after the clock was set back, the newest kept one lies in the future.
    since_s = abs((outcome.started_at - last_kept).total_seconds())
    if outcome.verdict in (Verdict.PASS, Verdict.SKIPPED):
        return since_s >= PROOF_EVERY_S
    return since_s >= SAME_EVERY_S or not _says_the_same(outcome.sentence, previous.sentence)


def _says_the_same(one: str, other: str) -> bool:
    return one == other or _NUMBERED_WORD.sub("#", one) == _NUMBERED_WORD.sub("#", other)
