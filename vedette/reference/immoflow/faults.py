"""This file is for the faults of ImmoflowMe and of what watches over it, which the suite `immoflow` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault

FAULTS: tuple[Fault, ...] = ()
