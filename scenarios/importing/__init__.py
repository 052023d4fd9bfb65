"""This package is for making a suite out of what another program watches or sends: one file a format, found by folder scan."""
