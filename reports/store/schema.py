"""This file is for what must be known of the schema before the database libraries are loaded."""

# The revision that this version reads and writes: the head of reports/store/migrations/versions (a test compares them).
# Revisions are numbered in four digits, so that a text comparison tells which is newer.
HEAD = "0005"
REVISION_FORM = r"[0-9]{4}"
