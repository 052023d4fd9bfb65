"""This package is for what can be asked over HTTP: one file a subject, each with a `router`; no list to edit elsewhere."""
