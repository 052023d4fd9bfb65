"""This file is for the faults of the booking service as AskPro runs it, which the suite `askpro` must catch."""

from __future__ import annotations

from vedette.reference.askpro.faults_asked import ANSWERED
from vedette.reference.askpro.faults_seen import SEEN

FAULTS = (*ANSWERED, *SEEN)
