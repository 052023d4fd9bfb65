"""This package is for what the routes of pages share: the frame around a page, and what is read for it."""
