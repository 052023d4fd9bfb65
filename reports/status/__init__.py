"""This package is for the status page as data: pure functions from how the series stand to what a page shows."""
