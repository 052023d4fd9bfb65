"""This package is for the formats that a run can be reported in: one file, one format, found by its file's name."""
