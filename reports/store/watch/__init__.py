"""This package is for what continuous probing keeps: one line a tick, counts by the hour, and evidence where it matters."""
