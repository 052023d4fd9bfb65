"""This file is for what pages read of a gate's evidence: only what is new since it was looked at last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from reports.gates import Gate
from reports.judgement.gate import Decision, GateState, decide
from reports.status.gate_past import Past
from reports.store.ledger.gates import LINES_AT_ONCE, GateLedger

KEPT = 16  # gates whose evidence is remembered between two looks


@dataclass(slots=True)
class _Kept:
    past: Past = field(default_factory=Past)
    lock: threading.Lock = field(default_factory=threading.Lock)


class GatePasts:
    """Remembers the evidence of the gates that were looked at last. Every method blocks, and may be called from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, ledger: GateLedger, name: str) -> tuple[Gate, Decision, Past] | None:
        """Return a gate with its decision and its evidence as they stand now, None where there is none of this name.

        Raises: StoreError, BadState for a state of another version.
        """
        gate = ledger.get(name)
        newest = None if gate is None else ledger.newest(gate.id)
        if newest is None:
            return None
        return newest.gate, decide(GateState.read(newest.state)), self._past(ledger, newest.gate)

    def _past(self, ledger: GateLedger, gate: Gate) -> Past:
        with self._lock:
            kept = self._kept.pop(gate.id, None) or _Kept()
            self._kept[gate.id] = kept
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            past = kept.past
            while past.lines < gate.seq:
                lines = ledger.lines(gate.id, past.lines, min(LINES_AT_ONCE, gate.seq - past.lines))
                if not lines:
                    break  # forgotten meanwhile
                past.take(lines)
            return past.copied()  # another look may go on with it while this one is drawn
