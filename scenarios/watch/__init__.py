"""This package is for watching: asking the same questions again and again, each when it is due, and telling what came of it."""
