"""This file is for the gates of a service: opened, told what happens to the rollout, asked for their decisions, ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.gates import Gate
from reports.store.ledger.gates import GateLedger
from vedette.service.gating import Wanted


class Gates:
    """The gates of one service: all state is in the ledger, so they go on after a restart.

    Every method but `run` is for routes; all are to be called on the event loop's thread, and raise StoreError where the
    store cannot be used.
    """

    ledger: GateLedger  # blocks: for threads

    async def open(self, wanted: Wanted, by: str) -> tuple[Gate, bool]:
        """Open a gate and return it with True; the same again returns what is there with False.

        Raises: Unknown for a policy that was not given to this service, NoSuchStage, NotPossible for one that judges
        nothing (such as the same version on both sides), NameTaken, AnotherIsOpen.
        """
        raise NotImplementedError

    async def stage(self, name: str, weight: float, by: str) -> Gate:
        """Take note that the rollout is at the stage of a weight; the same again changes nothing.

        Raises: NoSuchGate, NoSuchStage, NotNow where the stage before it is not shown, or the gate is over.
        """
        raise NotImplementedError

    async def tell(self, name: str, action: str, by: str, reason: str) -> Gate:
        """Take note that a person decided: hold, resume, promote, rollback or cancel. Raises: NoSuchGate, NotNow."""
        raise NotImplementedError

    async def decision(self, name: str, weight: float | None = None) -> dict[str, Any]:
        """Return the decision as it is told, read from the store and nothing else; `fresh` says whether it speaks for now.

        Raises: NoSuchGate, NoSuchStage.
        """
        raise NotImplementedError

    async def get(self, name: str) -> Gate:
        """Return one gate. Raises: NoSuchGate."""
        raise NotImplementedError

    def evidence(self, gate: Gate) -> Iterator[str]:
        """Yield the gate's lines of evidence, without line ends. Blocks: for a thread."""
        raise NotImplementedError

    def policy_names(self) -> tuple[str, ...]:
        """Return the names of the policies that gates can be opened with."""
        raise NotImplementedError

    async def run(self) -> None:
        """Go on with what a restart interrupted, and with what comes, until cancelled."""
        raise NotImplementedError
