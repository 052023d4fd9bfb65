"""This package is for the schema's steps, one file each."""
