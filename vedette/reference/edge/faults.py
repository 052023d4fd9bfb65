"""This file is for the faults of all faces, which the suite `edge` must catch."""

from __future__ import annotations

from vedette.reference.edge.faces import faces

FAULTS = tuple(fault for face in faces() for fault in face.FAULTS)
