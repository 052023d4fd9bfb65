"""This file is for the faults of the platform, which the suite `platform-baseline` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault

FAULTS: tuple[Fault, ...] = ()
