"""This file is for the faults of the booking platform, which the suite `bookando` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault

FAULTS: tuple[Fault, ...] = ()
